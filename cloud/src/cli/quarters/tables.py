"""What ``ftm themes`` shows on the terminal, and the table of all families and themes of both quarters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table
from rich.text import Text

from cloud.src.cli.quarters.changes import STATUSES, STEADY, Change, Quarter, QuarterTheme, of_family
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.cli.screen import one_line
from cloud.src.contract.errors import FtmError
from cloud.src.contract.files import written_whole

FIRST_FAMILIES = 10
CHANGES_SHOWN = 5  # of each status
PLURAL = {FAMILY: "families", THEME: "themes"}

_SIDE = [
    ("theme_id", pa.string()),
    ("name", pa.string()),
    ("rank", pa.int32()),
    ("n_firms", pa.int32()),
    ("share_of_firms", pa.float64()),
    ("n_sentences", pa.int32()),
    ("stability", pa.float64()),
    ("general", pa.bool_()),
]
CHANGE = pa.schema(
    [
        pa.field("level", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        *(pa.field(f"{name}_{side}", kind) for side in ("earlier", "later") for name, kind in _SIDE),
        pa.field("similarity", pa.float64()),
    ]
)


def side_by_side(title: str, quarters: Mapping[str, Mapping[str, Quarter]]) -> Table:
    """The first families of quarters, or of runs, with the names of their themes, each in its own order.

    The keys of ``quarters`` are shown above them; the values are what read_quarter returns.
    """
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("", justify="right")
    for name in quarters:
        table.add_column(name, ratio=1)
        table.add_column("Firms", justify="right")
        table.add_column("Stability", justify="right")
    firsts = zip_longest(*(quarter[FAMILY].themes[:FIRST_FAMILIES] for quarter in quarters.values()))
    for number, families in enumerate(firsts, start=1):
        cells = [
            cell
            for family, quarter in zip(families, quarters.values(), strict=True)
            for cell in _family_cells(family, quarter[THEME].themes)
        ]
        table.add_row(str(number), *cells, end_section=True)
    return table


def changes_table(level: str, earlier: Quarter, later: Quarter, changes: list[Change]) -> Table:
    """The first families or themes of each status; general ones and those that stay as they are left out."""
    title = f"{PLURAL[level].capitalize()} from {earlier.name} to {later.name}"
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("")
    table.add_column(level.capitalize(), ratio=1)
    table.add_column(f"Firms {earlier.name}", justify="right")
    table.add_column(f"Firms {later.name}", justify="right")
    for status in STATUSES:
        own = [change for change in changes if change.status == status and not change.theme.general]
        for change in own[:CHANGES_SHOWN] if status != STEADY else []:
            # Text, not str: names are untrusted and rich would read [...] in them as markup.
            table.add_row(status, Text(one_line(change.theme.name)), _firms(change.earlier), _firms(change.later))
    return table


def counts_line(level: str, changes: list[Change]) -> str:
    """How many families or themes there are by status, and how many are general, in one line."""
    counts = Counter(change.status for change in changes)
    general = sum(change.theme.general for change in changes)
    by_status = ", ".join(f"{counts[status]:,} {status}" for status in STATUSES)
    return f"{len(changes):,} {PLURAL[level]}: {by_status}; {general:,} of them are general"


def write_changes(changes: dict[str, list[Change]], path: Path) -> None:
    """Write all of them, by level, as a Parquet file, whole or not at all; raise FtmError when it cannot be written."""
    rows = [
        {
            "level": level,
            "status": change.status,
            **_columns(change.earlier, "earlier"),
            **_columns(change.later, "later"),
            "similarity": change.similarity,
        }
        for level, of_level in changes.items()
        for change in of_level
    ]
    try:
        with written_whole(path) as unfinished:
            pq.write_table(pa.Table.from_pylist(rows, schema=CHANGE), unfinished)
    except OSError as error:
        raise FtmError(f"cannot write {path}: {error.strerror or error}") from error


def _columns(theme: QuarterTheme | None, side: str) -> dict[str, object]:
    if theme is None:
        return {}
    values = (
        *(theme.theme_id, theme.name, theme.rank, theme.n_firms, theme.share, theme.n_sentences),
        *(theme.stability, theme.general),
    )
    return {f"{name}_{side}": value for (name, _), value in zip(_SIDE, values, strict=True)}


def _family_cells(family: QuarterTheme | None, themes: list[QuarterTheme]) -> tuple[Text, str, str]:
    """Its name with those of its themes below, its firms, and its stability."""
    if family is None:
        return Text(""), "", ""
    parts = one_line(", ".join(theme.name for theme in of_family(themes, family)))
    general = " (general)" if family.general else ""
    name = Text.assemble((one_line(family.name), "bold"), general, "\n", (parts, "dim"))
    return name, _firms(family), "-" if family.stability is None else f"{family.stability:.2f}"


def _firms(theme: QuarterTheme | None) -> str:
    return f"{theme.n_firms} ({theme.share:.0%})" if theme else "-"
