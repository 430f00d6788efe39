"""Sentences that run a call instead of saying something: greetings, taking turns, legal notices.

They are alike in all calls, so left in they would be the largest "theme" of every quarter. A sentence counts as
procedural when its embedding is close to one of the examples in procedural_sentences.txt.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud.src.worker.embeddings import Embedder, Vectors

# At 0.55 nearly all sentences found in real calls were procedural; below 0.5 most were not (ADR-008).
MIN_SIMILARITY = 0.55


class ProceduralFilter:
    def __init__(self, embedder: Embedder) -> None:
        self._examples = embedder.embed(examples())

    def is_procedural(self, vectors: Vectors) -> NDArray[np.bool_]:
        """True for each unit vector of shape (n, dimensions) that is close to an example."""
        return (vectors @ self._examples.T).max(axis=1, initial=-1) >= MIN_SIMILARITY


def examples() -> list[str]:
    lines = (Path(__file__).parent / "procedural_sentences.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
