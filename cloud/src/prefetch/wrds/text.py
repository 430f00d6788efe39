"""Makes WRDS' text readable: it was written by many people and has been through several encodings."""

from __future__ import annotations

from cloud.src.contract.text import one_line

# The control characters from U+0080 on are nearly always the characters that Windows' cp1252 has at these numbers.
_CP1252 = {number: bytes([number]).decode("cp1252", errors="ignore") or " " for number in range(0x80, 0xA0)}


def readable(text: str | None) -> str:
    """Restore characters that were read in the wrong encoding, and leave everything else unchanged."""
    return (text or "").translate(_CP1252)


def tidy(name: str | None) -> str | None:
    """Return a name on one line, without control or invisible characters; None if nothing is left."""
    return one_line(readable(name)) or None
