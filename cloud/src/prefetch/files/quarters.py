"""Which quarter a row is of: FTM's own column ``quarter``, the calendar's, or the vendor's fiscal one."""

from __future__ import annotations

import re
from enum import StrEnum

from cloud.src.prefetch.sentences.languages import ALL_LANGUAGES


class QuarterFrom(StrEnum):
    """What decides of which quarter a call is, where the file has no quarter of FTM's."""

    date = "date"
    file = "file"

    @property
    def selection(self) -> str:
        """The option as it is typed; empty for the default."""
        return "" if self is QuarterFrom.date else f"--quarter-from {self}"


def file_options(quarter_from: QuarterFrom, all_languages: bool) -> str:
    """Return the options that choose calls of files, as they are typed; empty for the defaults."""
    return " ".join(filter(None, [quarter_from.selection, ALL_LANGUAGES if all_languages else ""]))


_OWN = re.compile(r"[0-9]{4}Q[1-4]", re.IGNORECASE)
_NUMBER = re.compile(r"(?:F?Q)?(?P<number>[1-4])(?:\.0+)?|(?P<number_>[1-4])Q", re.IGNORECASE)
_WITH_YEAR = (
    re.compile(r"(?:FY)?(?P<year>[0-9]{4})[-_ ]?F?Q(?P<number>[1-4])", re.IGNORECASE),
    re.compile(r"F?Q(?P<number>[1-4])[-_, ]*(?:FY)?[-_ ]?(?P<year>[0-9]{4})", re.IGNORECASE),
)
_YEAR = re.compile(r"(?:FY)?(?P<year>[0-9]{4})(?:\.0+)?", re.IGNORECASE)


def own_quarter(text: str) -> str | None:
    """Return the quarter when it is written as FTM writes it, 2020Q2; None for a vendor's, which is fiscal.

    Raises ValueError when it is neither.
    """
    if _OWN.fullmatch(text):
        return text.upper()
    if _NUMBER.fullmatch(text) or any(form.fullmatch(text) for form in _WITH_YEAR):
        return None
    raise ValueError(text)


def fiscal_quarter(quarter: str, year: str) -> str | None:
    """Return the vendor's quarter as 2020Q2, from ``2020-Q2``, ``Q2 2020`` or a number and a year; None if unclear."""
    for form in _WITH_YEAR:
        if found := form.fullmatch(quarter):
            return f"{found['year']}Q{found['number']}"
    number, in_year = _NUMBER.fullmatch(quarter), _YEAR.fullmatch(year)
    return f"{in_year['year']}Q{number['number'] or number['number_']}" if number and in_year else None
