"""What a test of this folder must not do: use the network, start a process or load a model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from cloud.src.models.onnx import onnxruntime

# Audit events of the interpreter (https://docs.python.org/3/library/audit_events.html).
IMPURE = {
    "socket.bind": "opens a socket",
    "socket.connect": "opens a socket",
    "socket.getaddrinfo": "looks up a host",
    "subprocess.Popen": "starts a process",
    "os.exec": "starts a process",
    "os.fork": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
}

# One list for each `seen_impurities` around what runs now, the innermost last.
_watching: list[list[str]] = []


@contextmanager
def seen_impurities() -> Iterator[list[str]]:
    """Refuse what is impure while the block runs, and note it, because the code under test may catch the refusal."""
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        # These two raise no event.
        patch.setattr(BaseProcess, "start", lambda *_: _refuse("starts a process"))
        patch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: _refuse("loads a model"))
        _watching.append(seen)
        try:
            yield seen
        finally:
            _watching.pop()


def _refuse(impurity: str) -> None:
    if _watching:
        _watching[-1].append(impurity)
        raise RuntimeError(f"a fast test {impurity}: it belongs into tests/component")


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if event in IMPURE:
        _refuse(IMPURE[event])


# An audit hook stays until the interpreter ends; outside the block above it does nothing.
sys.addaudithook(_audit)
