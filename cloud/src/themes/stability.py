"""How stable a theme is: whether it is found again when a tenth of the firms is left out (Hennig 2007, "Cluster-wise
assessment of cluster stability", Computational Statistics & Data Analysis 52)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

RERUNS = 5
PARTS = 10
MIN_FIRMS = 20


def part_of_firm(firm_ids: Sequence[str]) -> dict[str, int]:
    """Which tenth each firm is in; rerun k leaves out tenth k. By a hash, so that it is the same in every run."""
    ordered = sorted(set(firm_ids), key=lambda firm_id: (blake2b(firm_id.encode()).hexdigest(), firm_id))
    return {firm_id: place % PARTS for place, firm_id in enumerate(ordered)}


def best_jaccard(members: sp.csr_matrix, rerun: sp.csr_matrix) -> NDArray[np.float64]:
    """Of each theme the best Jaccard index of its sentences with those of a theme of the rerun; shape (themes,).

    Both are 1 where a sentence counts for a theme, over the same sentences: those of the firms that are in both.
    """
    together = np.asarray((members.T @ rerun).todense())
    sizes, sizes_of_rerun = (np.asarray(each.sum(axis=0)).ravel() for each in (members, rerun))
    either = sizes[:, None] + sizes_of_rerun[None] - together
    best: NDArray[np.float64] = (together / np.maximum(either, 1)).max(axis=1, initial=0)
    return best
