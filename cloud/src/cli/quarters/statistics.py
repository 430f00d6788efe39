"""Whether firms say more or less of a theme than before: p-values with the firm as the unit, and their q-values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm, rankdata

MIN_PAIRED = 6  # firms; with fewer, no change however clear has p < .05
# Up to so many firms that differ, all ways to swap their quarters are counted: 4,096.
MAX_EXACT = 12

Shares = NDArray[np.float64]


def paired_change(before: Shares, after: Shares) -> tuple[float, float]:
    """Wilcoxon's signed-rank test of firms in both quarters: the sum of signed ranks, and the two-sided p.

    Without change each firm's two quarters could be swapped. Firms that do not differ play no part; with up to
    MAX_EXACT others all swaps are counted, else the sum is compared with the normal distribution, whose variance, the
    sum of squared ranks, is exact with ties. ``before`` and ``after`` have an entry per firm.
    """
    difference = np.round(after - before, 12)
    difference = difference[difference != 0]
    ranks = rankdata(np.abs(difference))
    total = float((np.sign(difference) * ranks).sum())
    if not len(ranks):
        return 0.0, 1.0
    if len(ranks) <= MAX_EXACT:
        signs = 1 - 2 * ((np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks))) & 1)
        return total, float(np.mean(np.abs(signs @ ranks) >= abs(total) - 1e-9))
    return total, float(2 * norm.sf(abs(total) / np.sqrt(np.square(ranks).sum())))


def unpaired_change(before: Shares, after: Shares) -> tuple[float, float]:
    """The Mann-Whitney test of firms that are others in each quarter: how far ``after`` is above, and the p."""
    if not len(before) or not len(after) or len(np.unique(np.concatenate([before, after]))) == 1:
        return 0.0, 1.0
    found = mannwhitneyu(after, before)
    return float(found.statistic - len(before) * len(after) / 2), float(found.pvalue)


def q_values(p: Shares) -> Shares:
    """Benjamini & Hochberg (1995): the smallest false discovery rate at which each would be a discovery."""
    if not len(p):
        return p
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return q
