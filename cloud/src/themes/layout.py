"""Where families and themes stand on the report's map: like beside like, and no bubble on another.

A theme's bubble has the radius sqrt(n_firms), in the map's units. The bubbles of a family lie together, around its
place. Families are placed by multidimensional scaling of their cosines (SMACOF: de Leeuw 1977, "Applications of convex
analysis to multidimensional scaling"), from a start that is a fixed projection, in a fixed number of rounds: the same
themes make the same map, and a small change of them moves nothing far. Then what overlaps is pushed apart.

Places are whole numbers of steps, so that their sums are exact and the map is the same on every machine.
"""

from __future__ import annotations

from hashlib import shake_256

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Vectors
from cloud.src.topics.grid import COARSE_STEPS, CoarseGrid, on_coarse_grid

Places = NDArray[np.float64]
Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]

_STEPS = 1_024  # of one of the map's units
_GAP = 0.5  # between the bubbles of a family, in units
_FAMILY_GAP = 2.0  # between those of two families
# Measured on planted families: with 5 rounds a firm less moves a bubble by 8 % of the map's width at most, with 60 by
# 26 %; pulling bubbles to the centre while they are pushed apart makes it 23 % with 5.
_SCALING_ROUNDS = 5
_PUSHING_ROUNDS = 300
_ROOM = 0.7  # of the radius of a disc of the bubbles' area: how far they are from its centre, before they are pushed
_WIDER_THAN_HIGH = 1.3


def layout(families: Vectors, themes: Vectors, family_of: Rows, n_firms: Numbers) -> tuple[Places, Places]:
    """The places of families and of themes, in the map's units, shapes (families, 2) and (themes, 2).

    Args:
        families, themes: centroids, shapes (families, dimensions) and (themes, dimensions).
        family_of: the row of each theme's family.
        n_firms: of each theme.
    """
    radii = np.rint(np.sqrt(n_firms) * _STEPS)
    family_grid, theme_grid = on_coarse_grid(families), on_coarse_grid(themes)
    around = np.zeros((len(themes), 2))
    family_radii = np.full(len(families), float(_STEPS))
    for family in range(len(families)):
        rows = np.flatnonzero(family_of == family)
        if len(rows) == 0:
            continue
        own = _apart(_fit(_projected(theme_grid[rows] - family_grid[family]), radii[rows]), radii[rows], _GAP)
        around[rows] = own
        family_radii[family] = np.rint((np.sqrt(np.square(own).sum(axis=1)) + radii[rows]).max())
    start = _scaled(_distances(family_grid), _projected(family_grid))
    start = np.rint(_fit(start, family_radii) * [_WIDER_THAN_HIGH, 1 / _WIDER_THAN_HIGH])
    places = _apart(start, family_radii, _FAMILY_GAP)
    return places / _STEPS, (places[family_of] + around) / _STEPS


def _projected(grid: CoarseGrid) -> Places:
    """Onto a plane that is the same for all quarters, centred, in steps."""
    n, dimensions = grid.shape
    signs = np.frombuffer(shake_256(b"the map's plane").digest(2 * dimensions), dtype=np.int8)
    flat = grid.astype(np.float64) @ signs.reshape(dimensions, 2).astype(np.float64)
    places: Places = np.rint((flat - np.rint(flat.sum(axis=0) / max(n, 1))) / COARSE_STEPS * _STEPS)
    return places


def _distances(grid: CoarseGrid) -> NDArray[np.float64]:
    """Cosine distances in steps, shape (n, n)."""
    return np.rint((1 - (grid @ grid.T).astype(np.float64) / COARSE_STEPS**2) * 64 * _STEPS)


def _scaled(distances: NDArray[np.float64], places: Places) -> Places:
    """Places whose distances are more like the given ones, by SMACOF."""
    n = len(places)
    for _ in range(_SCALING_ROUNDS):
        apart, lengths = _pairs(places)
        ratio = distances / np.where(lengths == 0, np.inf, lengths)
        places = np.rint(np.rint(apart * ratio[:, :, None]).sum(axis=1) / n)
    return places


def _fit(places: Places, radii: Numbers) -> Places:
    """The places as near to their centre as bubbles of these radii need."""
    if len(places) < 2 or not places.any():
        return np.zeros_like(places)
    distance = np.sqrt(np.square(places).sum() / len(places))
    fitted: Places = np.rint(places * (_ROOM * np.sqrt(np.square(radii).sum()) / distance))
    return fitted


def _apart(places: Places, radii: Numbers, gap: float) -> Places:
    """Push bubbles apart until none lies on another."""
    n = len(places)
    needed = radii[:, None] + radii[None, :] + np.rint(gap * _STEPS)
    np.fill_diagonal(needed, 0)
    turn = np.arange(n) * 2.4  # radians: bubbles in one place leave it in different directions
    places = places + np.rint(np.stack([np.cos(turn), np.sin(turn)], axis=1) * 4)
    for _ in range(_PUSHING_ROUNDS):
        apart, lengths = _pairs(places)
        overlap = np.maximum(0, needed - lengths)
        if not overlap.any():
            break
        push = overlap / 2 / np.where(lengths == 0, np.inf, lengths)
        places = places + np.rint(apart * push[:, :, None]).sum(axis=1)
    _, lengths = _pairs(places)
    np.fill_diagonal(lengths, np.inf)
    still = (needed / np.where(lengths == 0, np.inf, lengths)).max(initial=1) if n > 1 else 1
    return np.rint(places * max(1.0, still))


def _pairs(places: Places) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From each place to each: the way from the second to the first, shape (n, n, 2), and its length."""
    apart = places[:, None, :] - places[None, :, :]
    return apart, np.sqrt(np.square(apart).sum(axis=2))
