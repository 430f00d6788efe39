"""What has become of the families and themes of a panel from its first quarter to its last: whether firms speak more of
them, or less.

One set of themes is measured in all quarters, so nothing has to be matched. The firm is the unit: its exposure to a
theme is the share of its sentences, over all its calls of a quarter, that count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cloud.src.cli.panel import panel_folder
from cloud.src.cli.quarters.statistics import MIN_PAIRED, Shares, paired_change, q_values, unpaired_change
from cloud.src.cli.run import run_folder
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import read_metadata

NEW, GROWING, STEADY, FADING, GONE = "new", "growing", "steady", "fading", "gone"
STATUSES = (NEW, GROWING, STEADY, FADING, GONE)

# A share of firms (n_firms_near) up to this, or one firm, is nobody; one from the other on, and so many firms, is some.
NOBODY_SHARE, NOBODY_FIRMS = 0.01, 1
SOME_SHARE, SOME_FIRMS = 0.03, 3
# Of the themes of a level that are called growing or fading, at most this share is wrong on average.
MAX_Q = 0.05

_THEMES = "theme_id name keywords level family_id general"


@dataclass(frozen=True)
class Point:
    """A theme in one quarter; ``share`` is that of the quarter's firms with a sentence.

    ``n_firms_near`` have one that is near to it by itself, and not only by a phrase that may be said in passing.
    """

    n_firms: int
    share: float
    n_sentences: int
    n_firms_near: int


@dataclass(frozen=True)
class Change:
    """A theme or family of a panel. ``points`` has an entry per quarter, oldest first.

    ``p`` and ``q``: of the test of the first against the last quarter. ``n_paired``: how many firms called in both; 0
    where they are so few that the firms of both were compared as two groups.
    """

    theme_id: str
    name: str
    keywords: list[str]
    general: bool
    family_id: str | None
    status: str
    points: list[Point]
    n_paired: int
    p: float
    q: float

    @property
    def earlier(self) -> Point:
        """The values in the first quarter."""
        return self.points[0]

    @property
    def later(self) -> Point:
        """The values in the last quarter."""
        return self.points[-1]


@dataclass(frozen=True)
class PanelView:
    """A panel's quarters, how many firms each has, and what has become of its families and themes, by level."""

    quarters: list[str]
    n_firms: list[int]
    changes: dict[str, list[Change]]


def read_panel(folder: Path) -> PanelView:
    """Read a panel; raise InvalidInput when it is not there, not whole, damaged, or has one quarter only."""
    with panel_folder.read_whole(folder):
        points = run_folder.read_file(folder / keys.panel_table("quarters"), schemas.PANEL_QUARTER)
        quarters: list[str] = sorted(set(map(str, points["quarter"].to_pylist())))
        if len(quarters) < 2:
            raise InvalidInput(f"{folder} has only one quarter, so nothing can have changed")
        themes = run_folder.read_file(
            folder / keys.panel_table("themes"), run_folder.columns(schemas.PANEL_THEME, _THEMES)
        )
        firms = _exposures_by_firm(folder, themes, (quarters[0], quarters[-1]))
        calls = run_folder.read_file(
            folder / keys.panel_table("calls"), run_folder.columns(schemas.CALL, "firm_id quarter")
        )
    n_firms = [len(pc.unique(calls.filter(pc.field("quarter") == quarter)["firm_id"])) for quarter in quarters]
    rows: list[dict[str, Any]] = themes.to_pylist()
    of_theme = _points(points, quarters)
    changes = {}
    for level in (FAMILY, THEME):
        places = [place for place, row in enumerate(rows) if row["level"] == level]
        own = [(rows[place], of_theme[rows[place]["theme_id"]]) for place in places]
        found = between(firms[quarters[0]], firms[quarters[-1]], places)
        changes[level] = _in_order(_changes(own, found, (n_firms[0], n_firms[-1])))
    return PanelView(quarters, n_firms, changes)


def as_json_object(view: PanelView) -> dict[str, Any]:
    """The view for scripts: ``families`` and ``themes``, each with a point per quarter, in the order that is shown."""
    return {
        "quarters": view.quarters,
        "n_firms": view.n_firms,
        "families": [asdict(change) for change in view.changes[FAMILY]],
        "themes": [asdict(change) for change in view.changes[THEME]],
    }


def recorded_inputs(folder: Path) -> dict[str, str] | None:
    """Of each quarter of a panel the run that it was made from; None where there is no whole panel, or one of FTM
    before ``n_firms_near``."""
    try:
        panel_folder.run_id(folder)
    except InvalidInput:
        return None
    themes, quarters = (run_folder.schema_of(folder / keys.panel_table(table)) for table in ("themes", "quarters"))
    if "n_firms_near" not in quarters.names:
        return None
    found: dict[str, str] = read_metadata(themes).get("inputs", {})
    return found


