"""What the values of each input column must look like, and how they are read from text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.input_files import ROW

_WHOLE_NUMBER = re.compile(r"([0-9]{1,9})(\.0+)?")  # 10107.0 is how pandas writes a column of numbers with gaps
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class _Column:
    kind: pa.DataType
    read: Callable[[str], object]
    example: str = ""


def read_date(text: str) -> date:
    """Read a day, with or without a time; raise ValueError when it is not ISO 8601."""
    return datetime.fromisoformat(text).date()


def read_whole_number(text: str) -> int:
    """Read a number >= 0 of at most nine digits; raise ValueError when it is none."""
    match = _WHOLE_NUMBER.fullmatch(text)
    if not match:
        raise ValueError(text)
    return int(match[1])


def calendar_quarter(day: date) -> str:
    """Return for example ``2023Q1``."""
    return f"{day.year:04d}Q{(day.month + 2) // 3}"


_COLUMNS = {
    "date": _Column(pa.date32(), read_date, "a date like 2020-05-01"),
    "link_date": _Column(pa.date32(), read_date, "a date like 2020-05-01"),
    "permno": _Column(pa.int64(), read_whole_number, "a whole number"),
    "position": _Column(pa.int64(), read_whole_number, "a whole number"),
    "quarter": _Column(pa.string(), str.upper),
}
_TEXT = _Column(pa.string(), str)


def typed(path: Path, name: str, rows: pa.Table) -> pa.ChunkedArray:
    """Return column ``name`` of the text table in its type. Blank values are null, white space is normalised.

    Raises:
        InvalidInput: a value is not what the column needs; names file, row and value.
    """
    column, wanted = rows[name], _COLUMNS.get(name, _TEXT)
    values: dict[str | None, object] = {None: None}
    for text in pc.unique(column).to_pylist():  # each different value is read only once: there are few
        tidy = " ".join(_CONTROL.sub(" ", text or "").split())
        try:
            values[text] = wanted.read(tidy) if tidy else None
        except ValueError as error:
            row = rows[ROW][pc.index(column, pa.scalar(text, column.type)).as_py()]
            raise InvalidInput(f"{path}, data row {row}: {name} {text[:60]!r} is not {wanted.example}") from error
    return pa.chunked_array([pa.array([values[text] for text in column.to_pylist()], wanted.kind)])
