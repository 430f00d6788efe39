"""Random tries until their time is up: a seed that repeats them, and what came of them.

FTM_CHAOS_SECONDS is the time of each campaign. FTM_CHAOS_SEED repeats the tries of a run; with FTM_CHAOS_TRY as well,
that one try is all there is of each campaign.
"""

from __future__ import annotations

import itertools
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator

SECONDS = float(os.environ.get("FTM_CHAOS_SECONDS") or 5)
SEED = os.environ.get("FTM_CHAOS_SEED") or str(secrets.randbelow(10**9))
ONLY_TRY = os.environ.get("FTM_CHAOS_TRY")

# What each campaign tried and what held, for the end of the run (conftest.py).
findings: list[str] = []


def campaign(what: str, attempt: Callable[[random.Random], str]) -> Counter[str]:
    """Attempt again and again, at least once; return how often each outcome came.

    ``attempt`` gets its own chance and returns what came of it; whatever it raises says how to repeat it.
    """
    outcomes: Counter[str] = Counter()
    for number in _numbers():
        try:
            outcomes[attempt(random.Random(f"{SEED} {what} {number}"))] += 1
        except BaseException as error:
            error.add_note(f"{what}: to try it again, set FTM_CHAOS_SEED={SEED} FTM_CHAOS_TRY={number}")
            findings.append(_finding(what, outcomes) + f"; failed at try {number}")
            raise
    findings.append(_finding(what, outcomes))
    return outcomes


def _numbers() -> Iterator[int]:
    if ONLY_TRY:
        yield int(ONLY_TRY)
        return
    start = time.monotonic()
    for number in itertools.count():
        yield number
        if time.monotonic() - start > SECONDS:
            return


def _finding(what: str, outcomes: Counter[str]) -> str:
    counted = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    return f"chaos, {what}: seed {SEED}, {outcomes.total():,} held ({counted})"
