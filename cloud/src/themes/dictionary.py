"""The dictionary of a theme: the phrases that are its own.

A phrase is a theme's own when the sentences that have it lie near to the theme on average, enough of the theme's
sentences have it, and it is said more in the theme than outside by more than chance. The last is the weighted log-odds
ratio with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008, "Fightin' Words", Political Analysis 16(4),
equations 16 and 22); all of it counts sentences, not uses. A theme without such a phrase has no subject.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from cloud.src.themes.phrases import Phrases
from cloud.src.topics.grid import COARSE_STEPS, CoarseGrid

# Cosine of the mean of the sentences that have the phrase to the theme's centroid.
MIN_NEARNESS = 0.35
# Share of the theme's sentences.
MIN_SHARE = 0.05
# Standard errors: the 97.5 % quantile of the normal distribution.
MIN_Z = 1.96
# Sentences that the prior is worth, and at most which share of them all: in a small quarter it would outweigh what is
# said. It keeps rare phrases from odds that are large by chance.
PRIOR = 500.0
MAX_PRIOR_SHARE = 0.01
# A family is wider than a theme: fewer of its sentences share a phrase, but most with the phrase are the family's.
FAMILY_MIN_PURITY = 0.4
FAMILY_MIN_SHARE = 0.01
_BLOCK = 8_192  # sentences, or phrases of themes

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Dictionary:
    """All of shape (themes, phrases) and sparse: of 8,000 themes and 30,000 phrases few go together.

    purity: of the sentences that have the phrase, the share that is the theme's; of phrases in its dictionary.
    share: of the theme's sentences, the share that has the phrase; of phrases in its dictionary.
    log_odds: the z-score of the weighted log-odds ratio, where it is at least MIN_Z.
    """

    purity: sp.csr_matrix
    share: sp.csr_matrix
    log_odds: sp.csr_matrix

    @property
    def is_own(self) -> sp.csr_matrix:
        """Whether the phrase is in the theme's dictionary."""
        own = self.purity
        return sp.csr_matrix((np.ones(own.nnz, dtype=np.bool_), own.indices, own.indptr), shape=own.shape)

    def of(self, themes: NDArray[np.int64]) -> Dictionary:
        """The dictionaries of some themes."""
        return Dictionary(self.purity[themes], self.share[themes], self.log_odds[themes])


def means_of_phrases(phrases: Phrases, sentences: CoarseGrid) -> CoarseGrid:
    """The mean of the sentences that have each phrase, shape (phrases, dimensions)."""
    sums = np.zeros((len(phrases.texts), sentences.shape[1]))
    for start in range(0, len(sentences), _BLOCK):  # all of them in double precision would take 800 MB
        sums += phrases.said[start : start + _BLOCK].T @ sentences[start : start + _BLOCK].astype(np.float64)
    uses = np.maximum(np.asarray(phrases.said.sum(axis=0)).ravel(), 1)
    means: CoarseGrid = np.rint(sums / uses[:, None]).astype(np.float32)
    return means


def theme_dictionaries(
    phrases: Phrases, means: CoarseGrid, members: sp.csr_matrix, centroids: CoarseGrid
) -> Dictionary:
    """The dictionaries of themes; ``members`` is 1 where a sentence is a theme's, shape (sentences, themes).

    ``means`` are those of the phrases' sentences, as ``means_of_phrases`` returns them.
    """
    said = _said_in(phrases, members)
    may_be_own = np.flatnonzero((said.share >= MIN_SHARE) & (said.log_odds >= MIN_Z))
    is_own = np.zeros(len(said.share), dtype=np.bool_)
    for start in range(0, len(may_be_own), _BLOCK):
        block = may_be_own[start : start + _BLOCK]
        products = np.einsum("ij,ij->i", centroids[said.theme[block]], means[said.phrase[block]], dtype=np.float64)
        is_own[block] = products / COARSE_STEPS**2 >= MIN_NEARNESS
    return said.dictionary(is_own)


def family_dictionaries(phrases: Phrases, members: sp.csr_matrix) -> Dictionary:
    """The dictionaries of families; ``members`` is 1 where a sentence is a family's, shape (sentences, families)."""
    said = _said_in(phrases, members)
    is_own = (said.purity >= FAMILY_MIN_PURITY) & (said.share >= FAMILY_MIN_SHARE) & (said.log_odds >= MIN_Z)
    return said.dictionary(is_own)


@dataclass(frozen=True)
class _Said:
    """An entry for each theme and phrase that a sentence of the theme has; ``shape`` is (themes, phrases)."""

    shape: tuple[int, int]
    theme: NDArray[np.int64]
    phrase: NDArray[np.int64]
    purity: Shares
    share: Shares
    log_odds: Shares

    def dictionary(self, is_own: NDArray[np.bool_]) -> Dictionary:
        """With the entries that are in a theme's dictionary."""
        return Dictionary(
            self._matrix(self.purity, is_own),
            self._matrix(self.share, is_own),
            self._matrix(self.log_odds, self.log_odds >= MIN_Z),
        )

    def _matrix(self, values: Shares, chosen: NDArray[np.bool_]) -> sp.csr_matrix:
        return sp.csr_matrix((values[chosen], (self.theme[chosen], self.phrase[chosen])), shape=self.shape)


def _said_in(phrases: Phrases, members: sp.csr_matrix) -> _Said:
    uses = np.asarray(phrases.said.sum(axis=0)).ravel()
    sizes = np.asarray(members.sum(axis=0)).ravel()
    together = (members.T.tocsr() @ phrases.said).tocoo()
    uses_of, sizes_of = uses[together.col], sizes[together.row]
    return _Said(
        together.shape,
        together.row.astype(np.int64),
        together.col.astype(np.int64),
        together.data / uses_of,
        together.data / sizes_of,
        weighted_log_odds(together.data, uses_of, sizes_of, members.shape[0]),
    )


def weighted_log_odds(together: Shares, uses: Shares, sizes: Shares, n_sentences: int) -> Shares:
    """z-scores of a theme against all other sentences, of any number of themes and phrases; all of one length.

    ``together`` counts the theme's sentences with the phrase, ``uses`` all sentences with it, ``sizes`` the theme's
    sentences.
    """
    worth = min(PRIOR, MAX_PRIOR_SHARE * n_sentences)
    prior = worth * uses / n_sentences
    elsewhere, n_elsewhere = uses - together, n_sentences - sizes
    inside = np.log((together + prior) / np.maximum(sizes + worth - together - prior, 0.5))
    outside = np.log((elsewhere + prior) / np.maximum(n_elsewhere + worth - elsewhere - prior, 0.5))
    # Rounded, so that the last bit of a logarithm decides about nothing.
    return np.round((inside - outside) / np.sqrt(1 / (together + prior) + 1 / (elsewhere + prior)), 6)
