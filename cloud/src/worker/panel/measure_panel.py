"""One pass over each quarter of a panel: how much of each call is about each theme.

What counts is not kept: a quarter's calls and exposures go to a file each, so memory does not grow with the quarters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from cloud.src.contract import schemas
from cloud.src.themes.measure import FittedThemes, Limits, measure
from cloud.src.worker.calls import calls_of
from cloud.src.worker.exposures import exposures_of
from cloud.src.worker.measure_quarter import EvidenceIds, MeasuredQuarter
from cloud.src.worker.panel.source import PanelSource
from cloud.src.worker.panel.words import COUNTS, NEAREST, WordList, with_counts, with_nearest
from cloud.src.worker.rank_quarter import FAMILY, THEME

BY_CALL: list[tuple[str, Literal["ascending", "descending"]]] = [
    (name, "ascending") for name in ("firm_id", "earnings_call_date", "call_id")
]


class QuarterFiles:
    """Where the calls and exposures of each quarter are until the panel is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, quarter: str, calls: list[pa.Table], exposures: list[pa.Table]) -> None:
        """Keep a quarter's tables CALL, and EXPOSURE with NEAREST and the words' COUNTS, in the order of the calls."""
        for name, tables in (("calls", calls), ("exposures", exposures)):
            pq.write_table(pa.concat_tables(tables).sort_by(BY_CALL), self._folder / f"{quarter}_{name}.parquet")

    def calls(self, quarter: str) -> pa.Table:
        """A quarter's calls."""
        return pq.read_table(self._folder / f"{quarter}_calls.parquet")

    def exposures(self, quarter: str) -> pa.Table:
        """A quarter's exposures; their ``theme_id`` is ``number_id`` of a fitted family or theme."""
        return pq.read_table(self._folder / f"{quarter}_exposures.parquet")

    def digest(self) -> str:
        """A hash of all that is kept here."""
        found = hashlib.sha256()
        for file in sorted(self._folder.glob("*.parquet")):
            with file.open("rb") as stream:
                found.update(hashlib.file_digest(stream, "sha256").digest())
        return found.hexdigest()


def number_id(level: str, number: int) -> str:
    """What stands for a fitted family or theme that has no id yet."""
    return f"{level}_{number}"


def measure_panel(
    source: PanelSource,
    fitted: FittedThemes,
    limits: Limits | None,
    words: WordList | None,
    files: QuarterFiles,
    tell: Callable[[int], None],
) -> MeasuredQuarter:
    """Measure all quarters, and keep their calls and exposures in ``files``.

    Args:
        limits: themes that are not valid over all quarters are dropped, and it begins again; None keeps all.
        words: the user's, counted among the sentences of each exposure.
        tell: called with the number of parts that are done.
    """
    topic_sizes = source.topic_sizes()
    while True:
        measured = MeasuredQuarter.empty(fitted, len(source.firm_ids), len(topic_sizes))
        n_done = 0
        for quarter in source.quarters:
            calls, exposures = [schemas.CALL.empty_table()], [
                schemas.EXPOSURE.append(NEAREST).append(COUNTS).empty_table()
            ]
            counting = _Counting(fitted)
            for table, part in source.parts(quarter):
                found = measure(fitted, part.vectors, part.texts)
                measured.add(part, found, topic_sizes)
                sentences = table.drop_columns(["vector"])
                evidence = counting.ids.evidence(found, sentences)
                calls.append(calls_of(sentences))
                of_part = exposures_of(evidence, sentences, calls[-1], counting.themes)
                exposures.append(with_counts(with_nearest(of_part, evidence, sentences), evidence, sentences, words))
                n_done += 1
                tell(n_done)
            files.write(quarter.quarter, calls, exposures)
        dropped = measured.invalid(limits) if limits else None
        if dropped is None or not len(dropped):
            return measured
        fitted = fitted.without(dropped)


class _Counting:
    """Numbers in place of ids and names, which a panel has only when all is measured."""

    def __init__(self, fitted: FittedThemes) -> None:
        families = [number_id(FAMILY, number) for number in range(fitted.n_families)]
        themes = [number_id(THEME, number) for number in range(len(fitted.family_of))]
        self.ids = EvidenceIds(fitted, themes, families)
        self.themes = pa.table(
            {
                "theme_id": pa.array([*families, *themes], pa.string()),
                "name": pa.array([*families, *themes], pa.string()),
                "level": pa.array([FAMILY] * len(families) + [THEME] * len(themes), pa.string()),
            }
        )
