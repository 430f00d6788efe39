"""``ftm audit``: sheets for judging whether sentences are about their theme, and their scores."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from cloud.src.cli.audit.draw import COUNTS, NEAR_MISS, OTHER, SIZES, Drawn, draw
from cloud.src.cli.audit.judged import ANSWER, KEY, Judged, pooled, read_judged
from cloud.src.cli.run import run_folder
from cloud.src.cli.run.run_folder import THEME
from cloud.src.cli.screen import Screen, one_line, output_console
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.files import written_whole
from cloud.src.contract.rows import ThemeRow
from cloud.src.worker.panel.source import read_source
from cloud.src.worker.panel.themes import of_level, published
from cloud.src.worker.store import FolderStore

HEADER = (
    *("theme_id", "theme", "description", "sentence_id"),
    *("firm", "call", "speaker", "speaker_type", "sentence", ANSWER),
)
MEANING = {COUNTS: "count (precision)", NEAR_MISS: "nearly count (missed)", OTHER: "others (missed)"}


def audit(screen: Screen, folder: Path, quarter: str | None, n_themes: int, out: Path | None, seed: int) -> None:
    """Write a sheet for each of the first themes of a quarter, and the key of all.

    Raises InvalidInput when the folder has no such quarter or its sheets are there already, FtmError when a file is
    damaged or cannot be written.
    """
    quarter = run_folder.one_quarter(folder, quarter)
    into = out or folder / "audit" / quarter
    if into.exists():
        raise InvalidInput(f"{into} already exists and may hold answers: move it, or choose another with --out")
    with screen.stage("read themes"):
        source = read_source(FolderStore(folder), [quarter])
        fitted, table = published(source)
    themes: list[Any] = of_level(table, THEME).to_pylist()[:n_themes]
    with screen.stage("draw sentences"):
        sheets = draw(source, fitted, range(len(themes)), seed)
    try:
        for theme, sheet in zip(themes, sheets, strict=True):
            _write_sheet(into / f"{theme['theme_id']}.csv", theme, sheet)
        key = {
            theme["theme_id"]: {drawn.sentence_id: drawn.stratum for drawn in sheet}
            for theme, sheet in zip(themes, sheets, strict=True)
        }
        with written_whole(into / KEY) as unfinished:
            unfinished.write_text(json.dumps(key, indent=1), encoding="utf-8")
    except OSError as error:
        raise FtmError(f"cannot write {into}: {error.strerror or error}") from error
    console = output_console()
    n_sentences = sum(map(len, sheets))
    for line in (
        f"{len(sheets):,} sheets with {n_sentences:,} sentences: {into}",
        f"Write y or n in the column {ANSWER!r}, without looking at {KEY}.",
        f"Next, score the answers: ftm audit --judged {shlex.quote(str(into))}",
    ):
        console.print(line, markup=False, soft_wrap=True)


def judged(path: Path) -> None:
    """Show the scores of judged sheets, all themes first; raises InvalidInput as read_judged does."""
    themes = read_judged(path)
    console = output_console()
    table = Table(title="Sentences about their theme, with 95 % intervals", title_justify="left")
    table.add_column("Theme")
    for stratum in SIZES:
        table.add_column(f"Of those that {MEANING[stratum]}" if stratum != OTHER else "Of others (missed)")
    table.add_row("all", *_cells(pooled(themes.values())), end_section=True)
    for theme_id, of_theme in sorted(themes.items()):
        table.add_row(Text(one_line(theme_id)), *_cells(of_theme))
    console.print(table)
    console.print(
        "Precision is the first column; the others say how much is missed near the theme and far from it.",
        soft_wrap=True,
    )


def _cells(strata: dict[str, Judged]) -> list[str]:
    return [_cell(strata.get(stratum, Judged(0, 0))) for stratum in SIZES]


def _cell(found: Judged) -> str:
    if not found.n:
        return "-"
    low, high = found.interval
    return f"{found.share:.0%} ({low:.0%} to {high:.0%}), {found.n_about} of {found.n}"


def _write_sheet(path: Path, theme: ThemeRow, sheet: list[Drawn]) -> None:
    about = [theme["theme_id"], theme["name"], theme["description"]]
    with written_whole(path) as unfinished, unfinished.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        # A cell that begins with = or the like would be a formula in a spreadsheet.
        writer.writerows([[*map(_harmless, [*about, drawn.sentence_id, *drawn.row]), ""] for drawn in sheet])


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
