"""The vectors of a quarter's sentences as whole numbers, with what all of them have in common taken off.

Sums and products of whole numbers are exact, so nothing that is made of them depends on threads, parts or the order of
firms (topics/grid.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.byte_vectors import ByteVectors
from cloud.src.topics.grid import COARSE_STEPS, CoarseGrid

Mean = NDArray[np.int64]

# Fractions of a byte's step that the mean is kept in, to lose nothing of it.
_FRACTIONS = 16
_BLOCK = 8_192


def mean_of(parts: Iterable[ByteVectors]) -> Mean:
    """The mean of all rows in sixteenths of a step, shape (dimensions,)."""
    n_rows, total = 0, np.zeros(0, dtype=np.int64)
    for part in parts:
        sums = part.sum(axis=0, dtype=np.int64)
        total = sums if n_rows == 0 else total + sums
        n_rows += len(part)
    return np.rint(_FRACTIONS * total / max(n_rows, 1)).astype(np.int64)


def centred(vectors: ByteVectors, mean: Mean) -> CoarseGrid:
    """The vectors with the mean taken off, scaled to length COARSE_STEPS and rounded; same shape."""
    grid = np.empty(vectors.shape, dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        grid[start : start + _BLOCK] = directions(_FRACTIONS * vectors[start : start + _BLOCK].astype(np.int64) - mean)
    return grid


def directions(whole: NDArray[np.integer] | NDArray[np.floating]) -> CoarseGrid:
    """Rows of whole numbers scaled to length COARSE_STEPS and rounded; a row of zeros stays zero."""
    # The sums of squares stay below 2 ** 53, and a root is rounded alike everywhere.
    lengths = np.sqrt(np.square(whole, dtype=np.float64).sum(axis=-1, keepdims=True))
    return np.rint(whole * (COARSE_STEPS / np.where(lengths == 0, 1, lengths))).astype(np.float32)
