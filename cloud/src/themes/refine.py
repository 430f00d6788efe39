"""From topics to sentences: the themes that topics have shown are refined on the sentences themselves.

Rounds of spherical k-means (Dhillon & Modha 2001) in which a sentence may belong to nothing: each sentence goes to the
nearest theme if it is near enough, then each theme moves to the mean of its sentences. A topic is 3 to 20 sentences of
which some are about something else, so themes of whole topics are neither pure nor complete (ADR-014).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from cloud.src.themes.sentence_grid import directions
from cloud.src.topics.grid import COARSE_STEPS, CoarseGrid

Rows = NDArray[np.int64]

NO_THEME = -1
# Cosine to a theme's centroid, with the common mean taken off, from which on a sentence goes to it while themes are
# refined. Chosen on one quarter and held on the other (docs/measurements/themes.md).
NEAR = 0.45
ROUNDS = 4
# A theme that has fewer sentences after a round is given up.
MIN_SENTENCES = 5
_BLOCK = 8_192


def refine(sentences: CoarseGrid, labels: Rows, n_themes: int) -> CoarseGrid:
    """The centroids of the themes that remain, shape (themes, dimensions), in their order.

    ``labels`` has the theme of each sentence by its topic, NO_THEME for none; there are ``n_themes``.
    """
    centroids = centroids_of(sentences, labels, n_themes)
    for _ in range(ROUNDS):
        labels = nearest(sentences, centroids)
        sizes = np.bincount(labels[labels != NO_THEME], minlength=len(centroids))
        kept = np.flatnonzero(sizes >= MIN_SENTENCES)
        centroids = centroids_of(sentences, renumbered(labels, kept, len(centroids)), len(kept))
    return centroids


def renumbered(labels: Rows, kept: Rows, n_themes: int) -> Rows:
    """The labels when only some of the themes are kept, in their order; NO_THEME for those of others."""
    new_number = np.full(n_themes + 1, NO_THEME)  # the last place is that of NO_THEME
    new_number[kept] = np.arange(len(kept))
    return new_number[labels]


def nearest(sentences: CoarseGrid, centroids: CoarseGrid) -> Rows:
    """The theme that each sentence is nearest to, the first of equally near ones; NO_THEME where none is near."""
    labels = np.full(len(sentences), NO_THEME, dtype=np.int64)
    if len(centroids) == 0:
        return labels
    for start in range(0, len(sentences), _BLOCK):
        products = sentences[start : start + _BLOCK] @ centroids.T
        best = products.argmax(axis=1)
        is_near = products[np.arange(len(best)), best] >= NEAR * COARSE_STEPS**2
        labels[start : start + _BLOCK] = np.where(is_near, best, NO_THEME)
    return labels


def centroids_of(sentences: CoarseGrid, labels: Rows, n_labels: int) -> CoarseGrid:
    """The mean direction of each label's sentences, shape (n_labels, dimensions); NO_THEME has none."""
    sums = np.zeros((n_labels, sentences.shape[1]))
    for start in range(0, len(sentences), _BLOCK):
        block = sentences[start : start + _BLOCK].astype(np.float64)
        sums += membership(labels[start : start + _BLOCK], n_labels).T @ block
    sizes = np.maximum(np.bincount(labels[labels != NO_THEME], minlength=n_labels), 1)
    return directions(np.rint(sums * 16 / sizes[:, None]))


def membership(labels: Rows, n_labels: int) -> sp.csr_matrix:
    """1 where a sentence has a label, else 0; shape (sentences, n_labels)."""
    rows = np.flatnonzero(labels != NO_THEME)
    return sp.csr_matrix((np.ones(len(rows)), (rows, labels[rows])), shape=(len(labels), n_labels))
