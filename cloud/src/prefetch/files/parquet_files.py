"""Reads Parquet files whose columns have any type that can be written as text, or hold a call's turns as a list."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows
from cloud.src.prefetch.files.columns import ROW
from cloud.src.prefetch.files.headers import checked_names
from cloud.src.prefetch.files.input_file import InputFile
from cloud.src.prefetch.files.turn_lists import rows_of_turns, table_of

_ROWS_AT_A_TIME = 10_000


def parquet_batches(file: InputFile, bad_rows: BadRows) -> Iterator[pa.Table]:
    """Yield the rows of a Parquet file; see ``input_files.read_rows``."""
    n_before = 0
    try:
        with pq.ParquetFile(file.path) as parquet:
            names = checked_names(file, parquet.schema_arrow.names, bad_rows)
            for batch in parquet.iter_batches(_ROWS_AT_A_TIME, columns=list(names), use_threads=False):
                batch.validate(full=True)  # finds text that is not UTF-8
                numbers = range(n_before + 1, n_before + 1 + batch.num_rows)
                yield _table(file, {column: batch[name] for name, column in names.items()}, numbers, bad_rows)
                n_before += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last for column names in other encodings
        if isinstance(error, OSError) and error.errno:  # not allowed to read, disk failure: no matter of the format
            raise
        raise InvalidInput(f"{file} is not a readable Parquet file: {' '.join(str(error).split())[:200]}") from error


def _table(file: InputFile, columns: dict[str, pa.Array[Any]], numbers: range, bad_rows: BadRows) -> pa.Table:
    if not pa.types.is_nested(columns["text"].type):
        texts = {name: _as_text(file, name, column) for name, column in columns.items()}
        return pa.table({**texts, ROW: pa.array(numbers, pa.int64())})
    if not _holds_turns(columns["text"].type):
        raise InvalidInput(f"{file}: column text holds {columns['text'].type}, text is needed")
    turns = columns.pop("text").to_pylist()
    others = pa.table({name: _as_text(file, name, column) for name, column in columns.items()}).to_pylist()
    rows = [{**other, "text": value} for other, value in zip(others, turns, strict=True)]
    return table_of(rows_of_turns(file, zip(numbers, rows, strict=True), bad_rows))


def _holds_turns(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
        return pa.types.is_struct(kind)
    return pa.types.is_struct(kind.value_type)


def _as_text(file: InputFile, name: str, column: pa.Array[Any]) -> pa.Array[Any]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_timestamp(kind):
        seconds: Any = column.cast(pa.timestamp("s", kind.tz and "UTC"), safe=False)  # the stubs know no zones here
        return pa.array(pc.strftime(seconds, format=f"%Y-%m-%dT%H:%M:%S{'Z' if kind.tz else ''}"), pa.large_string())
    if pa.types.is_floating(kind):  # pandas turns whole numbers into floats as soon as one is missing
        return pa.array([_whole_or_as_is(value) for value in column.to_pylist()], pa.large_string())
    if pa.types.is_nested(kind):
        raise InvalidInput(f"{file}: column {name} holds {kind}, text is needed")
    return column.cast(pa.large_string())


def _whole_or_as_is(value: float | None) -> str | None:
    if value is None or math.isnan(value):  # NaN is how pandas marks a missing value
        return None
    return str(int(value)) if value.is_integer() else str(value)
