"""The order of a quarter's themes: what many firms speak of at length, and what is something of its own, comes first.

Two kinds of theme are told apart as too general and come last. "Said on every call" lies near an example of what firms
report whatever happens (general_sentences.txt: growth, margins, earnings, confidence). In a theme "without a subject"
firms share no words: what they say is alike in manner, not in what it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors, unit
from cloud.src.themes.find_themes import FoundTheme
from cloud.src.themes.near_duplicates import shared_words

# Chosen by reading the themes of 149 real calls (docs/measurements/themes.md).
MAX_SIMILARITY_TO_ANY_CALL = 0.7
MIN_WORD_AGREEMENT = 0.16
WORDS_COMPARED = 3
# Rounded, so that the last bits of a sum never decide about an order.
_DIGITS = 5


@dataclass(frozen=True)
class Measures:
    """What a theme's place is decided by; all between 0 and 1.

    share_of_firms, share_of_sentences: of the quarter's firms and of its sentences that are in a topic.
    similarity_to_any_call: cosine of its centroid to the nearest kind of sentence that every call has.
    word_agreement: the mean share of its firms that have one of its three most shared words among their keywords.
    score: sqrt(share_of_firms * share_of_sentences) * (1 - similarity_to_any_call) * word_agreement.
    """

    share_of_firms: float
    share_of_sentences: float
    similarity_to_any_call: float
    word_agreement: float
    score: float

    @property
    def is_general(self) -> bool:
        """Whether the theme is on every call, or its firms share too few words."""
        return self.similarity_to_any_call >= MAX_SIMILARITY_TO_ANY_CALL or self.word_agreement < MIN_WORD_AGREEMENT


@dataclass(frozen=True)
class Ranked:
    """A theme with what its rank depends on."""

    theme: FoundTheme
    measures: Measures


def rank(
    found: Sequence[FoundTheme],
    firm_ids: Sequence[str],
    keywords: Sequence[Sequence[str]],
    n_sentences: NDArray[np.integer],
    any_call: Vectors,
) -> list[Ranked]:
    """The themes by score, general ones after all others; of equal ones the first found comes first.

    ``firm_ids``, ``keywords`` and ``n_sentences`` have an entry a topic; ``any_call`` is what sentences_of_any_call
    returns.
    """
    n_firms = len(set(firm_ids))
    n_sentences_of_all = int(n_sentences.sum())

    def measure(theme: FoundTheme) -> Measures:
        share_of_firms = len(theme.row_of_firm) / n_firms
        share_of_sentences = float(n_sentences[theme.rows].sum() / n_sentences_of_all)
        similarity = float((any_call @ theme.centroid).max())
        # By firms, not topics: a firm with ten topics on its drugs uses other words in each, as is right.
        keywords_of_firm: dict[str, list[str]] = defaultdict(list)
        for row in theme.rows:
            keywords_of_firm[firm_ids[row]] += keywords[row]
        shares = [share for _, share in shared_words(keywords_of_firm.values(), WORDS_COMPARED)]
        agreement = sum(shares) / WORDS_COMPARED
        score = (share_of_firms * share_of_sentences) ** 0.5 * (1 - similarity) * agreement
        return Measures(
            *(round(x, _DIGITS) for x in (share_of_firms, share_of_sentences, similarity, agreement, score))
        )

    ranked = [Ranked(theme, measure(theme)) for theme in found]
    return sorted(ranked, key=lambda each: (each.measures.is_general, -each.measures.score))


def sentences_of_any_call(embedder: Embedder) -> Vectors:
    """A unit vector for each kind of sentence that every call has, shape (kinds, dimensions)."""
    return np.array([unit(embedder.embed(kind).mean(axis=0)) for kind in kinds()])


def kinds() -> list[list[str]]:
    """The examples of each kind."""
    text = (Path(__file__).parent / "general_sentences.txt").read_text(encoding="utf-8")
    blocks = [[line for line in block.splitlines() if not line.startswith("#")] for block in text.split("\n\n")]
    return [block for block in blocks if block]
