"""The time of day of a call, from the columns ``date`` and ``time`` of a user's file."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from cloud.src.prefetch.call_dates import new_york_day
from cloud.src.prefetch.files.columns import tidy

# What people write for the zones of the United States: ET and EST alike mean New York's clock, also in summer.
_ZONES = {
    **dict.fromkeys(("ET", "EST", "EDT"), "America/New_York"),
    **dict.fromkeys(("CT", "CST", "CDT"), "America/Chicago"),
    **dict.fromkeys(("MT", "MST", "MDT"), "America/Denver"),
    **dict.fromkeys(("PT", "PST", "PDT"), "America/Los_Angeles"),
    **dict.fromkeys(("UTC", "GMT", "Z"), "UTC"),
}
_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2})(:(?P<minute>[0-9]{2}))?(:[0-9]{2}(\.[0-9]+)?)? ?(?P<half>[ap]\.?m\.?)?"
    r" ?(?P<zone>[A-Za-z][A-Za-z_/]*|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
EXAMPLE = "a time with its zone like 16:30 ET, 16:30-04:00 or 2020-05-01T20:30Z"


def call_time(day: str, clock: str) -> datetime | None:
    """Return when the call began, in UTC; None where no time of day, or one without a zone, is given.

    Midnight is how files and databases write a day without a time, so it is taken for that.

    Args:
        day: a day like 2020-05-01, or a time of that day such as ``2020-05-01T16:30-04:00``.
        clock: the column ``time``, as in ``EXAMPLE``; may be empty.

    Raises:
        ValueError: ``clock`` is no time, or is more than a day away from ``day``.
    """
    begun = _begun(day, clock) if clock else datetime.fromisoformat(day)
    if begun is None or begun.tzinfo is None or begun.time() == time(0):
        return None
    return begun.astimezone(UTC)


def _begun(day: str, clock: str) -> datetime | None:
    """The time as ``clock`` has it, None where that says no zone."""
    call_day = date.fromisoformat(day[:10])
    if re.match(r"[0-9]{4}-", clock):
        begun = datetime.fromisoformat(clock)
        if abs(begun.date() - call_day) > timedelta(days=1):
            raise ValueError(clock)
        return begun
    found = _CLOCK.fullmatch(clock)
    if not found or not (found["minute"] or found["half"]):
        raise ValueError(clock)
    local = time(_hour(int(found["hour"]), found["half"]), int(found["minute"] or 0))
    return datetime.combine(call_day, local, _zone(found["zone"])) if found["zone"] else None


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


def read_times(rows: pa.Table, days: list[date | None], bad: dict[int, str]) -> tuple[pa.Array[Any], pa.Array[Any]]:
    """Return the days of the rows, and when their calls began in UTC: null where that is not known.

    A day is New York's where the time is known, else the one in ``days``. ``bad`` gets the places of the rows whose
    ``time`` cannot be read.
    """
    texts = [[tidy(text) for text in rows[name].to_pylist()] for name in ("date", "time")]
    read: dict[tuple[str, str], datetime | None] = {}
    times: list[datetime | None] = []
    for place, (day, pair) in enumerate(zip(days, zip(*texts, strict=True), strict=True)):
        if day and pair not in read:  # a call has one time in all its rows
            try:
                read[pair] = call_time(*pair)
            except ValueError:
                bad.setdefault(place, f"time {pair[1][:60]!r} is not {EXAMPLE}")
        times.append(read.get(pair) if day else None)
    new_york = [time and new_york_day(time) for time in times]
    known_days = [own or day for own, day in zip(new_york, days, strict=True)]
    return pa.array(known_days, pa.date32()), pa.array(times, pa.timestamp("us", "UTC"))
