"""Reads JSON: an object a line, or one document with a list of calls or of one call's turns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows, where
from cloud.src.prefetch.files.column_names import known_names
from cloud.src.prefetch.files.dates import AmbiguousDate, split_day
from cloud.src.prefetch.files.encodings import encoding_of
from cloud.src.prefetch.files.headers import remark_on_names
from cloud.src.prefetch.files.input_file import InputFile
from cloud.src.prefetch.files.turn_lists import SPEAKER_DETAILS, Row, named_speaker, rows_of_turns, table_of

_ROWS_AT_A_TIME = 10_000
_FIRM = {"company", "ticker", "firm_id"}


def json_batches(file: InputFile, bad_rows: BadRows) -> Iterator[pa.Table]:
    """Yield the rows of a JSON file in the columns of a CSV file; see ``input_files.read_rows``."""
    if file.suffix == ".json" or _begins_with_a_list(file):
        document = file.path.read_text(encoding=encoding_of(file))
        yield document_table(file, document, {}, bad_rows)
        return
    rows: list[tuple[int, Row]] = []
    with file.path.open(encoding=encoding_of(file), newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                rows.append((number, _row(file, _loaded(line), bad_rows)))
            except ValueError as error:
                bad_rows.n_rows += 1
                bad_rows.add(where(file, number), str(error))
            if len(rows) == _ROWS_AT_A_TIME:
                yield table_of(rows_of_turns(file, rows, bad_rows))
                rows = []
    yield table_of(rows_of_turns(file, rows, bad_rows))


def document_table(file: InputFile, document: str, known: Row, bad_rows: BadRows) -> pa.Table:
    """Return the rows of one JSON document; ``known`` is what its file's name says of the call, where it does not.

    Raises:
        InvalidInput: it is not JSON, or holds no text.
    """
    try:
        value = json.loads(document)
    except (ValueError, RecursionError) as error:
        lines = [line for line in document.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[1].lstrip().startswith("{"):
            raise InvalidInput(f"{file} is not JSON: {str(error)[:200]}") from error
        value = [_or_itself(line) for line in lines]
    rows: list[tuple[int, Row]] = []
    for number, each in enumerate(_rows(value), start=1):
        try:
            told = {name: value for name, value in _row(file, each, bad_rows).items() if value is not None}
            rows.append((number, {**known, **told}))
        except ValueError as error:
            bad_rows.n_rows += 1
            bad_rows.add(where(file, number), str(error))
    return table_of(rows_of_turns(file, rows, bad_rows))


def _begins_with_a_list(file: InputFile) -> bool:
    with file.path.open("rb") as content:
        beginning = content.read(1000).lstrip(b"\xef\xbb\xbf \t\r\n")
    return beginning.startswith(b"[") and beginning[1:].lstrip().startswith(b"{")


def _or_itself(line: str) -> object:
    try:
        return _loaded(line)
    except ValueError:
        return line


def _loaded(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}"[:200]) from error


def _rows(value: Any) -> list[object]:
    """The calls or turns of a document: a list, an object around one, or a single call."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return [value]
    value = _with_details(value)
    if "text" in known_names(value).values():
        return [value]
    lists = [each for each in value.values() if isinstance(each, list) and each and isinstance(each[0], dict)]
    if lists and len(lists) == len(value):  # a list for each firm
        return [row for each in lists for row in each]
    shared = {name: each for name, each in value.items() if not isinstance(each, list)}
    return [{**shared, **row} for row in lists[0]] if len(lists) == 1 else [value]


def _with_details(value: Row) -> Row:
    """The object with what others in it say of the call, such as ``"event": {"symbol": "ELM", ...}``.

    They are asked only for what it does not say itself.
    """
    objects = {name: each for name, each in value.items() if isinstance(each, dict)}
    if not objects:
        return value
    names = known_names(value)
    own = {name: each for name, each in objects.items() if names.get(name) in {*_FIRM, "date"}}
    plain = {name: each for name, each in value.items() if name not in own}
    for name, each in own.items():
        if names[name] == "company" and each.get("name"):
            plain["company"] = each["name"]
    columns = set(known_names(plain).values())
    about = list(own.values())
    if not ("date" in columns and columns & _FIRM):
        is_speaker = {name for name in objects if names.get(name) == "speaker" or name in SPEAKER_DETAILS}
        about += [each for name, each in objects.items() if name not in is_speaker and _is_about_a_call(each)]
    found = {name: each for one in about for name, each in one.items() if known_names(one).get(name) not in columns}
    return {**found, **plain}


def _is_about_a_call(value: Row) -> bool:
    """Whether the object names a firm by its ticker or id, or has a day: a time alone is that of a recording."""
    names = known_names(value)
    return bool({"ticker", "firm_id"} & set(names.values())) or any(
        column == "date" and _is_day(value[name]) for name, column in names.items()
    )


def _is_day(value: object) -> bool:
    try:
        split_day(str(value))
    except AmbiguousDate:
        return True
    except ValueError:
        return False
    return True


def _row(file: InputFile, values: object, bad_rows: BadRows) -> Row:
    """Raise ValueError, with a message for the user, if the object is not a row."""
    if not isinstance(values, dict):
        raise ValueError("not a JSON object with a value for each column")
    values = _with_details(values)
    is_list = {name for name, value in values.items() if isinstance(value, list)}
    names = {name: column for name, column in known_names(values).items() if column == "text" or name not in is_list}
    if "text" not in names.values():
        raise ValueError("there is no text")
    remark_on_names(file, names, bad_rows)
    speakers = {name: value for name, value in values.items() if name not in names and isinstance(value, list | dict)}
    row = {**speakers, **{column: values[name] for name, column in names.items()}}
    return {**row, **named_speaker(values)}
