"""Sentences that run a call instead of saying something: greetings, taking turns, legal notices.

They are alike in all calls and would otherwise form the largest "theme" of every quarter. A sentence counts as
procedural when its embedding is close to one of the examples in procedural_sentences.txt.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors

# In real calls, nearly all sentences above 0.55 are procedural, and most below 0.5 are not (ADR-008).
MIN_SIMILARITY = 0.55
# A topic with this share of sentences close to procedural also runs the call ("With that, back to Joe").
NEARLY = 0.45
MAX_SHARE_OF_NEARLY_PROCEDURAL = 0.4


class ProceduralFilter:
    """Measures how close sentences are to examples of procedural sentences."""

    def __init__(self, embedder: Embedder) -> None:
        self._examples = embedder.embed(examples())

    def similarities(self, vectors: Vectors) -> Vectors:
        """Cosine of each unit vector to its closest example; from shape (n, dimensions) to shape (n,)."""
        closest: Vectors = (vectors @ self._examples.T).max(axis=1, initial=-1)
        return closest


def are_procedural(similarities: Vectors) -> NDArray[np.bool_]:
    """True for each sentence that is procedural on its own."""
    return similarities >= MIN_SIMILARITY


def is_procedural_topic(similarities: Vectors) -> bool:
    """Whether a topic with these sentences is procedural as a whole."""
    return float((similarities >= NEARLY).mean()) > MAX_SHARE_OF_NEARLY_PROCEDURAL


def examples() -> list[str]:
    """The packaged examples of procedural sentences."""
    lines = (Path(__file__).parent / "procedural_sentences.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
