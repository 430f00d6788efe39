"""A call whose turns are a list in one value: makes a row of each turn.

Such are ``list<struct<speaker, content>>`` in Parquet, and JSON with paragraphs and, often, a list of speakers to which
the paragraphs point by number.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from cloud.src.prefetch.files.bad_rows import BadRows, where
from cloud.src.prefetch.files.column_names import known_names
from cloud.src.prefetch.files.columns import COLUMNS, ROW, text_table
from cloud.src.prefetch.files.input_file import InputFile

Row = dict[str, Any]
_OF_A_TURN = ("section", "position", "speaker", "speaker_type", "role", "text")
_SPEAKERS = ("speakers", "speakerMapping", "speaker_mapping", "participants", "participant")
SPEAKER_DETAILS = ("speaker_info", "speakerInfo")
_NUMBERS = ("id", "index", "speaker", "speakerIndex", "speaker_index", "number", "key")
_NAMES = ("name", "speakerName", "speaker_name", "fullName")
_ROLES = ("title", "jobTitle", "description", "role", "position", "company")


def with_turns(file: InputFile, rows: pa.Table, bad_rows: BadRows) -> pa.Table:
    """Make rows of the texts that hold a list of turns as JSON or, as pandas writes one into CSV, as Python.

    Return the table as it is when none does. A list that cannot be read is a bad row.
    """
    texts: list[Any] = rows["text"].to_pylist()
    if not any(_is_list(text) for text in texts):
        return rows
    read: list[tuple[int, Row]] = []
    numbers: list[Any] = rows[ROW].to_pylist()
    for number, row in zip(numbers, rows.drop_columns([ROW]).to_pylist(), strict=True):
        try:
            read.append((number, {**row, "text": _read_list(row["text"]) if _is_list(row["text"]) else row["text"]}))
        except ValueError as error:
            bad_rows.n_rows += 1
            bad_rows.add(where(file, number), str(error))
    return table_of(rows_of_turns(file, read, bad_rows))


def rows_of_turns(
    file: InputFile, rows: Iterable[tuple[int, Row]], bad_rows: BadRows
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yield a row for each turn of rows whose ``text`` may be a list; report those that hold no text."""
    for number, row in rows:
        try:
            turns = list(_turns(row))
        except ValueError as error:
            bad_rows.n_rows += 1
            bad_rows.add(where(file, number), str(error))
            continue
        yield from ((number, turn) for turn in turns)


def table_of(rows: Iterable[tuple[int, dict[str, str | None]]]) -> pa.Table:
    """Make a text table of rows and their numbers."""
    numbered = list(rows)
    columns = {name: [row.get(name) for _, row in numbered] for name in COLUMNS}
    return text_table(columns, [number for number, _ in numbered])


def _turns(row: Row) -> Iterator[dict[str, str | None]]:
    text = row["text"]
    shared = {name: as_text(name, row.get(name)) for name in COLUMNS if name != "text"}
    if not isinstance(text, list | dict):
        yield {**shared, "text": as_text("text", text)}
        return
    speakers: Mapping[str, Any] = _speakers(row)
    if isinstance(text, dict):
        speakers = speakers or _speakers(text)
        lists = [value for key, value in text.items() if isinstance(value, list) and key not in _SPEAKERS]
        if len(lists) != 1:
            raise ValueError("text holds dict, text is needed")
        (text,) = lists
    for position, turn in enumerate(text):
        yield {**shared, "position": str(position), **_turn(turn, speakers)}


def _turn(turn: object, speakers: Mapping[str, Any]) -> dict[str, str | None]:
    if isinstance(turn, str) or turn is None:
        return {"text": turn}
    if not isinstance(turn, dict):
        raise ValueError(f"text holds a list of {type(turn).__name__}, text is needed")
    names = known_names(turn)
    values = {column: turn[name] for name, column in names.items() if column in _OF_A_TURN and column != "position"}
    pointed = next(
        (turn[key] for key in ("speaker", "speakerIndex", "speaker_index", "speakerId") if key in turn), None
    )
    if str(pointed) in speakers:
        values |= _named(speakers[str(pointed)])
    if "speaker" not in values and isinstance(turn.get("name"), str):  # beside a text it can only be who speaks
        values["speaker"] = turn["name"]
        values |= _named(speakers.get(turn["name"], {"name": turn["name"]}))
    if isinstance(values.get("speaker"), dict):
        values |= _named(values["speaker"])
    values |= named_speaker(turn)
    if isinstance(values.get("text"), list):  # sentences of a paragraph
        values["text"] = " ".join(str(_turn(part, {}).get("text") or "") for part in values["text"])
    return {name: as_text(name, value) for name, value in values.items()}


def _speakers(row: Row) -> dict[str, Any]:
    """The list of speakers beside the turns, by number or id."""
    found: Any = next((row[key] for key in _SPEAKERS if isinstance(row.get(key), list | dict)), {})
    if isinstance(found, dict):
        return {str(key): value for key, value in found.items()}
    speakers: dict[str, Any] = {}
    for place, speaker in enumerate(found):
        ids = [speaker[key] for key in _NUMBERS if key in speaker] if isinstance(speaker, dict) else []
        names = [speaker[key] for key in _NAMES if key in speaker] if isinstance(speaker, dict) else []
        speakers |= {str(key): speaker for key in [*names, ids[0] if ids else place]}
    return speakers


def named_speaker(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Who speaks where the turn has an object about it, which says more than a number beside it."""
    details = next((turn[key] for key in SPEAKER_DETAILS if isinstance(turn.get(key), dict)), None)
    return {key: value for key, value in _named(details).items() if value is not None} if details else {}


def _named(speaker: object) -> dict[str, Any]:
    if not isinstance(speaker, dict):
        return {"speaker": speaker}
    data = next((value for value in speaker.values() if isinstance(value, dict)), speaker)
    first = {key: next((data[name] for name in names if data.get(name)), None) for key, names in _KEYS.items()}
    return {key: value for key, value in first.items() if value is not None} or {"speaker": None}


_BETWEEN = re.compile(r"\}\s+\{(?=['\"])")
_KEYS = {"speaker": _NAMES, "role": _ROLES}


def as_text(name: str, value: object) -> str | None:
    """Return a value of JSON as text; raise ValueError, with a message for the user, if it is not text."""
    if value is None:
        return None
    if isinstance(value, bool | list | dict):
        raise ValueError(f"{name} holds {type(value).__name__}, text is needed")
    text = str(value)
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"{name} holds half a character")
    return text


def _is_list(text: str | None) -> bool:
    return text is not None and text.lstrip()[:20].replace(" ", "").startswith(('[{"', "[{'"))


def _read_list(text: str) -> object:
    """Raise ValueError, with a message for the user, if the text is neither JSON nor Python."""
    for read in (json.loads, ast.literal_eval, _read_array):
        try:
            return read(text.strip())
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    raise ValueError(f"text begins like a list of turns, but cannot be read: {text.strip()[:60]!r}")


def _read_array(text: str) -> object:
    """Read what NumPy writes of a list from Parquet, which pandas has as an array: no commas between its turns."""
    return ast.literal_eval(_BETWEEN.sub("}, {", text))
