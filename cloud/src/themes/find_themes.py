"""Themes: topics of different firms that are about the same thing (ADR-014).

Average-linkage clustering of the topics' embeddings, cut at a cosine distance that falls with their number. What all
calls have in common is taken off first: the mean of all topics. Topics left over join a theme that they are near to.
Nothing here looks at names: themes never depend on an LLM's wording. Nothing depends on the order of the topics either.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Vectors, unit
from cloud.src.themes import near_duplicates
from cloud.src.themes.average_linkage import average_linkage
from cloud.src.topics.grid import COARSE_STEPS, on_coarse_grid

Rows = NDArray[np.int64]
# On the coarse grid, in half the memory of single precision: a million topics take 0.8 GB.
WholeNumbers = NDArray[np.int16]

# Mean cosine distance between the topics of two clusters up to which they are one theme, with the common mean taken
# off: so much for up to SMALL_CORPUS topics, STEP_A_DECADE less for each ten times as many, and never less than
# LEAST_MAX_DISTANCE. Within 0.08 of it most valid themes come out of 8 to 149 real calls (docs/measurements/themes.md).
MAX_DISTANCE = 0.75
SMALL_CORPUS = 300
STEP_A_DECADE = 0.12
LEAST_MAX_DISTANCE = 0.6
# Cosine to a theme's centroid from which on a topic without a theme joins it.
MIN_SIMILARITY_TO_JOIN = 0.4
# With fewer topics than this the mean says more about them than about calls, so it stays in. Distances are smaller,
# and nothing joins: with the mean in, all topics are near to all themes.
MIN_TOPICS_TO_CENTRE = 50
MAX_UNCENTRED_DISTANCE = 0.45
# The time of linkage grows with the square of the topics. More than this are first linked within cells of about as
# many, up to one distance after another, until so few clusters are left.
MAX_EXACT_TOPICS = 15_000
# Several, because a pair that a cell's border has parted can still meet in the next round, whose cells are others;
# none above LEAST_MAX_DISTANCE.
CONDENSED_DISTANCES: tuple[float, ...] = (0.5, 0.55)
CELL_ROUNDS = 4
_BLOCK = 8_192


@dataclass(frozen=True)
class FoundTheme:
    """``rows`` are indices of its topics, most central first; ``centroid`` has shape (dimensions,) and length 1."""

    rows: Rows
    centroid: Vectors
    row_of_firm: list[int]  # the most central topic of each firm, most central first


def find_themes(
    vectors: Vectors,
    firm_ids: Sequence[str],
    keywords: Sequence[Sequence[str]],
    min_firms: int,
    max_firm_dominance: float,
) -> list[FoundTheme]:
    """Valid themes among topics, in an order that is theirs, not that of the topics; theme_rank.py ranks them.

    ``vectors`` are unit vectors of shape (topics, dimensions); ``firm_ids`` and ``keywords`` have an entry for each. A
    theme is valid when it spans at least ``min_firms`` firms and no firm holds more than the share
    ``max_firm_dominance`` of its topics.
    """
    if len(vectors) == 0:
        return []
    grid = _whole_numbers(vectors)
    few = len(grid) < MIN_TOPICS_TO_CENTRE
    compared = grid if few else _centred(grid)
    order = _by_content(compared, firm_ids)

    def is_theme(rows: Rows) -> bool:
        return is_valid([firm_ids[i] for i in rows], min_firms, max_firm_dominance)

    clusters = [order[places] for places in _groups(_cluster(compared[order]))]
    merged = near_duplicates.merge([rows for rows in clusters if is_theme(rows)], compared, keywords)
    # In the order of their content, as the themes' own topics are.
    left_over = order[~np.isin(order, [row for rows in merged for row in rows])]
    joined = merged if few else _joined(merged, left_over, compared, is_theme)
    return [_describe(grid, rows, firm_ids) for rows in joined]


def is_valid(firm_of_topic: list[str], min_firms: int, max_firm_dominance: float) -> bool:
    """Whether enough firms share a theme and none dominates it; ``firm_of_topic`` has the firm of each topic."""
    topics_of_firm = Counter(firm_of_topic)
    # Divided, not multiplied: 29 of 100 is the number 0.29, while 0.29 * 100 is a little less than 29.
    largest_share = max(topics_of_firm.values()) / len(firm_of_topic)
    return len(topics_of_firm) >= min_firms and largest_share <= max_firm_dominance


def _whole_numbers(vectors: Vectors) -> WholeNumbers:
    """The vectors on the coarse grid; in blocks, because in double precision 125,000 vectors take 400 MB."""
    grid = np.empty(vectors.shape, dtype=np.int16)
    for start in range(0, len(grid), _BLOCK):
        grid[start : start + _BLOCK] = on_coarse_grid(vectors[start : start + _BLOCK])
    return grid


def _centred(grid: WholeNumbers) -> WholeNumbers:
    """The vectors with their mean taken off and length 1 again, on the grid."""
    mean = grid.sum(axis=0, dtype=np.float64) / len(grid)
    centred = np.empty_like(grid)
    for start in range(0, len(grid), _BLOCK):
        centred[start : start + _BLOCK] = on_coarse_grid(unit(grid[start : start + _BLOCK] - mean))
    return centred


def _by_content(grid: WholeNumbers, firm_ids: Sequence[str]) -> Rows:
    """The rows sorted by what they are: by firm, then by vector, compared as bytes of single precision."""
    numbers = grid.astype(np.float32)
    as_bytes = numbers.view(np.dtype((np.void, numbers.itemsize * numbers.shape[1]))).ravel()
    by_vector = np.argsort(as_bytes, kind="stable")
    by_firm = np.argsort(np.asarray(firm_ids)[by_vector], kind="stable")
    return by_vector[by_firm]


def cut_for(n_topics: int) -> float:
    """Up to which mean distance clusters of so many topics, with their mean taken off, are one theme."""
    decades = math.log10(max(n_topics, SMALL_CORPUS) / SMALL_CORPUS)
    # Rounded, so that the last bit of a logarithm decides about nothing.
    return max(LEAST_MAX_DISTANCE, round(MAX_DISTANCE - STEP_A_DECADE * decades, 3))


def _cluster(grid: WholeNumbers) -> Rows:
    """The cluster of each topic: the row of its first one."""
    clusters = _copies(grid)
    if len(grid) < MIN_TOPICS_TO_CENTRE:
        return _linked(grid, clusters, MAX_UNCENTRED_DISTANCE)
    for distance in CONDENSED_DISTANCES:
        if len(np.unique(clusters)) > MAX_EXACT_TOPICS:
            clusters = _linked(grid, clusters, distance)
    return _linked(grid, clusters, cut_for(len(grid)))


def _copies(grid: WholeNumbers) -> Rows:
    """The first row with the same vector as each row: what thousands of firms read out would merge one by one."""
    first_row: dict[bytes, int] = {}
    # By a digest of each vector: with the vectors themselves, 125,000 of them would be kept in memory once more.
    digests = (blake2b(vector.tobytes(), digest_size=16).digest() for vector in grid)
    return np.array([first_row.setdefault(digest, row) for row, digest in enumerate(digests)])


def _linked(grid: WholeNumbers, clusters: Rows, max_distance: float) -> Rows:
    """The clusters, as _cluster returns them, linked further up to a distance; where there are many, within cells."""
    groups = _groups(clusters)
    first_rows = np.array([rows[0] for rows in groups])
    sizes = np.array([len(rows) for rows in groups])
    means = grid[first_rows]
    for place in np.flatnonzero(sizes > 1):
        means[place] = np.round(grid[groups[place]].mean(axis=0, dtype=np.float64))
    linked = np.arange(len(groups))
    for places in _groups(_cells(means)):
        linked[places] = places[average_linkage(means[places].astype(np.float32), max_distance, sizes[places])]
    return first_rows[linked[np.searchsorted(first_rows, clusters)]]


def _cells(means: WholeNumbers) -> NDArray[np.int64]:
    """The cell of each row: one for up to MAX_EXACT_TOPICS, else by spherical k-means from evenly spaced rows."""
    n_cells = -(-len(means) // MAX_EXACT_TOPICS)
    if n_cells == 1:
        return np.zeros(len(means), dtype=np.int64)
    first = means[np.linspace(0, len(means) - 1, n_cells).astype(np.int64)]
    centres = on_coarse_grid(unit(first.astype(np.float32)))
    for _ in range(CELL_ROUNDS):
        blocks = [(means[start : start + _BLOCK] @ centres.T).argmax(axis=1) for start in range(0, len(means), _BLOCK)]
        cells = np.concatenate(blocks)
        for cell in np.unique(cells):
            centres[cell] = on_coarse_grid(unit(means[cells == cell].sum(axis=0, dtype=np.float64)))
    return cells


def _groups(labels: Rows) -> list[Rows]:
    """The rows of each label, labels and rows ascending."""
    by_label = np.argsort(labels, kind="stable")
    return np.split(by_label, np.flatnonzero(np.diff(labels[by_label])) + 1)


def _joined(found: list[Rows], left: Rows, grid: WholeNumbers, is_theme: Callable[[Rows], bool]) -> list[Rows]:
    """The themes, with the topics that are left over and near to one; none joins where it would be one no more."""
    if not found:
        return []
    centroids = on_coarse_grid(unit(np.array([grid[rows].mean(axis=0, dtype=np.float64) for rows in found])))
    nearest = np.full(len(left), -1)
    for start in range(0, len(left), _BLOCK):
        products = grid[left[start : start + _BLOCK]] @ centroids.T
        near = products.max(axis=1) >= MIN_SIMILARITY_TO_JOIN * COARSE_STEPS**2
        nearest[start : start + _BLOCK] = np.where(near, products.argmax(axis=1), -1)
    joined = [np.concatenate([rows, left[nearest == number]]) for number, rows in enumerate(found)]
    return [more if is_theme(more) else rows for rows, more in zip(found, joined, strict=True)]


def _describe(grid: WholeNumbers, rows: Rows, firm_ids: Sequence[str]) -> FoundTheme:
    centroid = unit(grid[rows].mean(axis=0, dtype=np.float64))
    rows = rows[np.argsort(-(grid[rows] @ on_coarse_grid(centroid)), kind="stable")]
    row_of_firm: dict[str, int] = {}
    for row in rows:
        row_of_firm.setdefault(firm_ids[row], int(row))
    return FoundTheme(rows, centroid, list(row_of_firm.values()))
