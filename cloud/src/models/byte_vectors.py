"""Sentence vectors with one byte per dimension, as map writes them for reduce: a quarter of the size of floats.

Sums and products of whole numbers are exact, so the results of reduce do not depend on their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.models.embeddings import Vectors

# A byte covers -1/4 to 1/4. Few coordinates of unit vectors with some hundred dimensions are larger, and those are
# clipped.
STEPS = 508
LARGEST = 127

ByteVectors = NDArray[np.int8]


def to_bytes(vectors: Vectors) -> ByteVectors:
    """Unit vectors of shape (n, dimensions) in steps of 1 / STEPS, each independent of the others."""
    steps: Vectors = np.clip(np.rint(vectors * np.float32(STEPS)), -LARGEST, LARGEST)
    return steps.astype(np.int8)


def to_column(vectors: ByteVectors, rows: NDArray[np.int64], n_rows: int) -> pa.Array[Any]:
    """A column of ``n_rows`` values: the vectors at ``rows``, null elsewhere."""
    values: list[bytes | None] = [None] * n_rows
    for row, vector in zip(rows, vectors, strict=True):
        values[row] = vector.tobytes()
    return pa.array(values, pa.binary())


def from_column(column: pa.Array[Any] | pa.ChunkedArray[Any]) -> ByteVectors:
    """The vectors of a column, without its nulls; shape (values that are not null, dimensions)."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = values.drop_null()
    if len(values) == 0:
        return np.zeros((0, 0), dtype=np.int8)
    buffers: list[Any] = values.buffers()
    ends = np.frombuffer(buffers[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    content = np.frombuffer(buffers[2], dtype=np.int8)[ends[0] : ends[-1]]
    return content.reshape(len(values), -1)
