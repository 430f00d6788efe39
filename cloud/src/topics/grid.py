"""Sums and products of vectors that are the same on every machine and with any number of threads.

A matrix product in floating point depends on the order of its additions, and so on the processor and its threads; one
last bit is enough to decide a tie differently. Vectors are therefore rounded to a grid of whole numbers, whose sums and
products are exact in floating point, whatever the order.

There are two grids. The fine one is for the few sentences of one firm and needs double precision. The coarse one is for
the topics of a whole quarter and fits single precision, which takes half the memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Steps from 0 to 1. Fine: a product of unit vectors is up to 2 ** 32 and a sum of 20,000 of them below 2 ** 47, well
# within the 2 ** 53 of double precision.
FINE_STEPS = 2**16
# Coarse: the dot product of two such vectors is below 4,032 ** 2 < 2 ** 24, the limit of single precision (up to 4,096
# dimensions, with rounding), and so is each part of its sum.
COARSE_STEPS = 4_000

# Whole numbers, stored as floats because only those have fast matrix products.
FineGrid = NDArray[np.float64]
CoarseGrid = NDArray[np.float32]


def on_fine_grid(vectors: NDArray[np.floating]) -> FineGrid:
    """The vectors scaled to length FINE_STEPS and rounded, along the last axis; a zero vector stays zero."""
    return _scaled(np.rint(vectors.astype(np.float64) * FINE_STEPS))


def on_coarse_grid(vectors: NDArray[np.floating]) -> CoarseGrid:
    """Vectors of length at most 1, as whole numbers of coarse steps; their lengths are left as they are."""
    return np.round(vectors * COARSE_STEPS).astype(np.float32)


def cosines(one: FineGrid, other: FineGrid) -> NDArray[np.float64]:
    """Cosine of each row of ``one`` to each row of ``other``, shape (len(one), len(other))."""
    return (one @ other.T) / FINE_STEPS**2


def mean_direction(vectors: FineGrid) -> FineGrid:
    """The direction of the rows' mean, shape (dimensions,)."""
    return _scaled(np.rint(vectors.sum(axis=0) / len(vectors)))


def _scaled(whole: FineGrid) -> FineGrid:
    # Coordinates are at most FINE_STEPS, so the sum of their squares is exact too; a square root is rounded the same
    # way everywhere.
    lengths = np.sqrt(np.square(whole).sum(axis=-1, keepdims=True))
    return np.rint(whole * (FINE_STEPS / np.where(lengths == 0, FINE_STEPS, lengths)))
