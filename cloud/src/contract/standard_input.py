"""Ends a process together with its parent, however the parent ends: the kernel then closes the pipe between them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def when_it_closes(act: Callable[[], None]) -> None:
    """Call ``act``, in a thread of its own, once standard input has ended."""
    threading.Thread(target=_wait, args=(act,), daemon=True).start()


def _wait(act: Callable[[], None]) -> None:
    # Not sys.stdin.read(): it holds a lock that the interpreter needs when it exits on an error.
    while os.read(0, 1024):
        pass
    act()
