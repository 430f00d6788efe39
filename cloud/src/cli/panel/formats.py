"""The grid as CSV or as a Stata file, beside the Parquet tables."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from cloud.src.contract import keys
from cloud.src.contract.columns import DESCRIPTION
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.files import written_whole

PARQUET, CSV, DTA = "parquet", "csv", "dta"
OTHERS = (CSV, DTA)
# pandas makes a Stata file in memory: 2 GB for so many rows.
MAX_DTA_ROWS = 1_000_000
LONGEST_LABEL = 80  # characters, Stata's limit
# In the file where Stata has the time it was saved: the same panel gives the same bytes.
_NO_TIME = datetime.datetime(2000, 1, 1)  # noqa: DTZ001  # pandas writes no zone


def path(kind: str, folder: Path) -> Path:
    """Where the grid of a panel is in this format."""
    return folder / f"grid.{kind}"


def check_size(kind: str, n_rows: int) -> None:
    """Raise InvalidInput when a grid has too many rows for the format."""
    if kind == DTA and n_rows > MAX_DTA_ROWS:
        raise InvalidInput(
            f"the grid has {n_rows:,} rows, and --format dta takes at most {MAX_DTA_ROWS:,}: use csv, which Stata "
            "imports, or --level family, or fewer quarters"
        )


def write(kind: str, folder: Path) -> None:
    """Write the grid of a panel once more; raise InvalidInput when it has too many rows for the format."""
    with pq.ParquetFile(folder / keys.panel_table("grid")) as grid:
        check_size(kind, grid.metadata.num_rows)
        with written_whole(path(kind, folder)) as unfinished:
            if kind == CSV:
                _write_csv(grid, unfinished)
            else:
                _write_dta(grid, unfinished)


def _write_csv(grid: pq.ParquetFile, file: Path) -> None:
    schema = grid.schema_arrow
    with pa_csv.CSVWriter(file, schema) as writer:
        for group in range(grid.num_row_groups):
            writer.write_table(grid.read_row_group(group).cast(schema))


def _write_dta(grid: pq.ParquetFile, file: Path) -> None:
    import pandas as pd  # here, because it takes a second to load

    table = grid.read()
    frame = pd.DataFrame({name: _for_stata(table[name]).to_pandas() for name in table.column_names})
    frame = frame.fillna(dict.fromkeys((field.name for field in table.schema if pa.types.is_string(field.type)), ""))
    days = [field.name for field in grid.schema_arrow if pa.types.is_date(field.type)]
    times = [field.name for field in grid.schema_arrow if pa.types.is_timestamp(field.type)]
    frame.to_stata(
        file,
        write_index=False,
        version=118,
        time_stamp=_NO_TIME,
        convert_dates=dict.fromkeys(days, "td") | dict.fromkeys(times, "tc"),
        variable_labels={field.name: label(field) for field in grid.schema_arrow},
    )


def _for_stata(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """Stata has no time zones, and its days and times are pandas' times."""
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ms"), safe=False)  # Stata's times have milliseconds
    return column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column


def label(field: pa.Field[Any]) -> str:
    """A column's description as a Stata label: its beginning, whole words, at most LONGEST_LABEL characters."""
    text = (field.metadata or {}).get(DESCRIPTION, b"").decode().rstrip(".")
    if len(text) <= LONGEST_LABEL:
        return text
    return text[: LONGEST_LABEL - 3].rsplit(" ", 1)[0].rstrip(",;:") + "..."
