"""Vectors of a byte per dimension: there and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cloud.src.models.byte_vectors import LARGEST, STEPS, from_column, to_bytes, to_column
from cloud.src.models.embeddings import unit

VECTORS = unit(np.random.default_rng(0).normal(size=(50, 384)))


def test_a_cosine_is_hardly_another_one() -> None:
    kept = unit(to_bytes(VECTORS).astype(np.float32))
    np.testing.assert_allclose(kept @ kept.T, VECTORS @ VECTORS.T, atol=4e-3)


def test_a_large_coordinate_is_clipped() -> None:
    vectors = np.array([[1.0, -1.0, 0.0, 1.4 / STEPS]], dtype=np.float32)
    np.testing.assert_array_equal(to_bytes(vectors), [[LARGEST, -LARGEST, 0, 1]])


def test_bytes_of_a_vector_depend_on_it_alone() -> None:
    np.testing.assert_array_equal(to_bytes(VECTORS[7:8])[0], to_bytes(VECTORS)[7])


def test_a_column_returns_its_vectors_without_nulls() -> None:
    rows = np.array([1, 3, 4])
    column = to_column(to_bytes(VECTORS[:3]), rows, n_rows=6)

    assert [value.is_valid for value in column] == [False, True, False, True, True, False]
    np.testing.assert_array_equal(from_column(column), to_bytes(VECTORS[:3]))
    np.testing.assert_array_equal(from_column(pa.chunked_array([column, column])[3:9]), to_bytes(VECTORS[[1, 2, 0]]))


def test_no_vector_at_all() -> None:
    assert from_column(pa.array([None, None], pa.binary())).shape == (0, 0)
