"""A panel from the quarters of a run folder: one set of themes, one pass over each quarter, and the tables."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from cloud.src.contract import keys
from cloud.src.contract.files import written_whole
from cloud.src.models.embeddings import Embedder
from cloud.src.naming.namer import KeywordNamer
from cloud.src.themes.measure import FittedThemes, Limits
from cloud.src.worker.panel.measure_panel import QuarterFiles, measure_panel, number_id
from cloud.src.worker.panel.source import PanelSource, read_source
from cloud.src.worker.panel.tables import PanelIdentity, PanelWriter
from cloud.src.worker.panel.themes import found_in_all, of_level, published, ranked_and_named, renamed
from cloud.src.worker.panel.words import WordList
from cloud.src.worker.rank_quarter import FAMILY, THEME
from cloud.src.worker.store import Store


class Step(Protocol):
    """A step while it lasts."""

    def update(self, done: int) -> None:
        """Say how much is done."""


# Begins a step: its name, and of how many of what it tells the progress.
Begin = Callable[[str, int | None, str], AbstractContextManager[Step]]


@dataclass(frozen=True)
class PanelRequest:
    """What is asked for. ``themes_from`` is an earlier quarter, None for themes of all quarters together.

    ``words`` are the user's, None for no table of them.
    """

    name: str
    quarters: Sequence[str]
    themes_from: str | None
    level: str
    limits: Limits
    words: WordList | None = None


def make_panel(
    store: Store, request: PanelRequest, folder: Path, load_embedder: Callable[[], Embedder], begin: Begin
) -> dict[str, int]:
    """Write the panel's tables into an empty ``folder``; return the number of rows of each.

    Raises InvalidInput when a quarter has not been run, FtmError when a file of it is damaged.
    """
    keys.check_panel_quarters(request.quarters, request.themes_from)
    with begin("read topics", None, ""):
        source = read_source(store, request.quarters)
    with tempfile.TemporaryDirectory() as work:
        files = QuarterFiles(Path(work))
        if request.themes_from is None:
            themes, numbers = _joint(source, request, files, load_embedder, begin)
        else:
            themes, numbers = _of_one_quarter(source, request, request.themes_from, files, begin)
        inputs = {each.quarter: each.run for each in source.quarters}
        identity = PanelIdentity(request.name, inputs, request.themes_from, request.level, request.words)
        with begin("write tables", None, ""):
            return PanelWriter(folder, identity, themes, numbers, files).write(written_whole)


def _joint(
    source: PanelSource,
    request: PanelRequest,
    files: QuarterFiles,
    load_embedder: Callable[[], Embedder],
    begin: Begin,
) -> tuple[pa.Table, list[str]]:
    with begin("find themes", None, ""):
        embedder = load_embedder()
        found = found_in_all(source, request.limits, embedder, lambda _: None)
    with begin(_measuring(found.fitted), source.n_parts, "parts") as stage:
        measured = measure_panel(source, found.fitted, request.limits, request.words, files, stage.update)
    with begin("name themes", None, ""):
        namer = KeywordNamer(embedder)
        themes, families, of_themes = ranked_and_named(request.name, source, measured, found, namer, embedder)
    number_of = {
        **{theme_id: number_id(FAMILY, number) for number, theme_id in enumerate(families)},
        **{theme_id: number_id(THEME, number) for number, theme_id in enumerate(of_themes)},
    }
    return themes, [number_of[str(theme_id)] for theme_id in themes["theme_id"].to_pylist()]


def _of_one_quarter(
    source: PanelSource, request: PanelRequest, quarter: str, files: QuarterFiles, begin: Begin
) -> tuple[pa.Table, list[str]]:
    source.take_embeddings()  # nothing is found, so nothing needs them
    with begin(f"read themes of {quarter}", None, ""):
        fitted, table = published(read_source(source.store, [quarter]))
    with begin(_measuring(fitted), source.n_parts, "parts") as stage:
        measure_panel(source, fitted, None, request.words, files, stage.update)
    levels = [of_level(table, level) for level in (FAMILY, THEME)]
    numbers = [
        number_id(level, number)
        for level, of_one in zip((FAMILY, THEME), levels, strict=True)
        for number in range(of_one.num_rows)
    ]
    return renamed(pa.concat_tables(levels), quarter, request.name), numbers


def _measuring(fitted: FittedThemes) -> str:
    return f"measure {fitted.n_families:,} families and {len(fitted.family_of):,} themes"
