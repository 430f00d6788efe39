"""The plain ``aws`` command (version 2) in a terminal of somebody who works with ``ftm local up``."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.missing_program import skip_without

# From this version on the command reads AWS_ENDPOINT_URL.
READS_ENDPOINT_URL = (2, 13)


@dataclass(frozen=True)
class Terminal:
    """Runs what is typed, with these variables and no others of the test's own."""

    environment: dict[str, str]

    def type(self, command: str) -> str:
        """Run a command to its end, which has to be a good one; return what it prints."""
        done = subprocess.run(
            ["bash", "-c", command], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stdout

    def follow(self, command: str, is_all: Callable[[str], bool], timeout_s: float) -> str:
        """Read what a command prints that does not end by itself, until that is all; then end it as Ctrl-C does."""
        process = subprocess.Popen(
            ["bash", "-c", command],
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        timer = threading.Timer(timeout_s, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if is_all(printed):
                break
        timer.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.communicate()
        assert is_all(printed), f"{command}\n{printed}"
        return printed


def open_terminal(home: Path, exported: dict[str, str]) -> Terminal:
    """A terminal with an empty home folder, the newest ``aws`` first on its PATH, and what was exported."""
    command, version = _newest_aws_command()
    if version < (2, 0):
        skip_without("the aws command line (version 2) is not tried", "awscli")
    wrapper = home / "aws"
    if version >= READS_ENDPOINT_URL:
        wrapper.symlink_to(command)
    else:
        wrapper.write_text(f'#!/bin/sh\nexec {command} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n')
        wrapper.chmod(0o755)
    return Terminal({"PATH": f"{home}:{os.environ['PATH']}", "HOME": str(home), **exported})


def _newest_aws_command() -> tuple[str, tuple[int, int]]:
    """Path and version of the newest ``aws`` on this machine; an old one may come first on PATH."""
    folders = [*os.environ["PATH"].split(os.pathsep), "/usr/local/bin", "/usr/bin"]
    found = {command: _version(command) for folder in folders if (command := shutil.which("aws", path=folder))}
    return max(found.items(), key=lambda item: item[1], default=("", (0, 0)))


def _version(command: str) -> tuple[int, int]:
    """(0, 0) for a command that does not work, such as the shim of a Python that is not active."""
    text = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"aws-cli/(\d+)\.(\d+)", text)
    return (int(version[1]), int(version[2])) if version else (0, 0)
