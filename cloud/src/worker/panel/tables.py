"""The tables of a panel, one file each, written quarter by quarter: no row group has calls of two quarters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import of_run, with_record
from cloud.src.themes.count import NEAR
from cloud.src.worker.panel.grid import MAX_ROWS, CallMeasures, exposure_matrix, grid_of
from cloud.src.worker.panel.measure_panel import QuarterFiles
from cloud.src.worker.panel.measures import affinity, momentum, novelty
from cloud.src.worker.panel.themes import of_level
from cloud.src.worker.panel.words import NEAREST, WordList, words_table
from cloud.src.worker.rank_quarter import THEME

TABLES = ("themes", "quarters", "calls", "exposures", "grid")
MARKER = "themes"  # the table that goes first and comes last when a panel is made again

# Yields a path to write to, which becomes the given one when all is written.
Whole = Callable[[Path], AbstractContextManager[Path]]


@dataclass(frozen=True)
class PanelIdentity:
    """What a panel is made of.

    ``inputs``: of each quarter the id of its run. ``themes_from`` is None for joint themes, ``words`` without a list.
    """

    name: str
    inputs: dict[str, str]
    themes_from: str | None
    level: str
    words: WordList | None

    def record(self) -> dict[str, object]:
        """What all its tables carry as metadata."""
        return {
            "panel": self.name,
            "quarters": sorted(self.inputs),
            "inputs": self.inputs,
            "themes_from": self.themes_from,
            "point_in_time": self.themes_from is not None,
            "level": self.level,
            **({"words": self.words.digest} if self.words else {}),
        }

    def run_id(self, content: str) -> str:
        """The id that all its tables share; ``content`` is a hash of what was measured.

        The same input has the same one, and other tables by another version of FTM have another.
        """
        return hashlib.sha256(json.dumps([self.record(), content], sort_keys=True).encode()).hexdigest()[:16]

    def in_sample(self, quarter: str) -> bool:
        """Whether the themes were found with the calls of this quarter."""
        return self.themes_from in (None, quarter)


class PanelWriter:
    """Writes the tables of a panel into an empty ``folder``.

    Args:
        themes: schema THEME, with the panel's ids.
        numbers: the fitted number_id of each row of ``themes``.
    """

    def __init__(
        self, folder: Path, identity: PanelIdentity, themes: pa.Table, numbers: Sequence[str], files: QuarterFiles
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._themes = themes
        self._place = {number: place for place, number in enumerate(numbers)}
        self._files = files
        self._quarters = sorted(identity.inputs)
        self._run_id = identity.run_id(files.digest() + _digest(themes))

    def write(self, whole: Whole) -> dict[str, int]:
        """Write all tables; return the number of rows of each. Raises InvalidInput for a call twice."""
        _check_calls_once(self._files, self._quarters)
        rows = {
            "calls": self._write("calls", schemas.CALL, map(self._files.calls, self._quarters), whole),
            "exposures": self._write("exposures", schemas.PANEL_EXPOSURE, map(self._exposures, self._quarters), whole),
            "grid": self._write("grid", schemas.GRID, self._grid(), whole),
            "quarters": self._write("quarters", schemas.PANEL_QUARTER, [self.quarters()], whole),
        }
        if self._identity.words:
            rows["words"] = self._write("words", schemas.PANEL_WORDS, self._words(self._identity.words), whole)
        names = [name for name in schemas.PANEL_THEME.names if name != "panel"]
        themes = self._themes.select(names).append_column(
            "panel", pa.array([self._identity.name] * self._themes.num_rows, pa.string())
        )
        return rows | {"themes": self._write("themes", schemas.PANEL_THEME, [themes], whole)}

    def _write(self, name: str, schema: pa.Schema, tables: Any, whole: Whole) -> int:
        empty = with_record(schema.empty_table(), self._identity.record())
        recorded = of_run(empty, self._run_id).schema
        n_rows = 0
        with (
            whole(self._folder / keys.panel_table(name)) as path,
            pq.ParquetWriter(path, recorded, compression="snappy") as writer,
        ):
            for table in tables:
                if table.num_rows:
                    writer.write_table(table.select(schema.names).cast(schema).cast(recorded))
                n_rows += table.num_rows
        return n_rows

    def _exposures(self, quarter: str) -> pa.Table:
        """A quarter's exposures with the panel's ids and names, by call and then in the order of the themes."""
        found = self._files.exposures(quarter)
        place = self._places(found)
        order = np.lexsort((place, _runs(found["call_id"])))
        found = found.take(pa.array(order, pa.int64()))
        named = self._themes.take(pa.array(place[order], pa.int64()))
        for name, column in (("theme_id", named["theme_id"]), ("theme_name", named["name"])):
            found = found.set_column(found.schema.get_field_index(name), name, column)
        return found.append_column("in_sample", self._in_sample(quarter, found.num_rows))

    def _places(self, exposures: pa.Table) -> NDArray[np.int64]:
        ids: list[Any] = exposures["theme_id"].to_pylist()
        return np.array([self._place[number] for number in ids], dtype=np.int64)

    def _family_of_theme(self) -> NDArray[np.int64]:
        """The place of the family of each theme in the panel's table of themes; -1 for a family itself."""
        ids: list[Any] = self._themes["theme_id"].to_pylist()
        families: list[Any] = self._themes["family_id"].to_pylist()
        levels: list[Any] = self._themes["level"].to_pylist()
        place = {theme_id: number for number, theme_id in enumerate(ids)}
        return np.array(
            [place[of] if level == THEME else -1 for of, level in zip(families, levels, strict=True)], dtype=np.int64
        )

    def _in_sample(self, quarter: str, n_rows: int) -> pa.Array[Any]:
        return pa.array(np.full(n_rows, self._identity.in_sample(quarter)), pa.bool_())

    def _grid(self) -> Iterator[pa.Table]:
        level = of_level(self._themes, self._identity.level)
        matrices, calls = [], []
        for quarter in self._quarters:
            calls.append(self._files.calls(quarter))
            matrices.append(exposure_matrix(calls[-1], self._exposures(quarter), level))
        columns = ["firm_id", "sector", "earnings_call_date", "call_id"]
        measures = _measures(pa.concat_tables([each.select(columns) for each in calls]), np.concatenate(matrices))
        start = 0
        for quarter, of_quarter in zip(self._quarters, calls, strict=True):
            own = measures.of(slice(start, start + of_quarter.num_rows))
            for table in grid_of(of_quarter, self._exposures(quarter), level, own):
                yield table.append_column("in_sample", self._in_sample(quarter, table.num_rows))
            start += of_quarter.num_rows

    def _words(self, words: WordList) -> Iterator[pa.Table]:
        for quarter in self._quarters:
            exposures = self._exposures(quarter)
            exposures_a_table = max(1, MAX_ROWS // max(1, len(words.categories)))
            for start in range(0, exposures.num_rows, exposures_a_table):
                yield words_table(exposures.slice(start, exposures_a_table), words.categories)

    def quarters(self) -> pa.Table:
        """Schema PANEL_QUARTER: of each family and theme, what it comes to in each quarter."""
        shape = (len(self._quarters), self._themes.num_rows)
        n_firms, n_near, n_sentences = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        all_firms = np.zeros(shape[0], dtype=np.int64)
        family = self._family_of_theme()
        for number, quarter in enumerate(self._quarters):
            exposures = self._files.exposures(quarter)
            place = self._places(exposures)
            firms = pc.unique(pa.chunked_array([self._files.calls(quarter)["firm_id"].combine_chunks()]))
            all_firms[number] = len(firms)
            firm = np.asarray(pc.index_in(exposures["firm_id"], value_set=firms)).astype(np.int64)
            n_firms[number] = _firms_of(place, firm, shape[1])
            # A family is spoken of where one of its themes is: nothing counts by its own centroid.
            near = (np.asarray(exposures[NEAREST.name]) >= NEAR) & (family[place] >= 0)
            either = np.append(place[near], family[place[near]])
            n_near[number] = _firms_of(either, np.append(firm[near], firm[near]), shape[1])
            counts = np.bincount(place, weights=np.asarray(exposures["n_sentences"]), minlength=shape[1])
            n_sentences[number] = counts.astype(np.int64)
        shares = np.round(n_firms / np.maximum(all_firms, 1)[:, None], 9)
        return _quarters_table(
            self._themes,
            self._quarters,
            {"n_firms": n_firms, "n_firms_near": n_near, "n_sentences": n_sentences},
            shares,
            [*map(self._identity.in_sample, self._quarters)],
        )


def _digest(table: pa.Table) -> str:
    """Of what it holds; its metadata counts what was asked of an LLM, which may differ for the same names."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(None), sink)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _firms_of(place: NDArray[np.int64], firm: NDArray[np.int64], n_themes: int) -> NDArray[np.int64]:
    """How many firms each theme has among pairs of a theme's place and a firm's number."""
    pairs = np.unique(firm * max(1, n_themes) + place)
    return np.bincount(pairs % max(1, n_themes), minlength=n_themes)


def _quarters_table(
    themes: pa.Table,
    quarters: Sequence[str],
    counts: dict[str, NDArray[np.int64]],
    shares: NDArray[np.float64],
    in_sample: Sequence[bool],
) -> pa.Table:
    """By quarter, then in the order of the themes. The arrays have shape (quarters, themes)."""
    new = novelty(shares)
    n_quarters, n_themes = shares.shape
    named = themes.take(pa.array(np.tile(np.arange(n_themes), n_quarters), pa.int64()))
    columns = {
        "theme_id": named["theme_id"],
        "theme_name": named["name"],
        "level": named["level"],
        "quarter": pa.array(np.repeat(np.array(quarters, dtype=object), n_themes), pa.string()),
        **{name: pa.array(count.ravel(), pa.int32()) for name, count in counts.items()},
        "share_of_firms": pa.array(shares.ravel()),
        "novelty": pa.array(new.ravel(), mask=np.isnan(new.ravel())),
        "in_sample": pa.array(np.repeat(np.array(in_sample, dtype=np.bool_), n_themes)),
    }
    return pa.table(columns)


def _measures(calls: pa.Table, exposure: NDArray[np.float64]) -> CallMeasures:
    firms: list[Any] = calls["firm_id"].to_pylist()
    sectors: list[Any] = calls["sector"].to_pylist()
    days = np.asarray(calls["earnings_call_date"].cast(pa.int32())).astype(np.int64)
    # By day and then by id, whatever quarter a call has been given to.
    order = np.asarray(
        pc.sort_indices(calls, sort_keys=[("earnings_call_date", "ascending"), ("call_id", "ascending")])
    )
    back = np.argsort(order)
    in_order = exposure[order], [firms[row] for row in order]
    return CallMeasures(
        momentum(*in_order, days[order])[back],
        affinity(*in_order, [sectors[row] for row in order], days[order])[back],
    )


def _check_calls_once(files: QuarterFiles, quarters: Sequence[str]) -> None:
    quarter_of: dict[str, str] = {}
    for quarter in quarters:
        ids: list[Any] = files.calls(quarter)["call_id"].to_pylist()
        for call_id in ids:
            if quarter_of.setdefault(call_id, quarter) != quarter:
                raise InvalidInput(
                    f"call {call_id} is in {quarter_of[call_id]} and in {quarter}: run one of them again"
                )


def _runs(values: pa.ChunkedArray[Any]) -> NDArray[np.int64]:
    """Numbers equal rows that stand together, in their order."""
    codes = values.combine_chunks().dictionary_encode().indices.to_numpy()
    return np.cumsum(np.diff(codes, prepend=-1) != 0)
