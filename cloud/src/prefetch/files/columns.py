"""What the values of each input column must look like, and how they are read from text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = (
    "call_id", "firm_id", "company", "ticker", "permno", "gvkey", "link_date", "sector", "industry",
    "sub_industry", "date", "time", "quarter", "section", "position", "speaker", "speaker_type", "role", "text",
)  # fmt: skip
ROW = "row"  # where the row is in its file, see bad_rows.where


def text_table(columns: Mapping[str, Sequence[str | None]], rows: Sequence[int]) -> pa.Table:
    """Make a table of some of COLUMNS, as large_string, and ROW."""
    arrays = {name: pa.array(values, pa.large_string()) for name, values in columns.items()}
    return pa.table({**arrays, ROW: pa.array(rows, pa.int64())})


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_WHOLE_NUMBER = re.compile(r"([0-9]{1,9})(\.0+)?")  # 10107.0 is how pandas writes a column of numbers with gaps
_QUARTER = re.compile(r"[0-9]{4}Q[1-4]")
_WHOLE_ID = re.compile(r"([0-9]+)\.0+")  # what pandas makes of 1690 in such a column
_GVKEY_DIGITS = 6
_FIRST_YEAR, _LAST_YEAR = 1950, 2100  # any other year of a call is a slip of the pen
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class _Column:
    kind: pa.DataType
    read: Callable[[str], object]
    example: str = ""


def tidy(text: str | None) -> str:
    """Return the text with white space normalised and without control characters; empty where there is none."""
    return " ".join(_CONTROL.sub(" ", text or "").split())


def read_date(text: str) -> date:
    """Read a day like 2020-05-01, with or without a time of that day; raise ValueError for any other form and no day.

    The day is the one that is written; times.py moves it to New York's where the time of day is known.
    """
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    day = datetime.fromisoformat(text).date()
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(text)
    return day


def read_whole_number(text: str) -> int:
    """Read a number >= 0 of at most nine digits; raise ValueError when it is none."""
    match = _WHOLE_NUMBER.fullmatch(text)
    if not match:
        raise ValueError(text)
    return int(match[1])


def read_id(text: str) -> str:
    """Return the id, without the ``.0`` that a number has in CSV or JSON where pandas made it a float."""
    match = _WHOLE_ID.fullmatch(text)
    return match[1] if match else text


def read_gvkey(text: str) -> str:
    """Return the six digits of a GVKEY, with the zeros that a number has lost; raise ValueError for anything else."""
    gvkey = read_id(text).zfill(_GVKEY_DIGITS)
    if len(gvkey) != _GVKEY_DIGITS:
        raise ValueError(text)
    return gvkey


def read_quarter(text: str) -> str:
    """Read a quarter like 2023Q1 or 2023q1; raise ValueError for any other form."""
    quarter = text.upper()
    if not _QUARTER.fullmatch(quarter):
        raise ValueError(text)
    return quarter


def calendar_quarter(day: date) -> str:
    """Return for example ``2023Q1``."""
    return f"{day.year:04d}Q{(day.month + 2) // 3}"


_COLUMNS = {
    "date": _Column(pa.date32(), read_date, "a date like 2020-05-01"),
    "link_date": _Column(pa.date32(), read_date, "a date like 2020-05-01"),
    "permno": _Column(pa.int64(), read_whole_number, "a whole number"),
    "position": _Column(pa.int64(), read_whole_number, "a whole number"),
    "gvkey": _Column(pa.string(), read_gvkey, "a GVKEY of six digits"),
    "quarter": _Column(pa.string(), read_quarter, "a quarter like 2023Q1"),
}
_COLUMNS |= dict.fromkeys(("call_id", "firm_id"), _Column(pa.string(), read_id))
_TEXT = _Column(pa.string(), str)


def typed(name: str, rows: pa.Table, bad: dict[int, str]) -> pa.ChunkedArray[Any]:
    """Return column ``name`` of the text table in its type. Blank values are null, white space is normalised.

    A value that is not what the column needs is null too, and ``bad`` gets the place of its row in the table and what
    is wrong with it.
    """
    column, wanted = rows[name], _COLUMNS.get(name, _TEXT)
    values: dict[str | None, object] = {None: None}
    wrong: set[str | None] = set()
    different: list[str | None] = pc.unique(column).to_pylist()
    for text in different:  # each different value is read only once: there are few
        value = tidy(text)
        try:
            values[text] = wanted.read(value) if value else None
        except ValueError:
            values[text] = None
            wrong.add(text)
    texts: list[Any] = column.to_pylist()
    if wrong:
        for place, text in enumerate(texts):
            if text in wrong:
                bad.setdefault(place, f"{name} {text[:60]!r} is not {wanted.example}")
    return pa.chunked_array([pa.array([values[text] for text in texts], wanted.kind)])
