"""Which sentences count for which themes: those near to it, and those with a phrase of its dictionary.

One rule for all themes. A sentence may count for several themes, and for none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from cloud.src.topics.grid import COARSE_STEPS, CoarseGrid

Rows = NDArray[np.int64]

# Cosine to the theme's centroid, with the common mean taken off, from which on a sentence counts for it.
NEAR = 0.55
# The same for a sentence with a phrase of the theme's dictionary, which may be said in passing or of another thing.
NEAR_WITH_PHRASE = 0.20
NEAR_WITH_FAMILY_PHRASE = 0.15
NO_PHRASE = -1
_BLOCK = 8_192
_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Counted:
    """What counts, one entry per (sentence, theme): ordered by sentence, then theme.

    ``phrase`` is the theme's dictionary phrase that the sentence has, NO_PHRASE where it has none; of several the last
    in the alphabet, because it is the longest of those that begin alike.
    """

    sentence: Rows
    theme: Rows
    similarity: NDArray[np.float64]  # cosine to the theme's centroid
    phrase: Rows

    def members(self, n_sentences: int, n_themes: int) -> sp.csr_matrix:
        """1 where a sentence counts for a theme; shape (sentences, themes)."""
        ones = np.ones(len(self.sentence))
        return sp.csr_matrix((ones, (self.sentence, self.theme)), shape=(n_sentences, n_themes))


def count(
    sentences: CoarseGrid,
    said: sp.csr_matrix,
    centroids: CoarseGrid,
    is_own: sp.csr_matrix,
    near: float = NEAR,
    near_with_phrase: float = NEAR_WITH_PHRASE,
) -> Counted:
    """Count sentences of shape (n, dimensions) for themes.

    ``said`` is 1 where a sentence has a phrase, shape (n, phrases); ``is_own`` says which phrase is in which theme's
    dictionary, shape (themes, phrases). ``near`` above 1 counts by phrases alone.
    """
    hits = _phrase_hits(said, is_own)
    starts = range(0, len(sentences), _BLOCK)
    first_hits = np.searchsorted(hits.sentence, [*starts, len(sentences)])
    blocks = [
        _count_block(
            sentences[start : start + _BLOCK], centroids, hits.between(first, end, start), near, near_with_phrase
        )
        for start, first, end in zip(starts, first_hits, first_hits[1:], strict=False)
    ]
    return Counted(
        np.concatenate([block.sentence + start for block, start in zip(blocks, starts, strict=True)] or [_NOTHING]),
        np.concatenate([block.theme for block in blocks] or [_NOTHING]),
        np.concatenate([block.similarity for block in blocks] or [_NOTHING.astype(np.float64)]),
        np.concatenate([block.phrase for block in blocks] or [_NOTHING]),
    )


@dataclass(frozen=True)
class _Hits:
    """Every (sentence, theme, phrase) where the sentence has a phrase of the theme's, by sentence, then phrase."""

    sentence: Rows
    theme: Rows
    phrase: Rows

    def between(self, first: int, end: int, first_sentence: int) -> _Hits:
        """Some of the hits, with sentences numbered from ``first_sentence`` on."""
        return _Hits(self.sentence[first:end] - first_sentence, self.theme[first:end], self.phrase[first:end])


def _count_block(
    sentences: CoarseGrid, centroids: CoarseGrid, hits: _Hits, near: float, near_with_phrase: float
) -> Counted:
    products = sentences @ centroids.T
    counts = products >= near * COARSE_STEPS**2
    enough = products[hits.sentence, hits.theme] >= near_with_phrase * COARSE_STEPS**2
    counts[hits.sentence[enough], hits.theme[enough]] = True
    rows, themes = np.nonzero(counts)
    similarity = np.round(products[rows, themes].astype(np.float64) / COARSE_STEPS**2, 4)
    return Counted(rows, themes, similarity, _last_phrases(hits, rows, themes, len(centroids)))


def _last_phrases(hits: _Hits, rows: Rows, themes: Rows, n_themes: int) -> Rows:
    """Of each pair of a sentence and a theme the last phrase, NO_PHRASE where it has none."""
    known, last = np.unique((hits.sentence * n_themes + hits.theme)[::-1], return_index=True)
    pairs = rows * n_themes + themes
    place = np.searchsorted(known, pairs)
    known, phrases = np.append(known, -1), np.append(hits.phrase[::-1][last], NO_PHRASE)  # the last place is no pair's
    last_phrases: Rows = np.where(known[place] == pairs, phrases[place], NO_PHRASE)
    return last_phrases


def _phrase_hits(said: sp.csr_matrix, is_own: sp.csr_matrix) -> _Hits:
    own = np.flatnonzero(is_own.getnnz(axis=0))
    themes_of = is_own[:, own].T.tocsr()
    said = said[:, own]
    said.sort_indices()
    n_themes_of = np.diff(themes_of.indptr)[said.indices]
    entry = np.repeat(np.arange(said.nnz), n_themes_of)
    # Of each entry of ``said`` the themes of its phrase, one after the other.
    place = np.arange(len(entry)) - np.repeat(np.cumsum(n_themes_of) - n_themes_of, n_themes_of)
    sentence = np.repeat(np.arange(said.shape[0]), np.diff(said.indptr))
    theme = themes_of.indices[themes_of.indptr[said.indices[entry]] + place]
    return _Hits(sentence[entry], theme.astype(np.int64), own[said.indices[entry]])
