"""Near-duplicate themes: near one another, and with words in common."""

from __future__ import annotations

import numpy as np
import pytest

from cloud.src.themes import near_duplicates
from cloud.src.topics.grid import on_coarse_grid

SUPPLY, PARTS, DEBT = ["supply chain", "ports"], ["supply", "parts chain"], ["debt", "liquidity"]


def merged(degrees: list[float], keywords: list[list[str]]) -> list[list[int]]:
    """What becomes of clusters of two topics each, which lie in one plane at these angles."""
    angles = np.repeat(np.radians(degrees), 2)
    grid = on_coarse_grid(np.column_stack([np.cos(angles), np.sin(angles)]))
    clusters = [np.array([2 * number, 2 * number + 1]) for number in range(len(degrees))]
    of_topic = [words for words in keywords for _ in range(2)]
    return [rows.tolist() for rows in near_duplicates.merge(clusters, grid, of_topic)]


@pytest.mark.parametrize(
    ("degrees", "keywords", "expected"),
    [
        ([0, 50], [SUPPLY, PARTS], [[0, 1, 2, 3]]),
        ([0, 50], [SUPPLY, DEBT], [[0, 1], [2, 3]]),  # neighbours
        ([0, 70], [SUPPLY, PARTS], [[0, 1], [2, 3]]),  # words only
        ([0, 50], [[], []], [[0, 1], [2, 3]]),
        ([40, 200, 10], [SUPPLY, DEBT, PARTS], [[0, 1, 4, 5], [2, 3]]),
        # Only the nearest pair, so that a chain of neighbours does not become one theme.
        ([0, 50, 90], [SUPPLY, SUPPLY, SUPPLY], [[0, 1], [2, 3, 4, 5]]),
        ([0], [SUPPLY], [[0, 1]]),
        ([], [], []),
    ],
)
def test_merging(degrees: list[float], keywords: list[list[str]], expected: list[list[int]]) -> None:
    assert merged(degrees, keywords) == expected
