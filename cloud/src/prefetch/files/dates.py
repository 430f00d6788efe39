"""Reads a day in the forms in which people and programs write it, when it can only be meant in one way."""

from __future__ import annotations

import re
from datetime import date

_FIRST_YEAR, _LAST_YEAR = 1950, 2100  # any other year of a call is a slip of the pen
_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_FULL_MONTHS = (
    "january february march april may june july august september october november december sept".split()
)  # fmt: skip
_YEAR, _WORD, _DAY = r"(?P<year>[0-9]{4})", r"(?P<word>[A-Za-z]{3,9})", r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_FORMS = [
    re.compile(form + r"(?![0-9A-SU-Za-su-z])(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
    for form in (
        rf"{_YEAR}(?P<mark>[-/.])(?P<month>[0-9]{{1,2}})(?P=mark)(?P<day>[0-9]{{1,2}})",  # 2020-08-27
        rf"{_YEAR}\u5e74(?P<month>[0-9]{{1,2}})\u6708(?P<day>[0-9]{{1,2}})\u65e5",  # Japanese, Chinese
        rf"{_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})",  # 20200827
        rf"{_DAY}\.?(?: of )?[ /-]?{_WORD}\.?,?[ /-]?{_YEAR}",  # 27AUG2020, 27th of August 2020
        rf"{_WORD}\.?[ -]?{_DAY}(?:,? ?|-){_YEAR}",  # Aug 27, 2020
        rf"{_YEAR}[ -]{_WORD}[ -]{_DAY}",  # 2020-Aug-27
        rf"(?P<first>[0-9]{{1,2}})(?P<mark>[/.-])(?P<second>[0-9]{{1,2}})(?P=mark){_YEAR}",  # 8/27/2020, 27.08.2020
    )
]
_WEEKDAY = re.compile(
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day,? |(?:mon|tue|wed|thu|fri|sat|sun),? ", re.IGNORECASE
)


class AmbiguousDate(ValueError):
    """A day that can be read in two ways; the message has both."""


def split_day(text: str) -> tuple[date, str]:
    """Return the day at the beginning of the text, and what stands behind it (a time of day, or nothing).

    Raises:
        AmbiguousDate: 4/5/2020 is the fourth of May or the fifth of April.
        ValueError: there is no day, or no such day.
    """
    text = text[match.end() :] if (match := _WEEKDAY.match(text)) else text
    for form in _FORMS:
        if found := form.fullmatch(text):
            day = _day(text, found.groupdict())
            if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
                raise ValueError(text)
            return day, re.sub(r"^(?:[T,:\s]|at )+", "", found["rest"])
    raise ValueError(text)


def _day(text: str, found: dict[str, str]) -> date:
    year = int(found["year"])
    if found.get("first"):
        return _day_of_numbers(text, year, int(found["first"]), int(found["second"]))
    if found.get("word"):
        return date(year, _month(found["word"].lower()), int(found["day"]))
    return date(year, int(found["month"]), int(found["day"]))


def _month(word: str) -> int:
    if word not in _MONTHS and word not in _FULL_MONTHS:
        raise ValueError(word)
    return _MONTHS[word[:3]]


def _day_of_numbers(text: str, year: int, first: int, second: int) -> date:
    if max(first, second) <= 12 and first != second:
        readings = f"{date(year, first, second)} or {date(year, second, first)}"
        raise AmbiguousDate(f"{text[:60]!r} may be {readings}: write the one you mean")
    return date(year, second, first) if first > 12 else date(year, first, second)
