"""One attempt of a Batch job: a process under its guard, whose output becomes events in CloudWatch Logs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moto.logs.models import LogsBackend

from cloud.src.localaws.process_groups import ProcessGroups

_GUARD = Path(__file__).parents[1] / "job_guard.py"


@dataclass(frozen=True)
class Ending:
    """How an attempt ended."""

    exit_code: int | None  # 128 + n if signal n ended it; None if it could not start
    timed_out: bool = False
    reason: str = ""  # why it could not start


@dataclass(frozen=True)
class LogStream:
    """Receives the lines that a job prints."""

    backend: LogsBackend
    group: str
    name: str

    def create(self) -> None:
        """Create the stream, and its group if needed."""
        self.backend.ensure_log_group(self.group)
        self.backend.ensure_log_stream(self.group, self.name)

    def put(self, line: str) -> None:
        """Add a line with the current time."""
        event = {"timestamp": int(time.time() * 1000), "message": line}
        self.backend.put_log_events(self.group, self.name, [event])


class JobProcess:
    """A running attempt. It ends by itself, by ``kill``, after its time limit, or with the server."""

    def __init__(
        self,
        processes: ProcessGroups,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: LogStream,
    ) -> None:
        self._processes = processes
        # -I -S: the guard needs only the standard library and so starts in a tenth of the time
        guard = [sys.executable, "-I", "-S", str(_GUARD), *command]
        self._guard = processes.start(guard, environment, folder, output=subprocess.PIPE)
        self._log_reader = threading.Thread(target=self._forward_output, args=(log,), daemon=True)
        self._log_reader.start()

    def wait(self, time_limit_s: float | None) -> Ending:
        """Wait until the process and all it started are gone."""
        timed_out = False
        try:
            self._guard.wait(time_limit_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        exit_code = self._processes.kill(self._guard)
        self._log_reader.join()
        return Ending(exit_code if exit_code >= 0 else 128 - exit_code, timed_out)

    def kill(self) -> None:
        """Kill the job with everything that it has started."""
        self._processes.kill(self._guard)

    def _forward_output(self, log: LogStream) -> None:
        assert self._guard.stdout is not None
        with self._guard.stdout as output:
            for line in output:
                text = line.decode(errors="replace").rstrip()
                if text:  # CloudWatch Logs does not accept empty messages
                    log.put(text)
