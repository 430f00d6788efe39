"""Runs a pip that ends with its parent process: ``python guarded_pip.py download ...``.

A process killed with SIGKILL cannot end its pip, but the kernel then closes the pipe that is pip's standard input. This
runs as a script and needs only pip and the standard library.
"""

from __future__ import annotations

import os
import runpy
import threading


def main() -> None:
    """Run pip with this process's arguments, and end it when standard input ends."""
    threading.Thread(target=_exit_when_input_closes, daemon=True).start()
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


def _exit_when_input_closes() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
