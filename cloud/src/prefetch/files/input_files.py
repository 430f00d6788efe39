"""Reads the user's files of any kind: the columns FTM knows, as text, a few thousand rows at a time."""

from __future__ import annotations

import csv
import itertools
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows, where
from cloud.src.prefetch.files.columns import COLUMNS, ROW, text_table
from cloud.src.prefetch.files.encodings import encoding_of
from cloud.src.prefetch.files.json_and_text import json_batches, text_batches

_TABLES = (".csv", ".parquet", ".jsonl")
_TEXTS = (".txt",)
_NEEDED = "needed are company, firm_id or ticker, date, and text"
_ENDINGS = ".csv, .parquet, .jsonl or .txt"
_ROWS_AT_A_TIME = 10_000
_LONGEST_VALUE = 100_000_000  # characters in one CSV value; Python's own limit of 131,072 is less than a long call


def find_files(source: Path) -> list[Path]:
    """Return the file itself, or a folder's tables or, if it has none, its texts, by name; without its subfolders."""
    if source.is_dir():
        visible = sorted(path for path in source.iterdir() if path.is_file() and not path.name.startswith("."))
        for suffixes in (_TABLES, _TEXTS):
            if paths := [path for path in visible if path.suffix.lower() in suffixes]:
                return paths
        raise InvalidInput(f"folder {source} has no {_ENDINGS} file")
    if not source.exists():
        raise InvalidInput(f"there is no file or folder {source}")
    if source.suffix.lower() not in _TABLES + _TEXTS:
        raise InvalidInput(f"{source} is no transcript file: its name must end with {_ENDINGS}")
    return [source]


def read_rows(path: Path, bad_rows: BadRows) -> Iterator[pa.Table]:
    """Yield the rows of one file: all COLUMNS as large_string (null where the file has no such column), and ROW.

    Rows that are no rows (too few values, no JSON) are left out and reported to ``bad_rows``, which also gets to know
    how many rows there are in all.

    Raises:
        InvalidInput: the file cannot be read, is damaged, or lacks a needed column.
    """
    batches = {".csv": _csv_batches, ".jsonl": json_batches, ".txt": text_batches, ".parquet": _parquet_batches}
    try:
        for batch in batches[path.suffix.lower()](path, bad_rows):
            bad_rows.n_rows += batch.num_rows
            nulls = pa.nulls(batch.num_rows, pa.large_string())
            columns = {name: batch[name] if name in batch.column_names else nulls for name in COLUMNS}
            yield pa.table({**columns, ROW: batch[ROW]})
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or _one_line(error)}") from error


def _known_columns(path: Path, header: list[str]) -> list[str]:
    """Return the columns of the file that FTM uses; raise InvalidInput when one is missing or double."""
    missing = [name for name in ("date", "text") if name not in header]
    if not {"company", "firm_id", "ticker"} & set(header):
        missing.insert(0, "company, firm_id or ticker")
    if missing:
        has = ", ".join(header)[:200]
        raise InvalidInput(f"{path} lacks {_listed(missing)}: {_NEEDED}; it has: {has!r}")
    double = [name for name, n in Counter(header).items() if n > 1 and name in COLUMNS]
    if double:
        raise InvalidInput(f"{path} has {_listed(double)} more than once")
    return [name for name in header if name in COLUMNS]


def _listed(columns: list[str]) -> str:
    return f"column{'s' if len(columns) > 1 else ''} {', '.join(columns)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


# --- CSV --------------------------------------------------------------------------------------
# Python's strict reader, not Arrow's: Arrow takes a quote that is never closed for the end of the last row, and so
# would swallow the rest of the file without a word. This one names the line, and reads 150 MB a second.


def _csv_batches(path: Path, bad_rows: BadRows) -> Iterator[pa.Table]:
    csv.field_size_limit(_LONGEST_VALUE)
    with path.open(encoding=encoding_of(path), newline="") as file:
        rows = _csv_rows(path, file, bad_rows)
        _, first = next(rows, (0, []))
        header = [name.strip() for name in first]
        if not header:
            raise InvalidInput(f"{path} is empty")
        places = {name: header.index(name) for name in _known_columns(path, header)}
        while batch := list(itertools.islice(rows, _ROWS_AT_A_TIME)):
            columns = {name: [row[place] for _, row in batch] for name, place in places.items()}
            yield text_table(columns, [line for line, _ in batch])


def _csv_rows(path: Path, file: Iterator[str], bad_rows: BadRows) -> Iterator[tuple[int, list[str]]]:
    """Yield the line in which a row begins, and its values."""
    reader = csv.reader(file, strict=True)
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                raise InvalidInput(
                    f"{path}, row beginning in line {line}: broken CSV: a quoted text is never closed"
                ) from error
            bad_rows.n_rows += 1
            bad_rows.add(where(path, line), f"broken CSV: {error}")
            continue
        width = width or len(row)
        if row and len(row) != width:  # the reader gives an empty line as a row without values
            bad_rows.n_rows += 1
            bad_rows.add(where(path, line), f"{len(row)} values, but the header has {width}")
        elif row:
            yield line, row


# --- Parquet ----------------------------------------------------------------------------------


def _parquet_batches(path: Path, _: BadRows) -> Iterator[pa.Table]:
    n_before = 0
    try:
        with pq.ParquetFile(path) as file:
            columns = _known_columns(path, file.schema_arrow.names)
            for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=columns, use_threads=False):
                batch.validate(full=True)  # finds text that is not UTF-8
                numbers = pa.array(range(n_before + 1, n_before + 1 + batch.num_rows), pa.int64())
                yield pa.table({**{name: _as_text(path, name, batch[name]) for name in columns}, ROW: numbers})
                n_before += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last for column names in other encodings
        if isinstance(error, OSError) and error.errno:  # not allowed to read, disk failure: no matter of the format
            raise
        raise InvalidInput(f"{path} is no readable Parquet file: {_one_line(error)}") from error


def _as_text(path: Path, name: str, column: pa.Array[Any]) -> pa.Array[Any]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_timestamp(kind):
        seconds: Any = column.cast(pa.timestamp("s", kind.tz and "UTC"), safe=False)  # the stubs know no zones here
        return pa.array(pc.strftime(seconds, format=f"%Y-%m-%dT%H:%M:%S{'Z' if kind.tz else ''}"), pa.large_string())
    if pa.types.is_floating(kind):  # pandas turns whole numbers into floats as soon as one is missing
        return pa.array([_whole_or_as_is(value) for value in column.to_pylist()], pa.large_string())
    if pa.types.is_nested(kind):
        raise InvalidInput(f"{path}: column {name} holds {kind}, text is needed")
    return column.cast(pa.large_string())


def _whole_or_as_is(value: float | None) -> str | None:
    if value is None or math.isnan(value):  # NaN is pandas' way to say that there is none
        return None
    return str(int(value)) if value.is_integer() else str(value)
