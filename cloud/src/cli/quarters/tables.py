"""What ``ftm themes`` shows on the terminal, and the table of all themes of both quarters."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table
from rich.text import Text

from cloud.src.cli.quarters.changes import STATUSES, STEADY, Change, Quarter, QuarterTheme
from cloud.src.cli.screen import one_line
from cloud.src.contract.errors import FtmError
from cloud.src.contract.files import written_whole

FIRST_THEMES = 10
CHANGES_SHOWN = 5  # of each status

_SIDE = [
    ("theme_id", pa.string()),
    ("name", pa.string()),
    ("rank", pa.int32()),
    ("n_firms", pa.int32()),
    ("share_of_firms", pa.float64()),
    ("n_sentences", pa.int32()),
    ("general", pa.bool_()),
]
CHANGE = pa.schema(
    [
        pa.field("status", pa.string(), nullable=False),
        *(pa.field(f"{name}_{side}", kind) for side in ("earlier", "later") for name, kind in _SIDE),
        pa.field("similarity", pa.float64()),
    ]
)


def side_by_side(earlier: Quarter, later: Quarter) -> Table:
    """The first themes of both quarters, each in its own order."""
    table = Table(title=f"The first themes of {earlier.name} and {later.name}", title_justify="left", expand=True)
    table.add_column("", justify="right")
    for quarter in (earlier, later):
        table.add_column(quarter.name, ratio=1)
        table.add_column("Firms", justify="right")
    firsts = zip_longest(earlier.themes[:FIRST_THEMES], later.themes[:FIRST_THEMES])
    for number, (before, after) in enumerate(firsts, start=1):
        table.add_row(str(number), *_name_and_firms(before), *_name_and_firms(after))
    return table


def changes_table(earlier: Quarter, later: Quarter, changes: list[Change]) -> Table:
    """The first themes of each status; general ones and those that stay as they are left out."""
    table = Table(title=f"From {earlier.name} to {later.name}", title_justify="left", expand=True)
    table.add_column("")
    table.add_column("Theme", ratio=1)
    table.add_column(f"Firms {earlier.name}", justify="right")
    table.add_column(f"Firms {later.name}", justify="right")
    for status in STATUSES:
        own = [change for change in changes if change.status == status and not change.theme.general]
        for change in own[:CHANGES_SHOWN] if status != STEADY else []:
            # Text, not str: names are untrusted and rich would read [...] in them as markup.
            table.add_row(status, Text(one_line(change.theme.name)), _firms(change.earlier), _firms(change.later))
    return table


def counts_line(changes: list[Change]) -> str:
    """How many themes there are by status, and how many are general, in one line."""
    counts = Counter(change.status for change in changes)
    general = sum(change.theme.general for change in changes)
    by_status = ", ".join(f"{counts[status]:,} {status}" for status in STATUSES)
    return f"{len(changes):,} themes: {by_status}; {general:,} of them are general"


def write_changes(changes: list[Change], path: Path) -> None:
    """Write all themes as a Parquet file, whole or not at all; raise FtmError when it cannot be written."""
    rows = [
        {
            "status": change.status,
            **_columns(change.earlier, "earlier"),
            **_columns(change.later, "later"),
            "similarity": change.similarity,
        }
        for change in changes
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
        theme.general,
    )
    return {f"{name}_{side}": value for (name, _), value in zip(_SIDE, values, strict=True)}


def _name_and_firms(theme: QuarterTheme | None) -> tuple[Text, str]:
    return Text(one_line(theme.name) if theme else ""), str(theme.n_firms) if theme else ""


def _firms(theme: QuarterTheme | None) -> str:
    return f"{theme.n_firms} ({theme.share:.0%})" if theme else "-"
