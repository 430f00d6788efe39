"""Average linkage, held against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from cloud.src.models.embeddings import Vectors, unit
from cloud.src.themes.average_linkage import average_linkage
from cloud.src.topics.grid import COARSE_STEPS, on_coarse_grid


def clouds(seed: int, n: int = 400, n_clouds: int = 25, noise: float = 0.12) -> Vectors:
    """Vectors around random directions, some of which lie so far out that they are between two clouds."""
    random = np.random.default_rng(seed)
    centres = unit(random.normal(size=(n_clouds, 48)))
    return unit(centres[random.integers(n_clouds, size=n)] + random.normal(scale=noise, size=(n, 48)))


def groups(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.mark.parametrize("max_distance", [0.1, 0.4, 0.7, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_scipys_average_linkage(seed: int, max_distance: float) -> None:
    vectors = clouds(seed)
    tree = linkage(vectors.astype(np.float64), method="average", metric="cosine")

    ours = average_linkage(on_coarse_grid(vectors), max_distance)

    # Not always the same to the last one: a mean on the grid is a hundredth of a percent beside the exact one.
    assert adjusted_rand_score(ours, fcluster(tree, max_distance, criterion="distance")) > 0.98


def test_a_mean_of_several_counts_as_that_many() -> None:
    vectors = on_coarse_grid(clouds(7))
    tight = average_linkage(vectors, 0.3)
    firsts, place, sizes = np.unique(tight, return_inverse=True, return_counts=True)
    means = np.array([np.round(vectors[tight == first].mean(axis=0, dtype=np.float64)) for first in firsts])

    continued = firsts[average_linkage(means.astype(np.float32), 0.7, sizes)][place]

    assert groups(continued) == groups(average_linkage(vectors, 0.7))


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_merge(n: int) -> None:
    assert average_linkage(on_coarse_grid(clouds(0)[:n]), 0.7).tolist() == list(range(n))


def test_equal_vectors_are_one_cluster_named_by_its_first() -> None:
    one, other = np.eye(2, 8, dtype=np.float32)

    labels = average_linkage(on_coarse_grid(np.array([one, other, one, one, other])), 0.5)

    assert labels.tolist() == [0, 1, 0, 0, 1]


def test_every_product_is_a_whole_number_that_float32_holds() -> None:
    grid = on_coarse_grid(clouds(3))

    products = grid @ grid.T

    assert np.abs(products).max() < 2**24
    assert np.array_equal(products, (grid.astype(np.int64) @ grid.astype(np.int64).T).astype(np.float32))
    np.testing.assert_allclose(products / COARSE_STEPS**2, clouds(3) @ clouds(3).T, atol=2e-3)
