"""A process that ends with the one that has started it, however that ends: the kernel then closes the pipe."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def when_it_closes(act: Callable[[], None]) -> None:
    """Call ``act``, from a thread of its own, when standard input has come to its end."""
    threading.Thread(target=_wait, args=(act,), daemon=True).start()


def _wait(act: Callable[[], None]) -> None:
    # Not sys.stdin.read(), which holds a lock that the interpreter wants when it exits on an error.
    while os.read(0, 1024):
        pass
    act()
