"""The trading days of a call: sources are NYSE's published holidays and hours."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud.src.prefetch.call_dates import call_dates


@pytest.mark.parametrize(
    ("begins", "first", "event"),
    [
        ("2020-05-01 08:00", "2020-05-01", "2020-05-01"),  # a Friday, before the open
        ("2020-05-01 09:30", "2020-05-01", "2020-05-01"),  # at the open
        ("2020-05-01 15:59", "2020-05-01", "2020-05-01"),
        ("2020-05-01 16:00", "2020-05-01", "2020-05-04"),  # at the close: Monday
        ("2020-05-01 17:00", "2020-05-01", "2020-05-04"),
        ("2020-05-02 11:00", "2020-05-04", "2020-05-04"),  # Saturday
        ("2020-04-10 08:00", "2020-04-13", "2020-04-13"),  # Good Friday
        ("2020-04-09 16:30", "2020-04-09", "2020-04-13"),  # the evening before Good Friday
        ("2023-11-24 12:59", "2023-11-24", "2023-11-24"),  # half a day after Thanksgiving
        ("2023-11-24 13:00", "2023-11-24", "2023-11-27"),
        ("2012-10-29 08:00", "2012-10-31", "2012-10-31"),  # closed for a hurricane
        ("2020-12-31 16:30", "2020-12-31", "2021-01-04"),  # over the end of a year
        ("2020-03-06 15:59", "2020-03-06", "2020-03-06"),  # before and after daylight saving begins on 8 March,
        ("2020-03-09 15:59", "2020-03-09", "2020-03-09"),
        ("2020-03-09 16:00", "2020-03-09", "2020-03-10"),
        ("2020-10-30 15:59", "2020-10-30", "2020-10-30"),  # and before and after it ends on 1 November
        ("2020-11-02 15:59", "2020-11-02", "2020-11-02"),
        ("2020-11-02 16:00", "2020-11-02", "2020-11-03"),
    ],
)
def test_event_date_is_the_first_day_the_market_can_react(begins: str, first: str, event: str) -> None:
    time = datetime.fromisoformat(begins).replace(tzinfo=ZoneInfo("America/New_York"))
    dates = call_dates(date(1999, 1, 1), time)
    assert (dates.earnings_call_date, dates.time_known) == (time.date(), True)
    assert dates.call_time_utc == time
    assert (dates.first_trading_day, dates.event_date) == (date.fromisoformat(first), date.fromisoformat(event))


def test_a_late_call_keeps_its_day_in_new_york() -> None:
    dates = call_dates(date(2020, 5, 2), datetime(2020, 5, 2, 1, 30, tzinfo=ZoneInfo("UTC")))
    assert (dates.earnings_call_date, dates.event_date) == (date(2020, 5, 1), date(2020, 5, 4))


@pytest.mark.parametrize(("day", "first"), [("2020-05-01", "2020-05-01"), ("2020-12-25", "2020-12-28")])
def test_without_a_time_only_the_first_trading_day_is_known(day: str, first: str) -> None:
    dates = call_dates(date.fromisoformat(day), None)
    assert dates == (date.fromisoformat(day), None, date.fromisoformat(first), False, None)
