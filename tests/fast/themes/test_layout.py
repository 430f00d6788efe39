"""The map: like beside like, no bubble on another, the same for the same themes, and steady when a firm is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cloud.src.models.embeddings import Vectors
from cloud.src.themes.layout import Numbers, Places, Rows, layout

N_FAMILIES, THEMES_OF_FAMILY, DIMENSIONS = 12, 4, 64
N_FIRMS = 60


@dataclass
class Quarter:
    """Each theme's firms, each with one vector."""

    vectors: Vectors  # shape (themes, firms, dimensions)
    has: np.ndarray  # shape (themes, firms), bool
    family_of: Rows

    def map_without(self, firm: int | None = None) -> tuple[Places, Places, Numbers]:
        has = self.has.copy()
        if firm is not None:
            has[:, firm] = False
        themes = np.stack([unit(vectors[rows].mean(axis=0)) for vectors, rows in zip(self.vectors, has, strict=True)])
        families = np.stack([unit(themes[self.family_of == family].mean(axis=0)) for family in range(N_FAMILIES)])
        n_firms = has.sum(axis=1).astype(np.float64)
        return *layout(families, themes, self.family_of, n_firms), n_firms


def unit(vectors: np.ndarray) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


@pytest.fixture(scope="module")
def quarter() -> Quarter:
    random = np.random.default_rng(7)
    family_of = np.repeat(np.arange(N_FAMILIES), THEMES_OF_FAMILY)
    families = random.normal(size=(N_FAMILIES, DIMENSIONS))
    themes = families[family_of] + 0.6 * random.normal(size=(len(family_of), DIMENSIONS))
    vectors = themes[:, None] + 0.8 * random.normal(size=(len(family_of), N_FIRMS, DIMENSIONS))
    has = random.random((len(family_of), N_FIRMS)) < random.uniform(0.2, 0.9, (len(family_of), 1))
    return Quarter(unit(vectors), has, family_of)


def test_no_bubble_lies_on_another(quarter: Quarter) -> None:
    _, themes, n_firms = quarter.map_without()
    apart = np.linalg.norm(themes[:, None] - themes[None], axis=2) + np.diag(np.full(len(themes), np.inf))
    radii = np.sqrt(n_firms)
    assert (apart >= radii[:, None] + radii[None, :]).all()


def test_bubbles_of_a_family_lie_together(quarter: Quarter) -> None:
    families, themes, _ = quarter.map_without()
    nearest = np.linalg.norm(themes[:, None] - families[None], axis=2).argmin(axis=1)
    assert (nearest == quarter.family_of).all()


def test_the_same_themes_make_the_same_map(quarter: Quarter) -> None:
    one, other = quarter.map_without(), quarter.map_without()
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("firm", [0, 17, 41])
def test_a_firm_less_moves_no_bubble_far(quarter: Quarter, firm: int) -> None:
    _, whole, _ = quarter.map_without()
    _, without, _ = quarter.map_without(firm)
    width = np.ptp(whole, axis=0).max()
    moved = np.linalg.norm(whole - without, axis=1)
    assert moved.max() < width / 10
    assert np.median(moved) < width / 40


def test_like_families_stand_nearer_than_unlike_ones() -> None:
    random = np.random.default_rng(3)
    base = unit(random.normal(size=(6, DIMENSIONS)))
    families = unit(np.concatenate([base, base + 0.08 * random.normal(size=base.shape)]))  # each with its like
    rows = np.arange(len(families))
    places, _ = layout(families, families, rows, np.full(len(families), 9.0))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    like = np.mean([apart[row, row + len(base)] for row in range(len(base))])
    assert like < 0.75 * apart[np.triu_indices(len(families), 1)].mean()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_equal_themes_still_lie_side_by_side(n: int) -> None:
    same = np.tile(unit(np.ones(DIMENSIONS)), (n, 1))
    _, places = layout(same[:1], same, np.zeros(n, dtype=np.int64), np.full(n, 4.0))
    assert np.isfinite(places).all()
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(n, 1)]
    assert (apart >= 4.0).all()
