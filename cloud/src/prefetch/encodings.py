"""Finds out how a text file is encoded: UTF-8, with or without a mark at its beginning, or Windows-1252 (cp1252)."""

from __future__ import annotations

import re
from pathlib import Path

from cloud.src.contract.errors import InvalidInput

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Accented letters, and curly quotes and dashes, in UTF-8. As cp1252 they would be the likes of "Ã©" and "â€™".
_UTF_8_LETTERS = re.compile(rb"\xc3[\x80-\xbf]|\xe2\x80[\x90-\xaf]")


def encoding_of(path: Path) -> str:
    """Return the name of the file's encoding, as ``open`` takes it.

    Raises:
        InvalidInput: it is neither, or one in some lines and the other in others; names the line.
    """
    bad_line, has_utf_8 = 0, False
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith(_UTF_16_MARKS):
                raise InvalidInput(f"{path} is UTF-16: save it as UTF-8")
            has_utf_8 = has_utf_8 or _UTF_8_LETTERS.search(line) is not None
            if not bad_line and not _decodes(line, "utf-8"):
                bad_line = number
            if bad_line and (has_utf_8 or not _decodes(line, "cp1252")):
                raise InvalidInput(f"{path}, line {bad_line}: neither UTF-8 nor Windows-1252 text; save it as UTF-8")
    return "cp1252" if bad_line else "utf-8-sig"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
