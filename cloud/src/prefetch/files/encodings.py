"""Detects how a text file is encoded: UTF-8, with or without a byte order mark, or Windows-1252 (cp1252)."""

from __future__ import annotations

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.input_file import InputFile

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def encoding_of(file: InputFile) -> str:
    """Return the name of the file's encoding, for ``open``.

    Raises:
        InvalidInput: it is neither, or lines differ in their encoding; names the line.
    """
    bad_line, has_utf_8 = 0, False
    with file.path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1 and line.startswith(_UTF_16_MARKS):
                raise InvalidInput(f"{file} is UTF-16: save it as UTF-8")
            if not line.isascii():
                if _decodes(line, "utf-8"):  # as cp1252 such a line would look like "Ã©", "â€™" and "Â£"
                    has_utf_8 = True
                else:
                    bad_line = bad_line or number
            if bad_line and (has_utf_8 or not _decodes(line, "cp1252")):
                raise InvalidInput(f"{file}, line {bad_line}: neither UTF-8 nor Windows-1252 text; save it as UTF-8")
    return "cp1252" if bad_line else "utf-8-sig"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
