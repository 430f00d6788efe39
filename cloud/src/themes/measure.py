"""A quarter's themes: found from topics, refined and given dictionaries on sentences, then counted.

Fitting needs all vectors at once and may be given a sample of the sentences; counting goes through all of them once,
part by part. Everything is deterministic: whole numbers, and no random start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from cloud.src.models.byte_vectors import ByteVectors
from cloud.src.models.embeddings import Vectors, unit
from cloud.src.themes import near_duplicates
from cloud.src.themes.count import NEAR_WITH_FAMILY_PHRASE, NO_PHRASE, Counted, count
from cloud.src.themes.dictionary import Dictionary, family_dictionaries, means_of_phrases, theme_dictionaries
from cloud.src.themes.families import find_families
from cloud.src.themes.phrases import Phrases, by_firm, matrix_of, of_sentence, shared_phrases
from cloud.src.themes.refine import NO_THEME, Rows, centroids_of, membership, nearest, refine, renumbered
from cloud.src.themes.sentence_grid import Mean, centred, mean_of
from cloud.src.topics.grid import COARSE_STEPS, CoarseGrid
from cloud.src.topics.procedural import MAX_SHARE_OF_NEARLY_PROCEDURAL

# Above 1: near enough is nobody.
_NEVER_NEAR = 2.0
_BLOCK = 8_192


@dataclass(frozen=True)
class Sentences:
    """Sentences that say something, in spoken order; all of length n but ``vectors``, of shape (n, dimensions).

    ``phrases`` are those that ``texts`` repeat. ``firms`` and ``calls`` are numbers; ``seeds`` is the theme that the
    sentence's topic is in, NO_THEME for none, and ``is_procedural`` whether it comes near to what runs a call.
    """

    vectors: ByteVectors
    firms: Rows
    calls: Rows
    texts: Sequence[str]
    phrases: Phrases
    seeds: Rows
    is_procedural: NDArray[np.bool_]


@dataclass(frozen=True)
class Groups:
    """The themes, or the families: ``centroids`` (groups, dimensions), mean off; ``means``, unit vectors, mean in."""

    centroids: CoarseGrid
    dictionary: Dictionary
    means: Vectors

    def of(self, chosen: Rows) -> Groups:
        """Some of the groups."""
        return Groups(self.centroids[chosen], self.dictionary.of(chosen), self.means[chosen])


@dataclass(frozen=True)
class FittedThemes:
    """What a sentence is measured with. ``phrases`` are the columns of the dictionaries; ``family_of`` each theme."""

    mean: Mean
    phrases: list[str]
    themes: Groups
    families: Groups
    family_of: Rows

    @property
    def n_families(self) -> int:
        """How many families there are."""
        return len(self.families.centroids)

    def without(self, dropped: Rows) -> FittedThemes:
        """Without some themes, and without the families that have no theme left."""
        themes = np.setdiff1d(np.arange(len(self.family_of)), dropped)
        families, family_of = np.unique(self.family_of[themes], return_inverse=True)
        return replace(self, themes=self.themes.of(themes), families=self.families.of(families), family_of=family_of)


@dataclass(frozen=True)
class Limits:
    """When a theme is valid: it spans so many firms, and no firm holds a larger share of its sentences."""

    min_firms: int
    max_firm_dominance: float


def fit(sentences: Sentences, n_seeds: int, limits: Limits) -> FittedThemes:
    """Refine the themes that the topics have shown, build their dictionaries, and put them into families."""
    mean = mean_of([sentences.vectors])
    grid = centred(sentences.vectors, mean)
    phrases = shared_phrases(sentences.phrases, sentences.firms)
    themes = _fit_themes(sentences, grid, phrases, n_seeds, limits)
    family_of = find_families(
        themes.centroids, themes.dictionary.log_odds, themes.nearest, sentences.calls, themes.members
    )
    return FittedThemes(
        mean,
        phrases.texts,
        _groups(sentences, themes.centroids, themes.dictionary, themes.members),
        _fit_families(sentences, grid, phrases, themes, family_of),
        family_of,
    )


@dataclass(frozen=True)
class _Themes:
    """Valid themes; ``members`` is 1 where a sentence counts for one, shape (sentences, themes).

    nearest: the theme that each sentence is nearest to, NO_THEME where none is near.
    """

    centroids: CoarseGrid
    dictionary: Dictionary
    members: sp.csr_matrix
    nearest: Rows


def _fit_themes(sentences: Sentences, grid: CoarseGrid, phrases: Phrases, n_seeds: int, limits: Limits) -> _Themes:
    means = means_of_phrases(phrases, grid)

    def valid(centroids: CoarseGrid) -> _Themes:
        """The themes that are valid when they have dictionaries and are counted."""
        labels = nearest(grid, centroids)
        dictionary = theme_dictionaries(phrases, means, membership(labels, len(centroids)), centroids)
        members = count(grid, phrases.said, centroids, dictionary.is_own).members(len(grid), len(centroids))
        dropped = np.union1d(
            invalid(members, sentences.firms, dictionary.is_own, limits), _procedural(members, sentences.is_procedural)
        )
        kept = np.setdiff1d(np.arange(len(centroids)), dropped)
        lost = np.flatnonzero(np.isin(labels, dropped))
        labels = renumbered(labels, kept, len(centroids))
        labels[lost] = nearest(grid[lost], centroids[kept])
        return _Themes(centroids[kept], dictionary.of(kept), members[:, kept], labels)

    themes = valid(refine(grid, sentences.seeds, n_seeds))
    # Until none are the same: what two have become has another dictionary, and may count what a third one does.
    while True:
        same = near_duplicates.same_sentences(themes.members)
        n_merged = int(same.max(initial=-1)) + 1
        if n_merged == len(themes.centroids):
            return themes
        labels = np.append(same, NO_THEME)[themes.nearest]  # the last place is that of NO_THEME
        themes = valid(centroids_of(grid, labels, n_merged))


def _procedural(members: sp.csr_matrix, is_procedural: NDArray[np.bool_]) -> Rows:
    """The themes that run the call instead of saying something, by the rule for topics (topics/procedural.py)."""
    sizes = np.maximum(np.asarray(members.sum(axis=0)).ravel(), 1)
    return np.flatnonzero((members.T @ is_procedural.astype(np.float64)) / sizes > MAX_SHARE_OF_NEARLY_PROCEDURAL)


def _fit_families(sentences: Sentences, grid: CoarseGrid, phrases: Phrases, themes: _Themes, family_of: Rows) -> Groups:
    n_families = int(family_of.max(initial=-1)) + 1
    family_of_theme = membership(family_of, n_families)
    nearest_family = np.append(family_of, NO_THEME)[themes.nearest]  # the last place is that of NO_THEME
    centroids = centroids_of(grid, nearest_family, n_families)
    dictionary = family_dictionaries(phrases, membership(nearest_family, n_families))
    with_phrase = count(grid, phrases.said, centroids, dictionary.is_own, _NEVER_NEAR, NEAR_WITH_FAMILY_PHRASE)
    either = (themes.members @ family_of_theme) + with_phrase.members(len(grid), n_families)
    return _groups(sentences, centroids, dictionary, (either > 0).astype(np.float64))


def _groups(sentences: Sentences, centroids: CoarseGrid, dictionary: Dictionary, members: sp.csr_matrix) -> Groups:
    vectors = sentences.vectors
    sums = np.zeros((members.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), _BLOCK):  # whole numbers: exact in double precision
        sums += members[start : start + _BLOCK].T @ vectors[start : start + _BLOCK].astype(np.float64)
    return Groups(centroids, dictionary, unit(sums))


def invalid(members: sp.csr_matrix, firms: Rows, is_own: sp.csr_matrix, limits: Limits) -> Rows:
    """The themes that too few firms speak of, that are mostly one firm's, or that have no phrase of their own."""
    of_firm = np.asarray((by_firm(firms) @ members).todense())
    sizes = np.maximum(of_firm.sum(axis=0), 1)
    is_valid = ((of_firm > 0).sum(axis=0) >= limits.min_firms) & (is_own.getnnz(axis=1) > 0)
    # Divided, not multiplied: 29 of 100 is the number 0.29, while 0.29 * 100 is a little less than 29.
    return np.flatnonzero(~is_valid | (of_firm.max(axis=0, initial=0) / sizes > limits.max_firm_dominance))


