"""Sums and products of vectors that come out the same on every machine and with any number of threads.

A matrix product in floating point depends on the order of its additions, and so on the processor and its threads; a
last bit is enough to turn a tie. Vectors are put on a grid of whole numbers instead: the products and sums of these
are whole numbers below 2 ** 53, which double precision holds exactly in whatever order they are added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# 2 ** 16 steps from 0 to 1. A product of unit vectors is up to 2 ** 32, a sum of 20,000 of them below 2 ** 47.
STEPS = 2**16

# Whole numbers, as float64 because only floating point has fast matrix products. A unit vector has length STEPS.
Grid = NDArray[np.float64]


def on_grid(vectors: NDArray[np.floating]) -> Grid:
    """The vectors scaled to length STEPS and rounded, along the last axis; a zero vector stays zero."""
    return _scaled(np.rint(vectors.astype(np.float64) * STEPS))


def cosines(one: Grid, other: Grid) -> NDArray[np.float64]:
    """Of each row of ``one`` to each of ``other``: shape (len(one), len(other))."""
    return (one @ other.T) / STEPS**2


def centroid(vectors: Grid) -> Grid:
    """The direction of the rows' mean, shape (dimensions,)."""
    return _scaled(np.rint(vectors.sum(axis=0) / len(vectors)))


def _scaled(whole: Grid) -> Grid:
    # Coordinates are at most STEPS, so the sum of their squares is exact too; a root is correctly rounded everywhere.
    lengths = np.sqrt(np.square(whole).sum(axis=-1, keepdims=True))
    return np.rint(whole * (STEPS / np.where(lengths == 0, STEPS, lengths)))
