"""Runs one Batch job in a container: ``python container_job.py DOCKER NAME CREATE_ARGUMENTS...``.

A container belongs to the engine, not to us: killing the client leaves it running. So a second process, the keeper,
creates the container and waits. It has a session of its own, so that a signal to our process group does not reach it,
and the pipe that is its standard input closes when this process ends, in whatever way. Then it removes the container.

The exit code is the container's, or docker's own if the container cannot be created. The keeper shares this process's
output, so whoever reads that to its end knows that the container is gone.

Uses only the standard library: it runs as a script, without FTM's code on the path.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

_CREATED = b"created\n"


def run(docker: str, name: str, create_arguments: list[str]) -> int:
    """Run a container to its end; return its exit code. It is removed, even if this process is killed."""
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, "--keep", docker, name, *create_arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    if keeper.stdout.readline() != _CREATED:
        return keeper.wait()
    exit_code = subprocess.call([docker, "start", "--attach", name], stdin=subprocess.DEVNULL)
    keeper.stdin.close()
    keeper.wait()
    return exit_code


def keep(docker: str, name: str, create_arguments: list[str]) -> int:
    """Create the container, and remove it when standard input closes; created here, it cannot appear later."""
    create = [docker, "create", "--name", name, *create_arguments]
    created = subprocess.run(create, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if created.returncode != 0:
        return created.returncode
    with suppress(BrokenPipeError):  # the process that waited for it has ended meanwhile
        sys.stdout.buffer.write(_CREATED)
        sys.stdout.buffer.flush()
    sys.stdin.buffer.read()
    remove = [docker, "rm", "--force", "--volumes", name]
    return subprocess.run(remove, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1] == "--keep":
        sys.exit(keep(sys.argv[2], sys.argv[3], sys.argv[4:]))
    sys.exit(run(sys.argv[1], sys.argv[2], sys.argv[3:]))
