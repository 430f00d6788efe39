"""What the values of each input column must look like, and how they are read from text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cloud.src.contract.text import one_line
from cloud.src.prefetch.files.clock import time_of_day
from cloud.src.prefetch.files.dates import AmbiguousDate, split_day
from cloud.src.prefetch.files.quarters import own_quarter

COLUMNS = (
    "call_id", "firm_id", "company", "ticker", "permno", "gvkey", "link_date", "sector", "industry", "sub_industry",
    "date", "time", "time_utc", "quarter", "fiscal_quarter", "fiscal_year", "section", "position", "speaker",
    "speaker_type", "role", "text",
)  # fmt: skip
ROW = "row"  # where the row is in its file, see bad_rows.where


def text_table(columns: Mapping[str, Sequence[str | None]], rows: Sequence[int]) -> pa.Table:
    """Make a table of some of COLUMNS, as large_string, and ROW."""
    arrays = {name: pa.array(values, pa.large_string()) for name, values in columns.items()}
    return pa.table({**arrays, ROW: pa.array(rows, pa.int64())})


_WHOLE_NUMBER = re.compile(r"([0-9]{1,9})(\.0+)?")  # 10107.0 is how pandas writes a column of numbers with gaps
_WHOLE_ID = re.compile(r"([0-9]+)\.0+")  # what pandas makes of 1690 in such a column
_GVKEY_DIGITS = 6
# How pandas, databases and spreadsheets write that there is nothing. As a ticker, NA is a company.
_NOTHING = frozenset({"nan", "NaN", "NULL", "null", "None", "N/A", "n/a", "#N/A", "<NA>", "NaT"})


@dataclass(frozen=True)
class _Column:
    kind: pa.DataType
    read: Callable[[str], object]
    example: str = ""


def tidy(text: str | None) -> str:
    """Return the text on one line, without control or invisible characters; empty if there is no text."""
    return one_line(text or "")


def read_date(text: str) -> date:
    """Read a day like 2020-05-01, or in another form with one meaning, with or without a time of that day.

    The day is the one that is written; times.py moves it to New York's where the time of day is known.

    Raises:
        AmbiguousDate: the day can be read in two ways.
        ValueError: there is no day, or something else than a time behind it.
    """
    day, rest = split_day(text)
    if rest:
        time_of_day(text, day, rest)
    return day


def is_nothing(text: str | None) -> bool:
    """Whether the cell says that it has no value: it is blank, or holds a word such as NULL."""
    return not text or text in _NOTHING or not text.strip() or text.strip() in _NOTHING


def read_whole_number(text: str) -> int:
    """Read a number >= 0 of at most nine digits; raise ValueError for anything else."""
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


def calendar_quarter(day: date) -> str:
    """Return for example ``2023Q1``."""
    return f"{day.year:04d}Q{(day.month + 2) // 3}"


_COLUMNS = {
    "date": _Column(pa.date32(), read_date, "a date like 2020-05-01"),
    "link_date": _Column(pa.date32(), read_date, "a date like 2020-05-01"),
    "permno": _Column(pa.int64(), read_whole_number, "a whole number"),
    "position": _Column(pa.int64(), read_whole_number, "a whole number"),
    "gvkey": _Column(pa.string(), read_gvkey, "a GVKEY of six digits"),
    "quarter": _Column(pa.string(), own_quarter, "a quarter like 2023Q1"),
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
    wrong: dict[str | None, str] = {}
    different: list[str | None] = pc.unique(column).to_pylist()
    for text in different:  # each different value is read only once: there are few
        value = tidy(text)
        try:
            values[text] = None if is_nothing(value) else wanted.read(value)
        except AmbiguousDate as error:
            values[text], wrong[text] = None, str(error)
        except ValueError:
            values[text], wrong[text] = None, f"{str(text)[:60]!r} is not {wanted.example}"
    texts: list[Any] = column.to_pylist()
    if wrong:
        for place, text in enumerate(texts):
            if text in wrong:
                bad.setdefault(place, f"{name} {wrong[text]}")
    return pa.chunked_array([pa.array([values[text] for text in texts], wanted.kind)])
