"""What ``ftm themes`` shows on the terminal, and the table of all families and themes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table
from rich.text import Text

from cloud.src.cli.quarters.changes import STATUSES, STEADY, Change, PanelView
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.cli.screen import one_line
from cloud.src.contract.errors import FtmError
from cloud.src.contract.files import written_whole

CHANGES_SHOWN = 5  # of each status
PLURAL = {FAMILY: "families", THEME: "themes"}

_OF_A_SIDE = [("n_firms", pa.int32()), ("share_of_firms", pa.float64()), ("n_sentences", pa.int32())]
_COLUMNS: list[pa.Field[Any]] = [
    pa.field("level", pa.string(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("theme_id", pa.string(), nullable=False),
    pa.field("name", pa.string(), nullable=False),
    pa.field("family_id", pa.string()),
    pa.field("general", pa.bool_(), nullable=False),
    *(pa.field(f"{name}_{side}", kind, nullable=False) for side in ("earlier", "later") for name, kind in _OF_A_SIDE),
    pa.field("n_paired", pa.int32(), nullable=False),
    pa.field("p", pa.float64(), nullable=False),
    pa.field("q", pa.float64(), nullable=False),
]
CHANGE = pa.schema(_COLUMNS)


def changes_table(level: str, view: PanelView) -> Table:
    """The first families or themes of each status; general ones and those that stay as they are left out."""
    title = f"{PLURAL[level].capitalize()} from {view.quarters[0]} to {view.quarters[-1]}: share of firms"
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("")
    table.add_column(level.capitalize(), ratio=1)
    for quarter in view.quarters:
        table.add_column(quarter, justify="right")
    table.add_column("q", justify="right")
    for status in STATUSES:
        own = [change for change in view.changes[level] if change.status == status and not change.general]
        for change in own[:CHANGES_SHOWN] if status != STEADY else []:
            # Text, not str: names are untrusted and rich would read [...] in them as markup.
            shares = [f"{point.share:.0%}" for point in change.points]
            table.add_row(status, Text(one_line(change.name)), *shares, f"{change.q:.2g}")
    return table


def counts_line(level: str, changes: list[Change]) -> str:
    """How many families or themes there are by status, and how many general ones beside them, in one line.

    The page counts them in the same way.
    """
    counts = Counter(change.status for change in changes if not change.general)
    general = sum(change.general for change in changes)
    by_status = ", ".join(f"{counts[status]:,} {status}" for status in STATUSES)
    return f"{len(changes):,} {level if len(changes) == 1 else PLURAL[level]}: {by_status}, {general:,} general"


def write_changes(view: PanelView, path: Path) -> None:
    """Write all of them as a Parquet file, whole or not at all; raise FtmError when it cannot be written."""
    rows = [
        {
            "level": level,
            **{name: getattr(change, name) for name in ("status", "theme_id", "name", "family_id", "general")},
            **{
                f"{name}_{side}": value
                for side, point in (("earlier", change.earlier), ("later", change.later))
                for name, value in (
                    ("n_firms", point.n_firms),
                    ("share_of_firms", point.share),
                    ("n_sentences", point.n_sentences),
                )
            },
            **{name: getattr(change, name) for name in ("n_paired", "p", "q")},
        }
        for level, changes in view.changes.items()
        for change in changes
    ]
    try:
        with written_whole(path) as unfinished:
            pq.write_table(pa.Table.from_pylist(rows, schema=CHANGE), unfinished)
    except OSError as error:
        raise FtmError(f"cannot write {path}: {error.strerror or error}") from error
