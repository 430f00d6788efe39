"""The dates of a call that an event study needs: New York's day, and the first trading days on and after it."""

from __future__ import annotations

import datetime
import functools
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

NEW_YORK = ZoneInfo("America/New_York")


class CallDates(NamedTuple):
    """The dates of one call, named as the columns they fill."""

    earnings_call_date: datetime.date
    call_time_utc: datetime.datetime | None
    first_trading_day: datetime.date
    time_known: bool
    event_date: datetime.date | None


def call_dates(day: datetime.date, time: datetime.datetime | None) -> CallDates:
    """Return the dates of a call that begins at ``time`` (with a time zone), or some time on ``day``.

    ``event_date`` is the first NYSE trading day on which the market can react: New York's day of the call when the call
    begins before that day's close (13:00 on half days), else the next trading day; None without a time.
    """
    if time is None:
        return CallDates(day, None, _trading_day(day), time_known=False, event_date=None)
    day = new_york_day(time)
    first = _trading_day(day)
    event_date = first if time < _close(first) else _trading_day(first + datetime.timedelta(days=1))
    return CallDates(day, time, first, time_known=True, event_date=event_date)


def new_york_day(time: datetime.datetime) -> datetime.date:
    """The day that it is in New York."""
    return time.astimezone(NEW_YORK).date()


def _trading_day(day: datetime.date) -> datetime.date:
    """The day itself, or the next on which the NYSE is open."""
    session: datetime.date = _calendar(day.year).date_to_session(day.isoformat(), "next").date()
    return session


def _close(session: datetime.date) -> datetime.datetime:
    close: datetime.datetime = _calendar(session.year).session_close(session.isoformat()).to_pydatetime()
    return close


@functools.cache
def _calendar(year: int) -> ExchangeCalendar:
    """NYSE's calendar of the year and the weeks beside it: it only answers between its first and last trading day."""
    import exchange_calendars  # brings pandas, for which no command but a prefetch should wait

    return exchange_calendars.get_calendar("XNYS", start=f"{year - 1}-12-01", end=f"{year + 1}-01-31")
