"""Child processes that are started, and later killed, together with everything that they start."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO


class ProcessGroups:
    """The process groups this server has started and that are still alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def start(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        folder: Path,
        output: int | IO[bytes],
        inherited_files: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` as the leader of a new group, with a pipe as its standard input.

        The kernel closes that pipe when this server dies, in whatever way, which tells the child to end its group.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the local AWS is stopping")
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=inherited_files,
                start_new_session=True,
            )
            self._alive.add(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> int:
        """Kill what is left of the group; return its leader's exit code. A second time does nothing."""
        with self._lock:
            if process in self._alive:  # otherwise its number may belong to another process by now
                self._alive.remove(process)
                with suppress(ProcessLookupError):  # nothing is left
                    os.killpg(process.pid, signal.SIGKILL)
        return process.wait()

    def kill_all(self) -> None:
        """Kill every group and start no more."""
        with self._lock:
            self._closed = True
            alive = list(self._alive)
        for process in alive:
            self.kill(process)
