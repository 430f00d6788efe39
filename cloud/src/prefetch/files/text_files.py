"""Reads files that hold one call each and are named after its ticker and day, whatever their content really is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import date
from pathlib import PurePosixPath

import pyarrow as pa

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows
from cloud.src.prefetch.files.column_names import known_names
from cloud.src.prefetch.files.columns import text_table
from cloud.src.prefetch.files.csv_files import csv_batches, separator_of
from cloud.src.prefetch.files.dates import AmbiguousDate, split_day
from cloud.src.prefetch.files.encodings import encoding_of
from cloud.src.prefetch.files.input_file import ARCHIVES, InputFile
from cloud.src.prefetch.files.json_files import document_table
from cloud.src.prefetch.files.subtitles import is_subtitles, without_times

TEXTS = (".txt", ".html", ".htm", ".vtt", ".srt")
_TICKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,15}")
_WORD = r"(?:earnings|conference|call|transcript)"
_QUARTER = r"(?:(?:FY)?(?:20)?[0-9]{2}[ _-]?Q[1-4]|Q[1-4][ _-]?(?:FY)?(?:(?:20)?[0-9]{2})?)"
_FILLER = re.compile(rf"(?:^|[ _-]+)(?:{_WORD}|{_QUARTER})(?=[ _-]|$)", re.IGNORECASE)
_FILLER_BEHIND = re.compile(rf"(?<=[^ _-])[ _-]+(?:{_WORD}|{_QUARTER})(?=[ _-]|$)", re.IGNORECASE)  # CALL is a ticker
_OTHER_KINDS = {
    b"{\\rtf": "RTF",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"\\documentclass": "LaTeX",
    b"MIME-Version:": "a saved page or mail",
    b"[Script Info]": "subtitles of another kind",
    b"<?xml": "XML",
    b"<tt ": "XML",
    b"<speak": "XML",
    b"PK\x03\x04": "a Word file or an archive",
    b"\xd0\xcf\x11\xe0": "a Word file",
    b"PAR1": "Parquet",
    b"\x1f\x8b": "gzip",
}


def named_call(name: str) -> tuple[str, date] | None:
    """Return ticker and day from a name like ``ELM_2020-05-01.txt`` or ``2020-May-01-ELM.txt``; None for any other.

    Raises:
        AmbiguousDate: the day can be read in two ways.
    """
    stem = PurePosixPath(name).stem
    if PurePosixPath(name).suffix.lower() in ARCHIVES:
        stem = PurePosixPath(stem).stem
    words = list(re.finditer(r"[^ _-]+", stem))
    for first, last in itertools.product(words, reversed(words)):
        day = _day(stem[first.start() : last.end()]) if first.start() <= last.start() else None
        ticker = _ticker(stem[: first.start()], stem[last.end() :]) if day else None
        if day and ticker:
            return ticker, day
    return None


def _ticker(*around_the_day: str) -> str | None:
    """The ticker that is left without the quarter and words such as "earnings call"."""
    for filler in (_FILLER, _FILLER_BEHIND):
        ticker = " ".join(filler.sub("", part.strip(" _-")).strip(" _-") for part in around_the_day).strip()
        if _TICKER.fullmatch(ticker):
            return ticker
    return None


def text_batches(file: InputFile, bad_rows: BadRows) -> Iterator[pa.Table]:
    """Yield the row or, if the content is JSON, the rows of a file that holds one call."""
    try:
        name = named_call(file.name)
        if name is None:
            raise InvalidInput("its name is not like TICKER_2020-05-01.txt")
        text = _content(file)
        known = {"ticker": name[0], "date": name[1].isoformat()}
        is_json = text.lstrip()[:1] in ("{", "[") and '"' in text[:200]
        if is_json:
            yield document_table(file, text, known, bad_rows)
            return
        if _is_table(text):
            yield from csv_batches(file, bad_rows, known)
            return
    except (InvalidInput, AmbiguousDate) as error:
        bad_rows.n_rows += 1
        bad_rows.add(str(file), str(error).removeprefix(f"{file} "))
        return
    yield text_table({**{column: [value] for column, value in known.items()}, "text": [text]}, [1])


def _day(text: str) -> date | None:
    try:
        day, rest = split_day(text.replace("_", "-"))
    except AmbiguousDate:
        raise
    except ValueError:
        return None
    return None if rest else day


def _is_table(text: str) -> bool:
    """Whether the text begins with names of columns, of which three are known."""
    header = text.lstrip("\ufeff").partition("\n")[0]
    return len(known_names(name.strip('" \r') for name in header.split(separator_of(header)))) >= 3


def _content(file: InputFile) -> str:
    with file.path.open("rb") as content:
        beginning = content.read(1000)
    for mark, kind in _OTHER_KINDS.items():
        is_page = mark == b"<?xml" and b"<html" in beginning.lower()
        if beginning.lstrip(b"\xef\xbb\xbf \r\n").startswith(mark) and not is_page:
            raise InvalidInput(f"holds {kind}, not text: save it as plain text")
    if b"\x00" in beginning and not beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput("holds no text")
    text = file.path.read_text(encoding=encoding_of(file))
    return without_times(text) if is_subtitles(text) else text
