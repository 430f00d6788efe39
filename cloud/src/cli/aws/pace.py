"""Estimates how long a running task still needs, from its pace while it was watched."""

from __future__ import annotations

import time
from collections.abc import Callable

# Less than that says nothing: firms come in bursts, and the first ones wait for instances.
FEWEST, FEWEST_S = 10, 60.0


class Pace:
    """Counts finished items; the clock starts with the first one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None  # when, and how many were done

    def seconds_left(self, n_done: int, n_all: int) -> float | None:
        """Time left at the pace so far; None while too little is known, or when nothing is left."""
        now = self._clock()
        if self._first is None and n_done:
            self._first = now, n_done
        if self._first is None or n_done >= n_all:
            return None
        since, before = self._first
        if n_done - before < FEWEST or now - since < FEWEST_S:
            return None
        return (n_all - n_done) * (now - since) / (n_done - before)
