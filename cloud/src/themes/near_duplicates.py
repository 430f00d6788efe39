"""Themes that say the same twice are merged: their centroids are near and their topics share their main words.

Average linkage leaves such pairs where both are wide: their topics lie apart on average, although their centres do not.
Neither measure is enough by itself: near centroids are often neighbours ("debt", "liquidity"), and words are shared by
what lies far apart ("share" of the market, "share" repurchases).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from cloud.src.models.embeddings import Vectors, unit
from cloud.src.topics.grid import COARSE_STEPS, on_coarse_grid

# Cosine of the centroids, and how many of the three most shared words two themes must have in common.
MIN_SIMILARITY = 0.5
MAIN_WORDS = 3
MIN_MAIN_WORDS = 2
# Jaccard index of the sentences that count for two themes, from which on they are one.
SAME_SENTENCES = 0.4

Rows = NDArray[np.int64]
Grid = NDArray[np.int16] | Vectors
_BLOCK = 1_024


def merge(clusters: list[Rows], grid: Grid, keywords: Sequence[Sequence[str]]) -> list[Rows]:
    """The clusters, with near-duplicates merged two at a time, nearest first; each is merged once at most.

    ``clusters`` hold rows of ``grid`` (vectors on the grid, shape (topics, dimensions)) and of ``keywords``.
    """
    if len(clusters) < 2:
        return clusters
    words = [{word for word, _ in shared_words([keywords[i] for i in rows], MAIN_WORDS)} for rows in clusters]
    centroids = on_coarse_grid(unit(np.array([grid[rows].mean(axis=0, dtype=np.float64) for rows in clusters])))
    firsts, seconds, products = _near_pairs(centroids)
    partner: dict[int, int] = {}
    for place in np.argsort(-products, kind="stable"):
        one, other = int(firsts[place]), int(seconds[place])
        if one not in partner and other not in partner and len(words[one] & words[other]) >= MIN_MAIN_WORDS:
            partner[one], partner[other] = other, one
    return [
        np.concatenate([rows, clusters[partner[number]]]) if number in partner else rows
        for number, rows in enumerate(clusters)
        if partner.get(number, number) >= number
    ]


def _near_pairs(centroids: Vectors) -> tuple[Rows, Rows, Vectors]:
    """The pairs from MIN_SIMILARITY on, each once and by its first one, with their products."""
    pairs: list[tuple[Rows, Rows, Vectors]] = []
    # In blocks, because all products of 20,000 clusters take 1.6 GB.
    for start in range(0, len(centroids), _BLOCK):
        products = np.triu(centroids[start : start + _BLOCK] @ centroids.T, k=start + 1)
        firsts, seconds = np.nonzero(products >= MIN_SIMILARITY * COARSE_STEPS**2)
        pairs.append((firsts + start, seconds, products[firsts, seconds]))
    firsts, seconds, found = (np.concatenate(each) for each in zip(*pairs, strict=True))
    return firsts, seconds, found


def shared_words(keywords_of_each: Iterable[Sequence[str]], n_words: int) -> list[tuple[str, float]]:
    """The words that most topics (or firms) have among their keywords, with the share of those that do.

    A word that only one has is not shared. A word of a pair counts too; of equally shared words the alphabetically
    first comes first.
    """
    words_of_each = [{word for keyword in keywords for word in keyword.split()} for keywords in keywords_of_each]
    counts = Counter(word for words in words_of_each for word in words)
    shared = [(word, count) for word, count in counts.items() if count > 1]
    best = sorted(shared, key=lambda item: (-item[1], item[0]))[:n_words]
    return [(word, count / len(words_of_each)) for word, count in best]


def same_sentences(members: sp.csr_matrix) -> Rows:
    """The theme that each theme becomes when those that count mostly the same sentences are one, numbered from 0.

    ``members`` is 1 where a sentence counts for a theme, shape (sentences, themes). Average linkage of Jaccard indices.
    """
    if members.shape[1] < 2:
        return np.zeros(members.shape[1], dtype=np.int64)
    together = np.asarray((members.T @ members).todense())
    sizes = np.diag(together)
    distances = 1 - together / np.maximum(sizes[:, None] + sizes[None] - together, 1)
    np.fill_diagonal(distances, 0)
    clusters = fcluster(linkage(squareform(distances, checks=False), "average"), 1 - SAME_SENTENCES, "distance")
    _, first, number = np.unique(clusters, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number].astype(np.int64)
