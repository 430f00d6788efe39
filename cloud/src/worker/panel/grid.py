"""Every call with every theme, zeros written: the rows that exposures leave out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cloud.src.contract import schemas

MAX_ROWS = 250_000  # of one table, and so of a row group: 100 MB
SUFFIXES = ("_prepared", "_qa", "_management", "_analysts")

Shares = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class CallMeasures:
    """Of each call and theme, shape (calls, themes); NaN where there is nothing to compare with."""

    momentum: Shares
    affinity: Shares

    def of(self, calls: slice) -> CallMeasures:
        """Those of some calls."""
        return CallMeasures(self.momentum[calls], self.affinity[calls])


def exposure_matrix(calls: pa.Table, exposures: pa.Table, themes: pa.Table) -> Shares:
    """The exposure of each call to each theme, shape (calls, themes)."""
    matrix = np.zeros((calls.num_rows, themes.num_rows))
    found = _own(exposures, themes)
    matrix[_places(found, calls, "call_id"), _places(found, themes, "theme_id")] = np.asarray(found["exposure"])
    return matrix


def grid_of(calls: pa.Table, exposures: pa.Table, themes: pa.Table, measures: CallMeasures) -> Iterator[pa.Table]:
    """The rows of a quarter's calls, by call and then by theme: schema GRID without ``in_sample``.

    Args:
        calls: schema CALL.
        exposures: schema EXPOSURE, of these calls; those of other themes are left out.
        themes: schema THEME, of one level.
        measures: of these calls.
    """
    found = _own(exposures, themes)
    n_themes = themes.num_rows
    cells = _places(found, calls, "call_id") * n_themes + _places(found, themes, "theme_id")
    calls_a_table = max(1, MAX_ROWS // max(1, n_themes))
    for start in range(0, calls.num_rows, calls_a_table):
        rows = slice(start, min(start + calls_a_table, calls.num_rows))
        here = np.flatnonzero((cells >= rows.start * n_themes) & (cells < rows.stop * n_themes))
        counted = found.take(pa.array(here, pa.int64()))
        own = calls.slice(rows.start, rows.stop - rows.start)
        yield _rows(own, counted, cells[here] - rows.start * n_themes, themes, measures.of(rows))


def _rows(calls: pa.Table, counted: pa.Table, cells: Numbers, themes: pa.Table, measures: CallMeasures) -> pa.Table:
    """``cells`` are the rows of ``counted`` in the grid of these calls."""
    n_rows = calls.num_rows * themes.num_rows
    repeated = calls.take(pa.array(np.repeat(np.arange(calls.num_rows), themes.num_rows), pa.int64()))
    named = themes.take(pa.array(np.tile(np.arange(themes.num_rows), calls.num_rows), pa.int64()))
    columns: dict[str, Any] = {name: repeated[name] for name in schemas.GRID.names if name in calls.column_names}
    columns |= {"theme_id": named["theme_id"], "theme_name": named["name"], "level": named["level"]}
    for name in ("n_sentences", "exposure", "mean_similarity", *(f"exposure{suffix}" for suffix in SUFFIXES)):
        columns[name] = np.zeros(n_rows)
        columns[name][cells] = np.nan_to_num(np.asarray(counted[name].cast(pa.float64()), dtype=np.float64))
    columns["n_sentences"] = columns["n_sentences"].astype(np.int32)
    columns["mean_similarity"] = pa.array(columns["mean_similarity"], mask=columns["n_sentences"] == 0)
    for suffix in SUFFIXES:
        nothing_said = np.asarray(repeated[f"n_sentences_said{suffix}"]) == 0
        columns[f"exposure{suffix}"] = pa.array(columns[f"exposure{suffix}"], mask=nothing_said)
    for name, values in (("momentum", measures.momentum), ("affinity", measures.affinity)):
        columns[name] = pa.array(values.ravel(), mask=np.isnan(values.ravel()))
    return pa.table({name: columns[name] for name in schemas.GRID.names if name != "in_sample"})


def _own(exposures: pa.Table, themes: pa.Table) -> pa.Table:
    value_set = themes["theme_id"].combine_chunks()
    return exposures.filter(pc.is_in(exposures["theme_id"], value_set=value_set))


def _places(found: pa.Table, among: pa.Table, name: str) -> Numbers:
    return np.asarray(pc.index_in(found[name], value_set=among[name].combine_chunks())).astype(np.int64)
