"""``ftm panel``: several quarters of a run folder as one table of calls and themes, zeros written."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.table import Table
from rich.text import Text

from cloud.src.cli.panel import formats, panel_folder
from cloud.src.cli.panel.word_list import read_word_list
from cloud.src.cli.run.run_folder import FAMILY
from cloud.src.cli.screen import Screen, Stage, one_line, output_console
from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from cloud.src.themes.measure import Limits
from cloud.src.worker.panel.panel import PanelRequest, make_panel
from cloud.src.worker.settings import MAX_FIRM_DOMINANCE, MIN_FIRMS
from cloud.src.worker.store import FolderStore

SHOWN = 10
MAX_QUARTERS_IN_A_NAME = 4
LIMITS = Limits(MIN_FIRMS, MAX_FIRM_DOMINANCE)


@dataclass(frozen=True)
class PanelOptions:
    """What the user asks for; ``out`` is None for a folder beside the run's tables, ``words`` for no list of them."""

    quarters: Sequence[str]
    folder: Path
    out: Path | None
    themes_from: str | None
    level: str
    format: str
    words: Path | None


def panel(screen: Screen, asked: PanelOptions) -> None:
    """Write the panel's tables, and show the first families or themes in each quarter.

    Raises InvalidInput when a quarter is missing or the list of words cannot be used; FtmError when a file is damaged
    or the disk refuses.
    """
    keys.check_panel_quarters(asked.quarters, asked.themes_from)
    if not asked.folder.is_dir():
        raise InvalidInput(f"{asked.folder} is not a folder: give the output folder of a run")
    quarters = sorted(asked.quarters)
    out = asked.out or asked.folder / keys.panel_prefix(default_name(quarters, asked.themes_from))
    keys.check_panel(out.name)
    words = None if asked.words is None else read_word_list(asked.words)
    request = PanelRequest(out.name, quarters, asked.themes_from, asked.level, LIMITS, words)
    rows = build(screen, FolderStore(asked.folder), request, out, asked.format)
    _show(asked, out, rows)


def default_name(quarters: Sequence[str], themes_from: str | None) -> str:
    """What a panel is called unless the user says: panels of other quarters, or of other themes, stay beside it."""
    name = (
        "-".join(quarters)
        if len(quarters) <= MAX_QUARTERS_IN_A_NAME
        else f"{quarters[0]}-{quarters[-1]}-{len(quarters)}"
    )
    return name if themes_from is None else f"{name}-from-{themes_from}"


def build(
    screen: Screen, store: FolderStore, request: PanelRequest, out: Path, file_format: str = formats.PARQUET
) -> dict[str, int]:
    """Write the tables of a panel into ``out``, all of them or none; return the number of rows of each.

    ``file_format``: of the grid, beside Parquet; one that the grid is too large for is refused when the panel is there.
    Raises as ``panel`` does.
    """
    too_large = None

    @contextmanager
    def begin(step: str, total: int | None, unit: str) -> Iterator[Stage]:
        with screen.stage(step, total, unit) as stage:
            yield stage

    with _writing(out), panel_folder.replaced(out) as unfinished:
        rows = make_panel(store, request, unfinished, _embedder, begin)
        if file_format != formats.PARQUET:
            try:
                with screen.stage(f"write {file_format}"):
                    formats.write(file_format, unfinished)
            except InvalidInput as error:
                too_large = error
    if too_large:
        raise too_large
    return rows


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FtmError(f"cannot write {out}: {error.strerror or error}") from error


def _embedder() -> Embedder:
    return Embedder(os.environ.get("EMBEDDING_MODEL") or packaged_models.EMBEDDING)


def _show(asked: PanelOptions, out: Path, rows: dict[str, int]) -> None:
    console = output_console()
    found = pq.read_table(out / keys.panel_table("quarters"))
    console.print(_first(found.filter(pc.equal(found["level"], pa.scalar(asked.level))).to_pylist(), asked.level))
    times = pq.read_table(out / keys.panel_table("calls"), columns=["time_known"])["time_known"]
    unknown = len(times) - len(times.filter(times))
    about = f"{rows['calls']:,} calls, {rows['grid']:,} rows in the grid"
    if unknown:
        about += f"; {unknown:,} calls without a time of day have no event_date, only first_trading_day"
    grid = out / keys.panel_table("grid")
    other = [f"Also as {asked.format}: {formats.path(asked.format, out)}"] if asked.format != formats.PARQUET else []
    if asked.words is not None:
        other.append(f"Words by category: {out / keys.panel_table('words')}")
    first, last = min(asked.quarters), max(asked.quarters)
    next_step = (
        f"Next, what each theme counts: ftm explain THEME --quarter {last} --dir {shlex.quote(str(asked.folder))}"
    )
    if first != last:
        next_step = f"Next, what is new: ftm themes --quarters {first} {last} --dir {shlex.quote(str(asked.folder))}"
    for line in [about, f"Grid: {grid}", *other, next_step]:
        console.print(line, markup=False, soft_wrap=True)


def _first(rows: list[dict[str, Any]], level: str) -> Table:
    """The share of firms of the first families or themes, quarter by quarter."""
    quarters = sorted({row["quarter"] for row in rows})
    plural = "families" if level == FAMILY else "themes"
    table = Table(title=f"Share of firms that speak of the first {plural}", title_justify="left")
    table.add_column(level.capitalize())
    for quarter in quarters:
        table.add_column(quarter, justify="right")
    by_theme: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_theme.setdefault(row["theme_id"], []).append(row)
    for own in list(by_theme.values())[:SHOWN]:
        # Text, not str: names are untrusted and rich would read [...] in them as markup.
        table.add_row(Text(one_line(own[0]["theme_name"])), *(f"{row['share_of_firms']:.0%}" for row in own))
    return table
