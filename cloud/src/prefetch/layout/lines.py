"""Lines of a text that are no sentences' ends: pages of 80 columns, with headers, footers and hyphens."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

_ENDS = re.compile(r"[.?!:;\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*$")
_WIDEST = 130  # characters of a line that a program has wrapped
_FULL = 0.75  # of the longest line: paragraphs end with a shorter one
_MOST_COMMON = 3  # times that a page's header or footer is there
_PAGE = re.compile(r"(?:page )?[0-9]{1,3}(?: (?:of|/) [0-9]{1,3})?", re.IGNORECASE)


def without_page_marks(lines: list[str]) -> list[str]:
    """Leave out headers and footers of pages: lines that come again, but for a number, and end no sentence."""
    marks = Counter(_mark(line) for line in lines if line.strip() and not _ENDS.search(line.strip()))
    common = {mark for mark, n in marks.items() if n >= _MOST_COMMON and "#" in mark}
    kept = [line for line in lines if not (_mark(line) in common or _PAGE.fullmatch(line.strip()))]
    return kept if common else lines


def width_of(text: str) -> int | None:
    """Return the width at which a program has cut the lines of a whole call; None when it has not.

    It has if most of them break off within a sentence where the next word had no room: short paragraphs do not.
    """
    lines = [line.strip() for line in text.splitlines()]
    width = max(map(len, lines), default=0)
    breaks = [(line, after) for line, after in pairwise(lines) if line and after]
    n_cut = sum(_is_full(line, after, width) and not _ENDS.search(line) for line, after in breaks)
    return width if width <= _WIDEST and n_cut * 2 > len(breaks) else None


def unwrapped(text: str, width: int | None) -> str:
    """Join the lines that were cut at ``width``; paragraphs, which blank lines or a short line end, stay apart."""
    if width is None or "\n" not in text:
        return text
    lines = [line.strip() for line in text.splitlines()]
    joined = lines[:1]
    for line, after in pairwise(lines):
        if line and after and _is_full(line, after, width):
            joined[-1] = _join(joined[-1], after, text)
        else:
            joined.append(after)
    return "\n".join(joined)


def _is_full(line: str, after: str, width: int) -> bool:
    """Whether the first word of the next line would hardly have had room in this one."""
    return len(line) + len(after.split()[0]) >= _FULL * width


def _join(before: str, after: str, text: str) -> str:
    word = re.search(r"([^\W\d_]+)-$", before[-_WIDEST:])
    if not word or not after[:1].islower():
        return f"{before} {after}"
    whole = f"{word[1]}-{after.split()[0]}"
    return before + after if whole.rstrip(",.;") in text else before[:-1] + after


def _mark(line: str) -> str:
    return re.sub(r"[0-9]+", "#", line.strip())
