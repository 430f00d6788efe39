"""Makes text that may hold anything safe to show or to quote.

Not to be confused with ``prefetch/sentences/cleaning.py``, which removes invisible characters from inside words.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Replace each control or invisible character, which could steer a terminal or a model, with a blank."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def one_line(text: str) -> str:
    """Put the text on one line, with single blanks between words and no control or invisible characters."""
    return " ".join(printable(text).split())