@dataclass(frozen=True)
class Measured:
    """What counts for themes and for families. A sentence that counts for a theme counts for its family."""

    themes: Counted
    families: Counted


def measure(fitted: FittedThemes, vectors: ByteVectors, texts: Sequence[str]) -> Measured:
    """Count some sentences, any number at a time."""
    return _measured(fitted, vectors, matrix_of([of_sentence(text) for text in texts], fitted.phrases))


def measure_fitted(fitted: FittedThemes, sentences: Sentences) -> Measured:
    """Count sentences that have been fitted to, whose phrases are known."""
    return _measured(fitted, sentences.vectors, sentences.phrases.named(fitted.phrases).said)


def _measured(fitted: FittedThemes, vectors: ByteVectors, said: sp.csr_matrix) -> Measured:
    grid = centred(vectors.reshape(said.shape[0], len(fitted.mean)), fitted.mean)
    themes = count(grid, said, fitted.themes.centroids, fitted.themes.dictionary.is_own)
    families = fitted.families
    with_phrase = count(
        grid, said, families.centroids, families.dictionary.is_own, _NEVER_NEAR, NEAR_WITH_FAMILY_PHRASE
    )
    return Measured(themes, _of_families(grid, families.centroids, themes, fitted.family_of, with_phrase))


def _of_families(
    grid: CoarseGrid, centroids: CoarseGrid, themes: Counted, family_of: Rows, with_phrase: Counted
) -> Counted:
    """Sentences of a family's themes, and those with a phrase of its own; each pair once."""
    n_families = len(centroids)
    pairs, first = np.unique(
        np.concatenate(
            [
                with_phrase.sentence * n_families + with_phrase.theme,
                themes.sentence * n_families + family_of[themes.theme],
            ]
        ),
        return_index=True,
    )
    sentence, family = (pairs // n_families, pairs % n_families) if n_families else (pairs, pairs)
    phrase = np.append(with_phrase.phrase, np.full(len(themes.sentence), NO_PHRASE))[first]
    products = np.einsum("ij,ij->i", grid[sentence], centroids[family], dtype=np.float64)
    return Counted(sentence, family, np.round(products / COARSE_STEPS**2, 4), phrase)