@dataclass(frozen=True)
class Tested:
    """An entry per theme; ``change`` is above 0 where firms say more."""

    n_paired: int
    change: Shares
    p: Shares

    @property
    def q(self) -> Shares:
        """The q-values."""
        return q_values(self.p)


FirmExposures = dict[str, NDArray[np.float64]]  # of each firm, to all themes


def between(before: FirmExposures, after: FirmExposures, places: Sequence[int]) -> Tested:
    """Test some themes, by the firms that are in both where they are MIN_PAIRED or more, else by all."""
    both = sorted(before.keys() & after.keys())
    is_paired = len(both) >= MIN_PAIRED
    firms = (both, both) if is_paired else (sorted(before), sorted(after))
    first, last = (
        np.array([of_firm[firm] for firm in chosen]).reshape(len(chosen), -1)
        for of_firm, chosen in zip((before, after), firms, strict=True)
    )
    test = paired_change if is_paired else unpaired_change
    found = [test(first[:, place], last[:, place]) for place in places]
    return Tested(
        len(both) if is_paired else 0, np.array([change for change, _ in found]), np.array([p for _, p in found])
    )


def status_of(earlier: Point, later: Point, n_firms: tuple[int, int], change: float, q: float) -> str:
    """New and gone by rule, growing and fading by the test."""
    if _is_nobody(earlier, n_firms[0]) and _is_some(later, n_firms[1]):
        return NEW
    if _is_nobody(later, n_firms[1]) and _is_some(earlier, n_firms[0]):
        return GONE
    if q < MAX_Q and change:
        return GROWING if change > 0 else FADING
    return STEADY


def _is_nobody(point: Point, n_firms: int) -> bool:
    return point.n_firms_near <= max(NOBODY_FIRMS, NOBODY_SHARE * n_firms)


def _is_some(point: Point, n_firms: int) -> bool:
    return point.n_firms_near >= max(SOME_FIRMS, SOME_SHARE * n_firms)


def _changes(own: list[tuple[dict[str, Any], list[Point]]], tested: Tested, n_firms: tuple[int, int]) -> list[Change]:
    return [
        Change(
            **{name: value for name, value in row.items() if name != "level"},
            status=status_of(points[0], points[-1], n_firms, change, q),
            points=points,
            n_paired=tested.n_paired,
            p=float(p),
            q=float(q),
        )
        for (row, points), change, p, q in zip(own, tested.change, tested.p, tested.q, strict=True)
    ]


def _in_order(changes: list[Change]) -> list[Change]:
    """By status, then by how much the share of firms has changed; general ones last."""
    return sorted(
        changes,
        key=lambda each: (
            *(each.general, STATUSES.index(each.status), -abs(each.later.share - each.earlier.share)),
            each.theme_id,
        ),
    )


def _points(table: pa.Table, quarters: Sequence[str]) -> dict[str, list[Point]]:
    points: dict[str, dict[str, Point]] = {}
    for row in table.to_pylist():
        point = Point(row["n_firms"], row["share_of_firms"], row["n_sentences"], row["n_firms_near"])
        points.setdefault(row["theme_id"], {})[row["quarter"]] = point
    return {theme_id: [own[quarter] for quarter in quarters] for theme_id, own in points.items()}


def _exposures_by_firm(folder: Path, themes: pa.Table, quarters: Sequence[str]) -> dict[str, FirmExposures]:
    """Of each quarter and firm the exposure to each theme, in the order of ``themes``."""
    calls = run_folder.read_file(
        folder / keys.panel_table("calls"),
        run_folder.columns(schemas.CALL, "firm_id quarter n_sentences_said"),
    )
    exposures = run_folder.read_file(
        folder / keys.panel_table("exposures"),
        run_folder.columns(schemas.PANEL_EXPOSURE, "firm_id theme_id quarter n_sentences"),
    )
    found = {}
    for quarter in quarters:
        said = calls.filter(pc.field("quarter") == quarter).group_by("firm_id").aggregate([("n_sentences_said", "sum")])
        firm_ids: list[Any] = said["firm_id"].to_pylist()
        own = exposures.filter(pc.field("quarter") == quarter)
        firm = _places(own["firm_id"], said["firm_id"])
        theme = _places(own["theme_id"], themes["theme_id"])
        counts = np.zeros((len(firm_ids), themes.num_rows))
        np.add.at(counts, (firm, theme), np.asarray(own["n_sentences"]))
        shares = counts / np.maximum(np.asarray(said["n_sentences_said_sum"]), 1)[:, None]
        found[quarter] = dict(zip(firm_ids, shares, strict=True))
    return found


def _places(values: pa.ChunkedArray[Any], among: pa.ChunkedArray[Any]) -> NDArray[np.int64]:
    return np.asarray(pc.index_in(values, value_set=among.combine_chunks())).astype(np.int64)
