"""The families and themes of two runs of one quarter: which are the same, and what each run calls them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cloud.src.cli.run import run_folder
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.models.embeddings import unit

Vectors = NDArray[np.float32]

# Groups of different runs are the same if the cosine of their centroids is at least this. Among the 349 themes of two
# quarters of 149 real firms, no two of one quarter came closer than 0.84.
SAME_GROUP_COSINE = 0.9

_COLUMNS = "theme_id name naming_method named_by keywords n_firms n_sentences evidence_sentence_ids"


@dataclass(frozen=True)
class ComparedGroup:
    """A theme or family under the name that one run gave it. ``sentence_ids``: those that show it best.

    ``named_by``: the model, or ``keywords``.
    """

    theme_id: str
    level: str
    name: str
    naming_method: str
    named_by: str
    keywords: list[str]
    n_firms: int
    n_sentences: int
    sentence_ids: list[str]

    @property
    def title(self) -> str:
        """What a judge may know of it beside its sentences."""
        return f"A {self.level} of {self.n_firms:,} firms"


@dataclass(frozen=True)
class RunGroups:
    """The families and themes of a run in their rank. ``centroids``: unit vectors, shape (groups, dimensions)."""

    rows: list[ComparedGroup]
    centroids: Vectors


@dataclass(frozen=True)
class GroupPair:
    """A theme or family in both runs."""

    a: ComparedGroup
    b: ComparedGroup

    @property
    def kind(self) -> str:
        """``family`` or ``theme``."""
        return self.a.level

    @property
    def same_name(self) -> bool:
        """Whether both runs give it the same name, ignoring case."""
        return self.a.name.casefold() == self.b.name.casefold()


def read_groups(folder: Path, quarter: str, dimensions: int) -> RunGroups:
    """Read the families, then the themes of a run, whose vectors have so many dimensions.

    Raises InvalidInput if their table is missing or damaged.
    """
    rows: list[ComparedGroup] = []
    centroids: list[list[float]] = []
    for level in (FAMILY, THEME):
        for row in run_folder.read_themes(folder, quarter, f"{_COLUMNS} centroid", level).to_pylist():
            centroids.append(row.pop("centroid"))
            rows.append(_group(row, level))
    if {len(centroid) for centroid in centroids} - {dimensions}:
        raise InvalidInput(
            f"{folder / keys.themes(quarter)} comes from another run than the topics: run the quarter again"
        )
    return RunGroups(rows, unit(np.array(centroids, dtype=np.float32).reshape(len(rows), dimensions)))


def match_groups(a: RunGroups, b: RunGroups) -> list[GroupPair]:
    """Pair what two runs have in common, level by level, in A's order.

    First what has the same id and is near enough. Then the assignment of the others with the largest sum of cosines,
    without pairs too far apart.
    """
    found: dict[int, int] = {}
    for level in (FAMILY, THEME):
        rows_a, rows_b = ([row for row, group in enumerate(run.rows) if group.level == level] for run in (a, b))
        if not rows_a or not rows_b:
            continue
        cosines = a.centroids[rows_a] @ b.centroids[rows_b].T
        same_id = np.array([[a.rows[i].theme_id == b.rows[j].theme_id for j in rows_b] for i in rows_a])
        # A pair with the same id outweighs all others, so that themes with one centroid keep theirs.
        worth = np.where(cosines >= SAME_GROUP_COSINE, cosines + same_id * len(rows_a), 0)
        for i, j in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
            if cosines[i, j] >= SAME_GROUP_COSINE:
                found[rows_a[i]] = rows_b[j]
    return [GroupPair(a.rows[row_a], b.rows[row_b]) for row_a, row_b in sorted(found.items())]


def _group(row: dict[str, Any], level: str) -> ComparedGroup:
    return ComparedGroup(
        theme_id=row["theme_id"],
        level=level,
        name=row["name"],
        naming_method=row["naming_method"],
        named_by=row["named_by"],
        keywords=row["keywords"],
        n_firms=row["n_firms"],
        n_sentences=row["n_sentences"],
        sentence_ids=row["evidence_sentence_ids"],
    )
