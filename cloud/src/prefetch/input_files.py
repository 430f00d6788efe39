"""Reads the user's CSV and Parquet files: the columns FTM knows, as text, a few thousand rows at a time."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cloud.src.contract.errors import InvalidInput

COLUMNS = (
    "call_id", "firm_id", "company", "ticker", "permno", "gvkey", "link_date", "date", "quarter",
    "section", "position", "speaker", "speaker_type", "role", "text",
)  # fmt: skip
ROW = "row"  # number of the row in its file, from 1; a CSV file's header is not counted

_SUFFIXES = (".csv", ".parquet")
_NEEDED = "needed are company or firm_id, date, and text"
_ROWS_AT_A_TIME = 10_000
_LONGEST_VALUE = 100_000_000  # characters in one CSV value; Python's own limit of 131,072 is less than a long call


def find_files(source: Path) -> list[Path]:
    """Return the file itself, or the CSV and Parquet files of a folder, by name; its subfolders are not searched."""
    if source.is_dir():
        paths = sorted(p for p in source.iterdir() if _is_table(p) and p.is_file() and not p.name.startswith("."))
        if not paths:
            raise InvalidInput(f"folder {source} has no .csv or .parquet file")
        return paths
    if not source.exists():
        raise InvalidInput(f"there is no file or folder {source}")
    if not _is_table(source):
        raise InvalidInput(f"{source} is no transcript file: its name must end with .csv or .parquet")
    return [source]


def read_rows(path: Path) -> Iterator[pa.Table]:
    """Yield the rows of one file: all COLUMNS as large_string (null where the file has no such column), and ROW.

    Raises:
        InvalidInput: the file cannot be read, is damaged, or lacks a needed column.
    """
    batches = _csv_batches(path) if path.suffix.lower() == ".csv" else _parquet_batches(path)
    rows_before = 0
    try:
        for batch in batches:
            n = batch.num_rows
            nulls = pa.nulls(n, pa.large_string())
            columns = {name: batch[name] if name in batch.column_names else nulls for name in COLUMNS}
            yield pa.table({**columns, ROW: pa.array(range(rows_before + 1, rows_before + n + 1), pa.int64())})
            rows_before += n
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or _one_line(error)}") from error


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES


def _known_columns(path: Path, header: list[str]) -> list[str]:
    """Return the columns of the file that FTM uses; raise InvalidInput when one is missing or double."""
    missing = [name for name in ("date", "text") if name not in header]
    if "company" not in header and "firm_id" not in header:
        missing.insert(0, "company or firm_id")
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


def _csv_batches(path: Path) -> Iterator[pa.Table]:
    csv.field_size_limit(_LONGEST_VALUE)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _csv_rows(path, file)
            header = [name.strip() for name in next(rows, [])]
            if not header:
                raise InvalidInput(f"{path} is empty")
            places = {name: header.index(name) for name in _known_columns(path, header)}
            batch: dict[str, list[str]] = {name: [] for name in places}
            for row in rows:
                if len(batch["text"]) == _ROWS_AT_A_TIME:
                    yield _text_table(batch)
                    batch = {name: [] for name in places}
                for name, place in places.items():
                    batch[name].append(row[place])
            yield _text_table(batch)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}, line {_first_bad_line(path)}: not UTF-8 text; save the file as UTF-8") from error


def _csv_rows(path: Path, file: Iterator[str]) -> Iterator[list[str]]:
    reader = csv.reader(file, strict=True)
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = "a quoted text is never closed" if "end of data" in str(error) else str(error)
            raise InvalidInput(f"{path}, row beginning in line {line}: broken CSV: {hint}") from error
        width = width or len(row)
        if row and len(row) != width:
            raise InvalidInput(f"{path}, row beginning in line {line}: {len(row)} values, but the header has {width}")
        if row:  # the reader gives an empty line as a row without values
            yield row


def _text_table(columns: dict[str, list[str]]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.large_string()) for name, values in columns.items()})


def _first_bad_line(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1


# --- Parquet ----------------------------------------------------------------------------------


def _parquet_batches(path: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as file:
            columns = _known_columns(path, file.schema_arrow.names)
            for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=columns, use_threads=False):
                batch.validate(full=True)  # finds text that is not UTF-8
                yield pa.table({name: _as_text(path, name, batch[name]) for name in columns})
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last for column names in other encodings
        if isinstance(error, OSError) and error.errno:  # not allowed to read, disk failure: no matter of the format
            raise
        raise InvalidInput(f"{path} is no readable Parquet file: {_one_line(error)}") from error


def _as_text(path: Path, name: str, column: pa.Array) -> pa.Array:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_timestamp(kind):  # the day in the column's own time zone
        return pc.strftime(column, format="%Y-%m-%d").cast(pa.large_string())
    if pa.types.is_floating(kind):  # pandas turns whole numbers into floats as soon as one is missing
        return pa.array([_whole_or_as_is(value) for value in column.to_pylist()], pa.large_string())
    if pa.types.is_nested(kind):
        raise InvalidInput(f"{path}: column {name} holds {kind}, text is needed")
    return column.cast(pa.large_string())


def _whole_or_as_is(value: float | None) -> str | None:
    if value is None or value != value:  # NaN is pandas' way to say that there is none
        return None
    return str(int(value)) if value.is_integer() else str(value)
