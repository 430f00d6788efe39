"""The ``ftm`` command as a process of its own, as a user starts it, and what it leaves behind."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

T = TypeVar("T")

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def start_ftm(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start ``ftm`` with pipes for what it prints. ``environment`` is added to the test's own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cloud.src.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,  # so that a signal to it does not reach the test
    )


def run_ftm(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``ftm`` to its end."""
    process = start_ftm(*arguments, **environment)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@contextmanager
def no_process_left_behind() -> Iterator[None]:
    """Fail when a process that was started in the block, by whomever, still runs 20 s after it."""
    # The kernel gives us the children of processes that have died, so none of them can get out of sight.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = _descendants(os.getpid())
    yield
    until(lambda: not (_descendants(os.getpid()) - before), "the end of every process that ftm has started")


def until(look: Callable[[], T], what: str, timeout_s: float = 20) -> T:
    """Look until there is something to see; fail, naming it, after ``timeout_s``."""
    try:
        return Retrying(
            stop=stop_after_delay(timeout_s), wait=wait_fixed(0.1), retry=retry_if_result(lambda seen: not seen)
        )(look)
    except RetryError:
        processes = "".join(f"\n{_command(pid)}" for pid in _descendants(os.getpid()))
        pytest.fail(f"waited {timeout_s} s for {what}; processes:{processes}")


def _descendants(pid: int) -> set[int]:
    """All living processes below ``pid``."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found: set[int] = set()
    newest = {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest}
        found |= newest
    return found


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
