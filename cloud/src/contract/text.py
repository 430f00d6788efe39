"""Text that may hold anything, made safe to show or to quote.

``prefetch/sentences/cleaning.py`` is something else: it takes invisible characters out of the middle of words.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with a blank for each control or invisible character: these could steer a terminal or a model."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def one_line(text: str) -> str:
    """The text on one line, its words apart by one blank each, without control and invisible characters."""
    return " ".join(printable(text).split())
