"""Which theme or family of one quarter is which of a later one, and whether more or fewer firms speak of it.

Themes are matched by what their topics say: the cosine of their centroids, with what all topics share taken off. Names
play no part. Each theme has at most one partner: the assignment with the largest sum of cosines
(scipy.optimize.linear_sum_assignment), of which the pairs below a floor are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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

NEW, GROWING, STEADY, FADING, GONE = "new", "growing", "steady", "fading", "gone"
STATUSES = (NEW, GROWING, STEADY, FADING, GONE)

# Two themes are one from this cosine of their centroids on (ADR-014).
SAME_THEME_COSINE = 0.65
# A share of firms has changed when it differs by more than this many standard errors of a difference of two shares.
STANDARD_ERRORS = 2.0

_TOPICS = run_folder.columns(schemas.TOPIC, "theme_id embedding")
_THEMES = "theme_id name keywords n_firms n_sentences general stability family_id"
_FIRMS = run_folder.columns(schemas.FIRM, "firm_id")


@dataclass(frozen=True)
class QuarterTheme:
    """A theme or family of one quarter. ``rank``: its place in its level, from 1; ``share``: of the quarter's firms.

    ``general``: every call has it, whatever happens, or its firms share no words (ADR-014). ``stability`` is None in a
    quarter of few firms, ``family_id`` for a family.
    """

    theme_id: str
    name: str
    keywords: list[str]
    n_firms: int
    n_sentences: int
    general: bool
    rank: int
    share: float
    stability: float | None = None
    family_id: str | None = None


@dataclass(frozen=True)
class Quarter:
    """The themes of a quarter, or its families.

    ``centroids``: of the themes, the mean of their topics' vectors, shape (themes, dimensions).

    ``mean``: of all topics of the quarter, shape (dimensions,).
    """

    name: str
    folder: Path
    n_firms: int
    themes: list[QuarterTheme]
    centroids: Vectors
    mean: Vectors


@dataclass(frozen=True)
class Change:
    """A theme in both quarters, or in one of them. ``similarity``: of a pair, the cosine of the centroids."""

    status: str
    earlier: QuarterTheme | None
    later: QuarterTheme | None
    similarity: float | None = None

    @property
    def theme(self) -> QuarterTheme:
        """The theme as it was last seen."""
        if self.later is not None:
            return self.later
        if self.earlier is not None:
            return self.earlier
        raise ValueError("a change is of a theme that is in one of the quarters at least")


def find_folder(quarter: str, folders: Sequence[Path]) -> Path:
    """The one output folder that has the quarter; raise InvalidInput when none or several have it."""
    keys.check_quarter(quarter)
    found = {folder: run_folder.quarters_in(folder) for folder in dict.fromkeys(folders)}
    having = [folder for folder, quarters in found.items() if quarter in quarters]
    if not having:
        there = "; ".join(f"{folder} has {', '.join(quarters)}" for folder, quarters in found.items())
        raise InvalidInput(f"no output folder has {quarter} ({there}): run the quarter, or name its folder with --dir")
    if len(having) > 1:
        raise InvalidInput(f"{quarter} is in {' and in '.join(map(str, having))}: name one of them with --dir")
    return having[0]


def read_quarter(folder: Path, quarter: str) -> dict[str, Quarter]:
    """Read a quarter's families and themes, by level.

    Raises InvalidInput when a table is missing or damaged, or the tables do not agree.
    """
    topics = run_folder.read_table(folder, quarter, "topics", _TOPICS)
    n_firms = run_folder.read_table(folder, quarter, "firms", _FIRMS).num_rows
    vectors = run_folder.embeddings(topics, folder / keys.topics(quarter))
    of_topics: list[Any] = topics.column("theme_id").to_pylist()
    mean = vectors.mean(axis=0)
    quarters = {}
    for level in (FAMILY, THEME):
        table = run_folder.read_themes(folder, quarter, f"{_THEMES} centroid", level)
        rows: list[Any] = table.drop_columns(["centroid"]).to_pylist()
        themes = [
            QuarterTheme(**row, rank=rank, share=row["n_firms"] / max(1, n_firms))
            for rank, row in enumerate(rows, start=1)
        ]
        # What has no topic of its own is near to its sentences.
        own = mean + np.array(table.column("centroid").to_pylist()).reshape(len(themes), len(mean))
        quarters[level] = Quarter(quarter, folder, n_firms, themes, own.astype(np.float32), mean)
    _check_same_run(quarters, of_topics, folder / keys.topics(quarter))
    family_of = {theme.theme_id: theme.family_id for theme in quarters[THEME].themes}
    for level, groups in ((FAMILY, [family_of.get(theme_id) for theme_id in of_topics]), (THEME, of_topics)):
        _set_centroids(quarters[level], vectors, groups)
    return quarters


def of_family(themes: Sequence[QuarterTheme], family: QuarterTheme) -> list[QuarterTheme]:
    """The themes of a family, in their rank."""
    return [theme for theme in themes if theme.family_id == family.theme_id]


def compare(earlier: Quarter, later: Quarter) -> list[Change]:
    """What has become of the themes, by status, and within one the highest ranked first; general ones come last.

    Raises InvalidInput when the quarters were made with different embedding models.
    """
    if earlier.mean.shape != later.mean.shape:
        raise InvalidInput(
            f"{earlier.name} and {later.name} were made with different embedding models ({len(earlier.mean)} and "
            f"{len(later.mean)} dimensions): run one of them again"
        )
    pairs = match(earlier, later)
    changes = [
        Change(
            status_of(earlier.themes[i], earlier, later.themes[j], later), earlier.themes[i], later.themes[j], cosine
        )
        for i, j, cosine in pairs
    ]
    partners_of = ({i for i, _, _ in pairs}, {j for _, j, _ in pairs})
    changes += [Change(NEW, None, theme) for j, theme in enumerate(later.themes) if j not in partners_of[1]]
    changes += [Change(GONE, theme, None) for i, theme in enumerate(earlier.themes) if i not in partners_of[0]]
    return sorted(changes, key=lambda change: (change.theme.general, STATUSES.index(change.status), change.theme.rank))


def match(earlier: Quarter, later: Quarter) -> list[tuple[int, int, float]]:
    """The themes that are the same: row in the earlier quarter, row in the later one, cosine of their centroids."""
    shared = (earlier.mean + later.mean) / 2
    cosines = unit(earlier.centroids - shared) @ unit(later.centroids - shared).T
    # What is below the floor is worth nothing, so that no good pair is given up for two bad ones.
    worth = np.where(cosines >= SAME_THEME_COSINE, cosines, 0)
    found = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return [(int(i), int(j), float(cosines[i, j])) for i, j in found if cosines[i, j] >= SAME_THEME_COSINE]


def status_of(before: QuarterTheme, earlier: Quarter, after: QuarterTheme, later: Quarter) -> str:
    """Growing or fading when the share of firms has changed by more than chance would change it, else steady."""
    pooled = (before.n_firms + after.n_firms) / (earlier.n_firms + later.n_firms)
    standard_error = math.sqrt(pooled * (1 - pooled) * (1 / earlier.n_firms + 1 / later.n_firms))
    difference = after.share - before.share
    if abs(difference) <= STANDARD_ERRORS * standard_error:
        return STEADY
    return GROWING if difference > 0 else FADING


def _check_same_run(quarters: dict[str, Quarter], of_topics: list[Any], path: Path) -> None:
    """Raise InvalidInput when a topic is of an unknown theme, or a theme of an unknown family."""
    families, themes = ({theme.theme_id for theme in quarters[level].themes} for level in (FAMILY, THEME))
    known = {theme.family_id for theme in quarters[THEME].themes} <= families
    if not known or not {theme_id for theme_id in of_topics if theme_id is not None} <= themes:
        raise InvalidInput(f"{path} and the themes beside it are of different runs: run the quarter again")


def _set_centroids(quarter: Quarter, vectors: Vectors, theme_of_topic: list[Any]) -> None:
    """Set the centroids of what has topics to the mean of their vectors."""
    place = {theme.theme_id: row for row, theme in enumerate(quarter.themes)}
    rows = np.array([place.get(theme_id, len(place)) for theme_id in theme_of_topic])
    sums = np.zeros((len(place) + 1, vectors.shape[1]))  # the last one: topics without a theme
    np.add.at(sums, rows, vectors)
    counts = np.bincount(rows, minlength=len(sums))[:-1]
    quarter.centroids[counts > 0] = sums[:-1][counts > 0] / counts[counts > 0, None]
