"""Families: the subjects a headline would name, of which themes are the parts.

Themes are alike when their centroids are near, when their dictionaries weigh the same phrases, and when one follows
the other in calls more often than chance has it. Ward's method (1963) makes families of even size from that; naive
linkage of centroids would put most themes into one family (ADR-014).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from cloud.src.themes.refine import NO_THEME, Rows, membership
from cloud.src.topics.grid import COARSE_STEPS, FINE_STEPS, CoarseGrid, on_fine_grid

# How much shared phrases and neighbourhood in calls count against the cosine of the centroids.
WEIGHT_OF_PHRASES = 0.5
WEIGHT_OF_NEIGHBOURS = 0.25
# Sentences after one another in a call of which the themes are neighbours.
WINDOW = 2
# log(observed / expected) neighbours at which two themes are as close as they can be.
_CLOSEST_LOG = 4
# Families per square root of the number of themes: 40 to 57 for 149 calls.
FAMILIES_PER_ROOT = 3
# A family with a larger share of the counted sentences, or of the themes, is cut in two; where there are few families,
# one with more than three times its even share.
MAX_SHARE_OF_SENTENCES = 0.10
MAX_SHARE_OF_THEMES = 0.15
_EVEN_SHARES = 3
# A phrase that tells a theme less does not count.
MIN_LOG_ODDS = 2
_BLOCK = 64  # themes

Alikeness = NDArray[np.float64]


def find_families(
    centroids: CoarseGrid, log_odds: sp.csr_matrix, labels: Rows, calls: Rows, members: sp.csr_matrix
) -> Rows:
    """The family of each theme, numbered from 0 in the order of their first themes.

    ``log_odds`` (themes, phrases) weigh the phrases; ``labels`` is the nearest theme of each sentence and ``calls`` the
    number of its call, both in spoken order; ``members`` is 1 where a sentence counts for a theme.
    """
    alikeness = how_alike(centroids, log_odds, labels, calls)
    families = _grouped(alikeness, round(FAMILIES_PER_ROOT * len(centroids) ** 0.5))
    families = _split_large(families, alikeness, members)
    _, first, number = np.unique(families, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]


def how_alike(centroids: CoarseGrid, log_odds: sp.csr_matrix, labels: Rows, calls: Rows) -> Alikeness:
    """Symmetric, shape (themes, themes), between -1 and 1; rounded, so that no last bit decides about a family."""
    cosine = centroids.astype(np.float64) @ centroids.T.astype(np.float64) / COARSE_STEPS**2
    neighbours = WEIGHT_OF_NEIGHBOURS * _neighbours(labels, calls, len(centroids))
    alike = cosine + WEIGHT_OF_PHRASES * _by_phrases(log_odds) + neighbours
    return np.round(alike / (1 + WEIGHT_OF_PHRASES + WEIGHT_OF_NEIGHBOURS), 6)


def _by_phrases(log_odds: sp.csr_matrix) -> Alikeness:
    """Cosines of the themes' phrases, weighted by the root of their log-odds."""
    blocks = []
    for start in range(0, log_odds.shape[0], _BLOCK):  # 2,000 themes with 30,000 phrases would take gigabytes
        block = log_odds[start : start + _BLOCK].toarray()
        weights = np.sqrt(block * (block >= MIN_LOG_ODDS))
        lengths = np.sqrt(np.square(weights).sum(axis=1, keepdims=True))
        blocks.append(sp.csr_matrix(on_fine_grid(weights / np.where(lengths == 0, 1, lengths))))
    phrases = sp.vstack(blocks, format="csr") if blocks else log_odds
    products: Alikeness = (phrases @ phrases.T).toarray() / FINE_STEPS**2
    return products


def _neighbours(labels: Rows, calls: Rows, n_themes: int) -> Alikeness:
    """log(observed / expected) of two themes within WINDOW sentences of a call, scaled to -1 to 1."""
    pairs = np.zeros((n_themes, n_themes))
    for step in range(1, WINDOW + 1):
        one, other = labels[:-step], labels[step:]
        differ = (one != NO_THEME) & (other != NO_THEME) & (one != other) & (calls[:-step] == calls[step:])
        np.add.at(pairs, (one[differ], other[differ]), 1)
    pairs += pairs.T.copy()
    total = pairs.sum(axis=1)
    expected = np.outer(total, total) / max(total.sum(), 1)
    close: Alikeness = np.clip(np.log((pairs + 0.5) / (expected + 0.5)) / _CLOSEST_LOG, -1, 1)
    return close


def _grouped(alikeness: Alikeness, n_groups: int) -> Rows:
    """At most ``n_groups`` groups by Ward's method on the distances of unit vectors with these products."""
    if len(alikeness) < 2:
        return np.zeros(len(alikeness), dtype=np.int64)
    distances = np.sqrt(np.maximum(0, 2 - 2 * alikeness))
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), method="ward")
    groups: Rows = fcluster(tree, max(n_groups, 1), criterion="maxclust").astype(np.int64) - 1
    return groups


def _split_large(families: Rows, alikeness: Alikeness, members: sp.csr_matrix) -> Rows:
    """The families, those that are too large cut in two until none is, or it is a single theme."""
    families = families.copy()
    n_counted = max(1, np.count_nonzero(np.diff(members.indptr)))
    of_few = _EVEN_SHARES / (families.max(initial=0) + 1)
    most_sentences = max(MAX_SHARE_OF_SENTENCES, of_few) * n_counted
    most_themes = max(MAX_SHARE_OF_THEMES, of_few) * len(families)
    cannot_be_cut: set[int] = set()
    while True:
        n_families = int(families.max(initial=-1)) + 1
        n_sentences = np.diff(((members @ membership(families, n_families)) > 0).tocsc().indptr)
        n_themes = np.bincount(families, minlength=n_families)
        is_large = (n_sentences > most_sentences) | (n_themes > most_themes)
        large = [int(family) for family in np.flatnonzero(is_large & (n_themes > 1)) if family not in cannot_be_cut]
        if not large:
            return families
        family = max(large, key=lambda number: (n_sentences[number], -number))
        themes = np.flatnonzero(families == family)
        halves = _grouped(alikeness[np.ix_(themes, themes)], 2)
        if halves.max() == 0:
            cannot_be_cut.add(family)
        families[themes[halves == 1]] = n_families
