"""A time of day as people write it: 16:30 ET, 4:30 p.m. Eastern, 20:30Z."""

from __future__ import annotations

import re
from datetime import date, datetime, time, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# What people write for the zones of the United States: ET and EST alike mean New York's clock, also in summer.
_ZONES = {
    **dict.fromkeys(("ET", "EST", "EDT"), "America/New_York"),
    **dict.fromkeys(("CT", "CST", "CDT"), "America/Chicago"),
    **dict.fromkeys(("MT", "MST", "MDT"), "America/Denver"),
    **dict.fromkeys(("PT", "PST", "PDT"), "America/Los_Angeles"),
    **dict.fromkeys(("UTC", "GMT", "Z"), "UTC"),
    "EASTERN": "America/New_York",
}
_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2})(:(?P<minute>[0-9]{2}))?(:[0-9]{2}([.,][0-9]+)?)? ?(?P<half>[ap]\.?m\.?)?"
    r" ?(?P<zone>[A-Za-z][A-Za-z_/]*|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)


def time_of_day(text: str, day: date, rest: str) -> datetime:
    """Return the time of that day, with its zone if ``rest``, which stands behind the day, or ``text`` tells it.

    Raises:
        ValueError: it is no time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return clock_time(day, rest)


def clock_time(day: date, clock: str) -> datetime:
    """Return the time of the day that ``clock`` has, and its zone if given; raise ValueError if it is not a time."""
    found = _CLOCK.fullmatch(clock)
    if not found or not (found["minute"] or found["half"]):
        raise ValueError(clock)
    local = time(_hour(int(found["hour"]), found["half"]), int(found["minute"] or 0))
    return datetime.combine(day, local, _zone(found["zone"]) if found["zone"] else None)


def _hour(hour: int, half: str | None) -> int:
    """The hour of 24; raise ValueError for a 13 pm."""
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"{hour} {half}")
    return hour % 12 + (12 if half.lower().startswith("p") else 0)


def _zone(name: str) -> tzinfo | None:
    if name[0] in "+-":
        return datetime.strptime(name, "%z").tzinfo
    try:
        return ZoneInfo(_ZONES.get(name.upper(), name))
    except ZoneInfoNotFoundError as error:
        raise ValueError(name) from error
