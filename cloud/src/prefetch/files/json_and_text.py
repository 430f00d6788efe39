"""Reads JSON lines, one row per line, and texts, one call per file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from cloud.src.prefetch.files.bad_rows import BadRows, where
from cloud.src.prefetch.files.columns import COLUMNS, text_table
from cloud.src.prefetch.files.encodings import encoding_of

_ROWS_AT_A_TIME = 10_000
_TEXT_NAME = re.compile(r"(?P<ticker>[A-Za-z0-9][A-Za-z0-9.-]{0,15})_(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})")


def json_batches(path: Path, bad_rows: BadRows) -> Iterator[pa.Table]:
    """Yield the rows of a file of JSON objects, one per line, in the columns of a CSV file."""
    lines: list[int] = []
    rows: list[dict[str, str | None]] = []
    with path.open(encoding=encoding_of(path), newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                rows.append(_row(line))
                lines.append(number)
            except ValueError as error:
                bad_rows.n_rows += 1
                bad_rows.add(where(path, number), str(error))
            if len(rows) == _ROWS_AT_A_TIME:
                yield _table(rows, lines)
                rows, lines = [], []
    yield _table(rows, lines)


def text_batches(path: Path, bad_rows: BadRows) -> Iterator[pa.Table]:
    """Yield the single row of a file that holds one call and is named after ticker and day."""
    name = _TEXT_NAME.fullmatch(path.stem)
    if not name:
        bad_rows.n_rows += 1
        bad_rows.add(str(path), "its name is not like TICKER_2020-05-01.txt")
        return
    text = path.read_text(encoding=encoding_of(path))
    yield text_table({"ticker": [name["ticker"]], "date": [name["date"]], "text": [text]}, [1])


def _table(rows: list[dict[str, str | None]], lines: list[int]) -> pa.Table:
    return text_table({name: [row.get(name) for row in rows] for name in COLUMNS}, lines)


def _row(line: str) -> dict[str, str | None]:
    """Raise ValueError, with a message for the user, if the line is not a row."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}"[:200]) from error
    if not isinstance(values, dict):
        raise ValueError("no JSON object with a value for each column")
    if "text" not in values:
        raise ValueError("there is no text")
    return {name: _text(name, values[name]) for name in COLUMNS if name in values}


def _text(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool | list | dict):
        raise ValueError(f"{name} holds {type(value).__name__}, text is needed")
    text = str(value)
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"{name} holds half a character")
    return text
