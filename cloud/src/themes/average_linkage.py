"""Average linkage of unit vectors by cosine distance, in memory that grows with their number and not with its square.

For unit vectors the mean of all pairwise cosine distances between two clusters is 1 minus the dot product of their mean
vectors, so a cluster is described by its mean and its size. Average linkage is reducible (merging two clusters brings
neither of them nearer to a third), therefore all pairs that are nearest to one another can be merged at once and the
result is that of merging one pair at a time (Murtagh 1983, "A survey of recent advances in hierarchical clustering
algorithms", section 2).

Vectors are on the coarse grid (topics/grid.py), so that the result is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.src.topics.grid import COARSE_STEPS

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

# Dot products held at a time: 60,000 clusters against 1,024 take 250 MB.
_BLOCK = 1_024


@dataclass
class _Clusters:
    """``means`` on the grid and ``sums`` have shape (inputs, dimensions), ``sizes`` and the others (inputs,).

    A cluster stands at the row of its first input. ``nearest`` is the row of the cluster that is nearest to it, and
    ``similarity`` their dot product.
    """

    means: Vectors
    sums: NDArray[np.int32]
    sizes: NDArray[np.int64]
    nearest: Rows
    similarity: Vectors
    merged_into: Rows

    def search(self, rows: Rows, among: Rows) -> None:
        """Find the nearest cluster of each; of equally near ones the first."""
        candidates = self.means[among]
        place = np.full(len(self.means), -1)
        place[among] = np.arange(len(among))
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            products = self.means[block] @ candidates.T
            products[np.arange(len(block)), place[block]] = -np.inf  # itself
            best = products.argmax(axis=1)
            self.nearest[block] = among[best]
            self.similarity[block] = products[np.arange(len(block)), best]

    def merge(self, firsts: Rows, seconds: Rows) -> None:
        self.sums[firsts] += self.sums[seconds]
        self.sizes[firsts] += self.sizes[seconds]
        self.means[firsts] = np.round(self.sums[firsts] / self.sizes[firsts, None])
        self.merged_into[seconds] = firsts


def average_linkage(vectors: Vectors, max_distance: float, sizes: NDArray[np.int64] | None = None) -> Rows:
    """Clusters up to a mean cosine distance: for each vector the row of its cluster's first one.

    ``vectors`` are on the coarse grid, shape (n, dimensions): unit vectors, or means of ``sizes`` unit vectors each.
    """
    n = len(vectors)
    sizes = np.ones(n, dtype=np.int64) if sizes is None else sizes.astype(np.int64)
    sums = (vectors * sizes[:, None]).astype(np.int32)
    nothing = np.full(n, -1)
    clusters = _Clusters(vectors.copy(), sums, sizes, nothing, np.zeros(n, np.float32), np.arange(n))
    least_similarity = (1 - max_distance) * COARSE_STEPS**2
    active = stale = np.arange(n)
    while len(active) > 1:
        clusters.search(stale, active)
        # What is near to nothing now will never be: merging brings no cluster nearer.
        active = active[clusters.similarity[active] >= least_similarity]
        firsts = active[(clusters.nearest[clusters.nearest[active]] == active) & (active < clusters.nearest[active])]
        if len(firsts) == 0:
            if len(stale) == len(active):
                break
            stale = active  # rounding has brought a mean nearer after all
            continue
        seconds = clusters.nearest[firsts]
        clusters.merge(firsts, seconds)
        changed = np.zeros(n, dtype=bool)
        changed[firsts] = changed[seconds] = True
        active = active[clusters.merged_into[active] == active]
        stale = active[changed[active] | changed[clusters.nearest[active]]]
    return _roots(clusters.merged_into)


def _roots(merged_into: Rows) -> Rows:
    """The row that each row's cluster ended in."""
    while True:
        further = merged_into[merged_into]
        if np.array_equal(further, merged_into):
            return merged_into
        merged_into = further
