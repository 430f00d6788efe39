"""Which theme or family of the quarter before is which of a quarter's own, for the report.

They are matched by what their topics say: the cosine of their centroids, with what all topics share taken off. Names
play no part. Each theme has at most one partner: the assignment with the largest sum of cosines
(scipy.optimize.linear_sum_assignment), of which the pairs below a floor are dropped. What has changed between quarters
is not read off this, but off one set of themes measured in both (ADR-017).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cloud.src.cli.run import run_folder
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.models.embeddings import unit

Vectors = NDArray[np.float32]

# Two themes are one from this cosine of their centroids on (ADR-014).
SAME_THEME_COSINE = 0.65
# What is less like anything in the quarter before is new. Between the two nothing is said: "Freight" is no new family
# after a quarter whose family was "Freight and Inventory". Of 44 real families 21 have no partner. Of these, 8 are new
# by this (furloughs, deferrals, reopening), and 13 were spoken of before (balance sheet, pricing, travel).
NEW_BELOW_COSINE = 0.5

_TOPICS = run_folder.columns(schemas.TOPIC, "theme_id embedding")
_FIRMS = run_folder.columns(schemas.FIRM, "firm_id")


@dataclass(frozen=True)
class Quarter:
    """The themes of a quarter, or its families: ids, and the share of firms of each.

    ``centroids``: of the themes, the mean of their topics' vectors, shape (themes, dimensions).

    ``mean``: of all topics of the quarter, shape (dimensions,).
    """

    theme_ids: list[str]
    shares: list[float]
    centroids: Vectors
    mean: Vectors


def read_quarter(folder: Path, quarter: str) -> dict[str, Quarter]:
    """Read a quarter's families and themes, by level.

    Raises InvalidInput when a table is missing or damaged, or the tables do not agree.
    """
    topics = run_folder.read_table(folder, quarter, "topics", _TOPICS)
    n_firms = run_folder.read_table(folder, quarter, "firms", _FIRMS).num_rows
    vectors = run_folder.embeddings(topics, folder / keys.topics(quarter))
    of_topics: list[Any] = topics.column("theme_id").to_pylist()
    mean = vectors.mean(axis=0)
    family_of: dict[str, str] = {}
    found = {}
    for level in (THEME, FAMILY):
        table = run_folder.read_themes(folder, quarter, "theme_id n_firms family_id centroid", level)
        rows: list[Any] = table.drop_columns(["centroid"]).to_pylist()
        if level == THEME:
            family_of = {row["theme_id"]: row["family_id"] for row in rows}
        # What has no topic of its own is near to its sentences.
        own = mean + np.array(table.column("centroid").to_pylist()).reshape(len(rows), len(mean))
        ids = [row["theme_id"] for row in rows]
        groups = of_topics if level == THEME else [family_of.get(theme_id) for theme_id in of_topics]
        _set_centroids(own, ids, vectors, groups)
        shares = [row["n_firms"] / max(1, n_firms) for row in rows]
        found[level] = Quarter(ids, shares, own.astype(np.float32), mean)
    known = set(found[THEME].theme_ids)
    if not {theme_id for theme_id in of_topics if theme_id is not None} <= known or not set(family_of.values()) <= set(
        found[FAMILY].theme_ids
    ):
        path = folder / keys.topics(quarter)
        raise InvalidInput(f"{path} and the themes beside it come from different runs: run the quarter again")
    return found


def match(earlier: Quarter, later: Quarter) -> list[tuple[int, int]]:
    """The themes that are the same: row in the earlier quarter and row in the later one.

    Raises InvalidInput when the quarters were made with different embedding models.
    """
    cosines = _cosines(earlier, later)
    # What is below the floor is worth nothing, so that no good pair is given up for two bad ones.
    worth = np.where(cosines >= SAME_THEME_COSINE, cosines, 0)
    found = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return [(int(i), int(j)) for i, j in found if cosines[i, j] >= SAME_THEME_COSINE]


def new_themes(earlier: dict[str, Quarter], later: Quarter) -> set[str]:
    """The ids of a level's themes that are like no family and no theme of the quarter before."""
    cosines = np.concatenate([_cosines(level, later) for level in earlier.values()])
    best = cosines.max(axis=0, initial=-1)
    return {theme_id for theme_id, cosine in zip(later.theme_ids, best, strict=True) if cosine < NEW_BELOW_COSINE}


def _cosines(earlier: Quarter, later: Quarter) -> NDArray[np.floating]:
    """Shape (themes of the earlier quarter, themes of the later one), with what all topics share taken off."""
    if earlier.mean.shape != later.mean.shape:
        raise InvalidInput("the quarters were made with different embedding models: run one of them again")
    shared = (earlier.mean + later.mean) / 2
    return unit(earlier.centroids - shared) @ unit(later.centroids - shared).T


def _set_centroids(centroids: NDArray[Any], ids: list[str], vectors: Vectors, theme_of_topic: list[Any]) -> None:
    """Set the centroids of what has topics to the mean of their vectors."""
    place = {theme_id: row for row, theme_id in enumerate(ids)}
    rows = np.array([place.get(theme_id, len(place)) for theme_id in theme_of_topic])
    sums = np.zeros((len(place) + 1, vectors.shape[1]))  # the last one: topics without a theme
    np.add.at(sums, rows, vectors)
    counts = np.bincount(rows, minlength=len(sums))[:-1]
    centroids[counts > 0] = sums[:-1][counts > 0] / counts[counts > 0, None]
