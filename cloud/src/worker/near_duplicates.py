"""Themes that say the same twice are merged: their centroids are near and their topics share their main words.

Average linkage leaves such pairs where both are wide: their topics lie apart on average, although their centres do not.
Neither measure is enough by itself: near centroids are often neighbours ("debt", "liquidity"), and words are shared by
what lies far apart ("share" of the market, "share" repurchases).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cloud.src.worker.average_linkage import STEPS, on_grid
from cloud.src.worker.embeddings import Vectors, unit
from cloud.src.worker.theme_words import shared_words

# Cosine of the centroids, and how many of the three most shared words two themes must have in common.
MIN_SIMILARITY = 0.5
MAIN_WORDS = 3
MIN_MAIN_WORDS = 2

Rows = NDArray[np.int64]


def merge(clusters: list[Rows], grid: Vectors, keywords: Sequence[Sequence[str]]) -> list[Rows]:
    """The clusters, with near-duplicates merged two at a time, nearest first; each is merged once at most.

    ``clusters`` hold rows of ``grid`` (vectors on the grid, shape (topics, dimensions)) and of ``keywords``.
    """
    if len(clusters) < 2:
        return clusters
    words = [{word for word, _ in shared_words([keywords[i] for i in rows], MAIN_WORDS)} for rows in clusters]
    centroids = on_grid(unit(np.array([grid[rows].mean(axis=0, dtype=np.float64) for rows in clusters])))
    products = np.triu(centroids @ centroids.T, k=1)
    firsts, seconds = np.nonzero(products >= MIN_SIMILARITY * STEPS**2)
    partner: dict[int, int] = {}
    for place in np.argsort(-products[firsts, seconds], kind="stable"):
        one, other = int(firsts[place]), int(seconds[place])
        if one not in partner and other not in partner and len(words[one] & words[other]) >= MIN_MAIN_WORDS:
            partner[one], partner[other] = other, one
    return [
        np.concatenate([rows, clusters[partner[number]]]) if number in partner else rows
        for number, rows in enumerate(clusters)
        if partner.get(number, number) >= number
    ]
