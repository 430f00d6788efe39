"""Momentum, affinity and novelty: a call's exposure against its firm's past, its sector's, and a theme's own past.

Only what was said before goes in, so none of them changes when later calls are added. "Before" is an earlier day: of
two calls on one day neither knows the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EARLIER_CALLS = 4
EARLIER_QUARTERS = 4
WITHIN_DAYS = 365
MIN_OTHER_FIRMS = 5
_DIGITS = 9  # so that the last bit of a sum is in no file

Shares = NDArray[np.float64]
Numbers = NDArray[np.int64]


def momentum(exposure: Shares, firms: Sequence[str], days: Numbers) -> Shares:
    """exposure - mean of the firm's exposures in its up to EARLIER_CALLS earlier calls; NaN without one.

    ``exposure`` has shape (calls, themes); of calls on one day the later row is the later call.
    """
    change = np.full(exposure.shape, np.nan)
    for rows in _by(firms, days):
        for place, row in enumerate(rows):
            earlier = [other for other in rows[:place] if days[other] < days[row]][-EARLIER_CALLS:]
            if earlier:
                change[row] = exposure[row] - exposure[earlier].mean(axis=0)
    return np.round(change, _DIGITS)


def affinity(exposure: Shares, firms: Sequence[str], sectors: Sequence[str | None], days: Numbers) -> Shares:
    """exposure - mean over the other firms of the sector, each with its last call before, of the WITHIN_DAYS before.

    NaN where they are fewer than MIN_OTHER_FIRMS, or the sector is not known. Shapes as in momentum.
    """
    difference = np.full(exposure.shape, np.nan)
    for rows in _by(["" if sector is None else sector for sector in sectors], days):
        if not sectors[rows[0]]:
            continue
        last_call: dict[str, int] = {}
        for of_day in np.split(rows, np.flatnonzero(np.diff(days[rows])) + 1):
            day = days[of_day[0]]
            known = {firm: row for firm, row in last_call.items() if day - days[row] <= WITHIN_DAYS}
            total = exposure[list(known.values())].sum(axis=0)
            for row in of_day:
                own = known.get(firms[row])
                n_others = len(known) - (own is not None)
                if n_others >= MIN_OTHER_FIRMS:
                    others = total if own is None else total - exposure[own]
                    difference[row] = exposure[row] - others / n_others
            last_call |= {firms[row]: int(row) for row in of_day}
    return np.round(difference, _DIGITS)


def novelty(shares: Shares) -> Shares:
    """share - mean of the up to EARLIER_QUARTERS quarters before; NaN in the first. Shape (quarters, themes)."""
    change = np.full(shares.shape, np.nan)
    for quarter in range(1, len(shares)):
        change[quarter] = shares[quarter] - shares[max(0, quarter - EARLIER_QUARTERS) : quarter].mean(axis=0)
    return np.round(change, _DIGITS)


def _by(labels: Sequence[str], days: Numbers) -> list[Numbers]:
    """The rows of each label, oldest first."""
    if not len(labels):
        return []
    _, number = np.unique(np.array(labels), return_inverse=True)
    order = np.lexsort((np.arange(len(days)), days, number))
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
