"""The time of day of a call, from the columns ``date``, ``time`` and ``time_utc`` of a user's file."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from cloud.src.prefetch.call_dates import new_york_day
from cloud.src.prefetch.files.clock import clock_time, time_of_day
from cloud.src.prefetch.files.columns import is_nothing, tidy
from cloud.src.prefetch.files.dates import split_day

EXAMPLE = "a time with its zone like 16:30 ET, 16:30-04:00 or 2020-05-01T20:30Z"


def call_time(day: str, clock: str) -> datetime | None:
    """Return when the call began, in UTC; None where no time of day, or one without a zone, is given.

    Midnight is how files and databases write a day without a time, so it is taken for that.

    Args:
        day: a day like 2020-05-01, or a time of that day such as ``2020-05-01T16:30-04:00``, as ``split_day`` reads it.
        clock: the column ``time``, as in ``EXAMPLE``; may be empty.

    Raises:
        ValueError: ``clock`` is no time, or is more than a day away from ``day``.
    """
    call_day, rest = split_day(day)
    if is_nothing(clock):
        begun = time_of_day(day, call_day, rest) if rest else None
    else:
        begun = _begun(call_day, clock)
    if begun is None or begun.tzinfo is None or begun.time() == time(0):
        return None
    return begun.astimezone(UTC)


def _begun(call_day: date, clock: str) -> datetime:
    if re.match(r"[0-9]{4}-", clock):
        begun = datetime.fromisoformat(clock)
        if abs(begun.date() - call_day) > timedelta(days=1):
            raise ValueError(clock)
        return begun
    return clock_time(call_day, clock)


def _clock(written: str | None, in_utc: str | None) -> str:
    """The text of ``time``, else that of ``time_utc`` with the zone that databases leave to the column's name."""
    if not is_nothing(written) or is_nothing(in_utc):
        return tidy(written)
    clock = tidy(in_utc)
    return clock + "Z" if re.fullmatch(r"[0-9:.]+", clock) else clock


def read_times(rows: pa.Table, days: list[date | None], bad: dict[int, str]) -> tuple[pa.Array[Any], pa.Array[Any]]:
    """Return the days of the rows, and when their calls began in UTC: null where that is not known.

    A day is New York's where the time is known, else the one in ``days``. ``bad`` gets the places of the rows whose
    ``time`` cannot be read.
    """
    days_as_written = [tidy(text) for text in rows["date"].to_pylist()]
    clocks = [_clock(*pair) for pair in zip(rows["time"].to_pylist(), rows["time_utc"].to_pylist(), strict=True)]
    read: dict[tuple[str, str], datetime | None] = {}
    times: list[datetime | None] = []
    for place, (day, pair) in enumerate(zip(days, zip(days_as_written, clocks, strict=True), strict=True)):
        if day and pair not in read:  # a call has one time in all its rows
            try:
                read[pair] = call_time(*pair)
            except ValueError:
                bad.setdefault(place, f"time {pair[1][:60]!r} is not {EXAMPLE}")
        times.append(read.get(pair) if day else None)
    new_york = [time and new_york_day(time) for time in times]
    known_days = [own or day for own, day in zip(new_york, days, strict=True)]
    return pa.array(known_days, pa.date32()), pa.array(times, pa.timestamp("us", "UTC"))
