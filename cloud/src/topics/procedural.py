"""Sentences that run a call instead of saying something: greetings, taking turns, legal notices.

They are alike in all calls, so left in they would be the largest "theme" of every quarter. A sentence counts as
procedural when its embedding is close to one of the examples in procedural_sentences.txt.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors

# From 0.55 up nearly all sentences of real calls that it finds are procedural, below 0.5 most are not (ADR-008).
MIN_SIMILARITY = 0.55
# A topic in which so many sentences come near to that runs the call too ("With that, back to Joe").
NEARLY = 0.45
MAX_SHARE_OF_NEARLY_PROCEDURAL = 0.4


class ProceduralFilter:
    """Measures how close sentences are to examples of what is said to run a call."""

    def __init__(self, embedder: Embedder) -> None:
        self._examples = embedder.embed(examples())

    def similarities(self, vectors: Vectors) -> Vectors:
        """Cosine of each unit vector of shape (n, dimensions) to the example it is closest to; shape (n,)."""
        closest: Vectors = (vectors @ self._examples.T).max(axis=1, initial=-1)
        return closest


def are_procedural(similarities: Vectors) -> NDArray[np.bool_]:
    """True for each sentence that is procedural by itself."""
    return similarities >= MIN_SIMILARITY


def is_procedural_topic(similarities: Vectors) -> bool:
    """Whether a topic with these sentences is procedural as a whole."""
    return float((similarities >= NEARLY).mean()) > MAX_SHARE_OF_NEARLY_PROCEDURAL


def examples() -> list[str]:
    """The sentences that are packaged as examples of procedure."""
    lines = (Path(__file__).parent / "procedural_sentences.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
