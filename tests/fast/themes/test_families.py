"""Families of themes: what is alike ends in one, and none takes over the quarter."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from cloud.src.themes.families import MAX_SHARE_OF_THEMES, find_families, how_alike
from cloud.src.themes.refine import membership
from cloud.src.themes.sentence_grid import directions

DIMENSIONS = 48


def grouped_themes(groups: int, themes_per_group: int, spread: float) -> np.ndarray:
    random = np.random.default_rng(2)
    centres = np.linalg.qr(random.normal(size=(DIMENSIONS, DIMENSIONS)))[0][:groups]
    themes = np.repeat(centres, themes_per_group, axis=0)
    themes = themes + random.normal(size=themes.shape) * spread
    return directions(np.rint(themes * 1000))


def families_of(centroids: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    labels = np.repeat(np.arange(len(centroids)), sizes)
    members = membership(labels, len(centroids))
    return find_families(centroids, sp.csr_matrix((len(centroids), 1)), labels, np.arange(len(labels)), members)


def test_themes_of_one_group_are_one_family() -> None:
    centroids = grouped_themes(groups=24, themes_per_group=4, spread=0.03)
    families = families_of(centroids, np.full(len(centroids), 5))
    assert len(set(families)) >= 24
    for family in range(families.max() + 1):
        assert len({theme // 4 for theme in np.flatnonzero(families == family)}) == 1


def test_no_family_takes_over() -> None:
    centroids = grouped_themes(groups=1, themes_per_group=100, spread=0.02)
    families = families_of(centroids, np.full(100, 5))
    assert np.bincount(families).max() <= MAX_SHARE_OF_THEMES * 100


def test_families_are_numbered_by_their_first_theme() -> None:
    families = families_of(grouped_themes(10, 3, 0.03), np.full(30, 5))
    assert list(dict.fromkeys(families)) == list(range(families.max() + 1))


def test_neighbours_in_calls_are_more_alike() -> None:
    centroids = directions(np.eye(4, DIMENSIONS) * 1000)
    labels, calls = np.array([0, 1, 2, 3] * 20), np.repeat(np.arange(40), 2)
    alike = how_alike(centroids, sp.csr_matrix((4, 1)), labels, calls)
    assert alike[0, 1] > alike[0, 2]
    np.testing.assert_array_equal(alike, alike.T)


def test_hardly_any_themes_are_families_of_their_own() -> None:
    for n in (0, 1):
        centroids = directions(np.eye(n, DIMENSIONS) * 1000)
        assert list(families_of(centroids, np.full(n, 5))) == list(range(n))
    assert sp.issparse(membership(np.zeros(0, dtype=np.int64), 0))
