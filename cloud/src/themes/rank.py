"""The order of a quarter's themes and families: what many firms speak of at length, and one phrase names, comes first.

What lies near an example of what firms report whatever happens (general_sentences.txt: growth, margins, earnings,
confidence) is general and comes last, and so does what has no phrase of its own that many firms say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors, unit

# Chosen by reading the themes of 149 real calls (docs/measurements/themes.md).
MAX_SIMILARITY_TO_ANY_CALL = 0.7
# Rounded, so that the last bits of a sum never decide about an order.
_DIGITS = 5
_DIGITS_OF_SCORE = 12  # in a quarter of 5,000 firms a theme of 30 has a score of 0.00001

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """What the place of a theme or family is decided by; all between 0 and 1, but name_fit may be up to 1.7.

    share_of_firms: of the quarter's firms, those with a sentence that counts for it.
    share_of_sentences: of the quarter's sentences that say something, those that count for it.
    similarity_to_any_call: cosine of its mean sentence to the nearest kind of sentence that every call has.
    name_fit: how well its best phrase names it, its score in naming/theme_candidates.py.
    stability: how well it is found again without a tenth of the firms; None where that was not measured.
    has_subject: whether many of its firms say a phrase that others do not; of a family, whether one of its themes has.
    """

    share_of_firms: float
    share_of_sentences: float
    similarity_to_any_call: float
    name_fit: float
    stability: float | None = None
    has_subject: bool = True

    @property
    def is_general(self) -> bool:
        """Whether it is on every call, or about nothing that has a name."""
        return self.similarity_to_any_call >= MAX_SIMILARITY_TO_ANY_CALL or not self.has_subject

    @property
    def distinctiveness(self) -> float:
        """How far it is from what is on every call."""
        return round(1 - self.similarity_to_any_call, _DIGITS)

    @property
    def score(self) -> float:
        """sqrt(share_of_firms * share_of_sentences) * distinctiveness * name_fit * stability."""
        breadth: float = (self.share_of_firms * self.share_of_sentences) ** 0.5
        stability = 1.0 if self.stability is None else self.stability
        return round(breadth * self.distinctiveness * self.name_fit * stability, _DIGITS_OF_SCORE)


def order(measures: Sequence[Measures]) -> list[int]:
    """Places by score, general ones after all others; of equal ones the first comes first."""
    return sorted(range(len(measures)), key=lambda place: (measures[place].is_general, -measures[place].score))


def similarities_to_any_call(means: Vectors, any_call: Vectors) -> Shares:
    """Cosine of each mean sentence (unit vectors, nothing taken off) to the nearest kind of sentence of any call."""
    closest: Shares = (means @ any_call.T).max(axis=1, initial=-1).astype(np.float64)
    return np.round(closest, _DIGITS)


def sentences_of_any_call(embedder: Embedder) -> Vectors:
    """A unit vector for each kind of sentence that every call has, shape (kinds, dimensions)."""
    return np.array([unit(embedder.embed(kind).mean(axis=0)) for kind in kinds()])


def kinds() -> list[list[str]]:
    """The examples of each kind."""
    text = (Path(__file__).parent / "general_sentences.txt").read_text(encoding="utf-8")
    blocks = [[line for line in block.splitlines() if not line.startswith("#")] for block in text.split("\n\n")]
    return [block for block in blocks if block]
