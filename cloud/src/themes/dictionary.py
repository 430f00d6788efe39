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
_BLOCK = 8_192  # sentences
_THEMES = 64  # at a time

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Dictionary:
    """All of shape (themes, phrases).

    is_own: whether the phrase is in the theme's dictionary.
    purity: of the sentences that have the phrase, the share that is the theme's.
    share: of the theme's sentences, the share that has the phrase.
    log_odds: the z-score of the weighted log-odds ratio.
    """

    is_own: NDArray[np.bool_]
    purity: Shares
    share: Shares
    log_odds: Shares

    def of(self, themes: NDArray[np.int64]) -> Dictionary:
        """The dictionaries of some themes."""
        return Dictionary(self.is_own[themes], self.purity[themes], self.share[themes], self.log_odds[themes])


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
    purity, share, log_odds = _shares(phrases, members)
    nearness = (centroids @ means.T) / COARSE_STEPS**2
    is_own = (nearness >= MIN_NEARNESS) & (share >= MIN_SHARE) & (log_odds >= MIN_Z)
    return Dictionary(is_own, purity, share, log_odds)


def family_dictionaries(phrases: Phrases, members: sp.csr_matrix) -> Dictionary:
    """The dictionaries of families; ``members`` is 1 where a sentence is a family's, shape (sentences, families)."""
    purity, share, log_odds = _shares(phrases, members)
    is_own = (purity >= FAMILY_MIN_PURITY) & (share >= FAMILY_MIN_SHARE) & (log_odds >= MIN_Z)
    return Dictionary(is_own, purity, share, log_odds)


def _shares(phrases: Phrases, members: sp.csr_matrix) -> tuple[Shares, Shares, Shares]:
    """Purity, share and log-odds, each of shape (themes, phrases)."""
    uses = np.maximum(np.asarray(phrases.said.sum(axis=0)).ravel(), 1)
    sizes = np.maximum(np.asarray(members.sum(axis=0)).ravel(), 1)
    of_theme = members.T.tocsr()
    purity, share, log_odds = (np.empty((len(sizes), len(uses))) for _ in range(3))
    for start in range(0, len(sizes), _THEMES):  # what is between them would take gigabytes for all themes
        block = slice(start, start + _THEMES)
        together = np.asarray((of_theme[block] @ phrases.said).todense())
        purity[block], share[block] = together / uses, together / sizes[block, None]
        log_odds[block] = weighted_log_odds(together, uses, sizes[block], members.shape[0])
    return purity, share, log_odds


def weighted_log_odds(together: Shares, uses: Shares, sizes: Shares, n_sentences: int) -> Shares:
    """z-scores of each theme against all other sentences, shape (themes, phrases).

    ``together`` (themes, phrases) counts a theme's sentences with a phrase, ``uses`` (phrases,) all sentences with it,
    ``sizes`` (themes,) a theme's sentences.
    """
    worth = min(PRIOR, MAX_PRIOR_SHARE * n_sentences)
    prior = worth * uses / n_sentences
    elsewhere, n_elsewhere = uses - together, (n_sentences - sizes)[:, None]
    inside = np.log((together + prior) / np.maximum(sizes[:, None] + worth - together - prior, 0.5))
    outside = np.log((elsewhere + prior) / np.maximum(n_elsewhere + worth - elsewhere - prior, 0.5))
    # Rounded, so that the last bit of a logarithm decides about nothing.
    return np.round((inside - outside) / np.sqrt(1 / (together + prior) + 1 / (elsewhere + prior)), 6)
