"""Runs one Batch job, and ends it if the server dies: ``python job_guard.py COMMAND...``.

``ftm local up --apply`` runs Terraform in the same way; it is then the server in question.

A server killed with SIGKILL cannot end its jobs, but the kernel then closes the pipe that is this guard's standard
input, and the guard kills the process group that it leads: the job, whatever the job started, and itself. Its exit code
is the job's, or 128 + n if signal n ended the job, as a container runtime reports it.

Uses only the standard library: it runs as a script, without FTM's code on the path.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

_COMMAND_NOT_FOUND = 127  # what a shell answers


def main(command: list[str]) -> int:
    """Run the command to its end; return its exit code, in a shell's way if a signal killed it."""
    threading.Thread(target=_kill_group_when_input_closes, daemon=True).start()
    try:
        job = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", flush=True)
        return _COMMAND_NOT_FOUND
    exit_code = job.wait()
    return exit_code if exit_code >= 0 else 128 - exit_code


def _kill_group_when_input_closes() -> None:
    # As contract/standard_input.py, which a script without FTM's code on its path cannot import.
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
