"""When a call began, as files write it."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.files.times import call_time


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("2020-05-01", "16:30 ET"),
        ("2020-05-01", "4:30 PM EST"),  # people write EST in summer, too
        ("2020-05-01", "4:30p.m. America/New_York"),
        ("2020-05-01", "16:30:00-04:00"),
        ("2020-05-01", "13:30 PT"),
        ("2020-05-01", "20:30Z"),
        ("2020-05-01", "2020-05-01T20:30Z"),
        ("2020-05-01T16:30-04:00", ""),
        ("2020-05-01 20:30:00+00:00", ""),
        ("2020-05-02", "2020-05-01T16:30-04:00"),  # the day is UTC's or the archive's
    ],
)
def test_a_time_with_a_zone(day: str, clock: str) -> None:
    assert call_time(day, clock) == datetime.datetime(2020, 5, 1, 20, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("day", "clock"),
    [("2020-05-01", ""), ("2020-05-01 16:30", ""), ("2020-05-01", "16:30"), ("2020-05-01T00:00Z", "")],
    ids=["no time", "no zone", "clock without a zone", "midnight"],
)
def test_a_day_alone(day: str, clock: str) -> None:
    assert call_time(day, clock) is None


@pytest.mark.parametrize(
    "clock", ["after the close", "16", "25:00 ET", "13:30 pm ET", "16:30 XYZ", "2020-05-04T20:30Z", "16:61 ET"]
)
def test_no_time(clock: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        call_time("2020-05-01", clock)


def rows(**columns: object) -> pa.Table:
    return pa.Table.from_pylist([{"company": "Elm", "text": "Hi.", "date": "2023-02-01", **columns}])


@pytest.mark.parametrize(
    ("table", "day", "hour"),
    [
        (rows(time="16:30 ET"), 1, 21),
        (rows(date=datetime.datetime(2023, 2, 2, 1, 30, tzinfo=datetime.UTC)), 1, 1),
        (rows(date=datetime.datetime.fromisoformat("2023-02-02T01:30")), 2, None),
        (rows(date=datetime.datetime(2023, 2, 2, tzinfo=datetime.UTC)), 2, None),
        (rows(mostimportanttimeutc="21:30:00"), 1, 21),  # as WRDS exports it to CSV
        (rows(mostimportanttimeutc=datetime.time(21, 30)), 1, 21),  # and to Parquet
        (rows(date="2023-02-02", mostimportanttimeutc="01:30:00"), 1, 1),  # February 1 in New York
        (rows(mostimportanttimeutc="00:00:00"), 1, None),  # Capital IQ does not know it
        (rows(time="16:30 ET", mostimportanttimeutc="22:30:00"), 1, 21),
        (rows(), 1, None),
    ],
    ids=[
        "column time",
        "timestamp with a zone",
        "timestamp without",
        "midnight",
        "UTC by the column's name",
        "time type",
        "day before",
        "midnight in UTC",
        "both",
        "none",
    ],
)
def test_the_time_of_a_call_in_a_table(tmp_path: Path, table: pa.Table, day: int, hour: int | None) -> None:
    pq.write_table(table, tmp_path / "calls.parquet")
    [[call]] = FileTranscripts(tmp_path / "calls.parquet", "2023Q1").firms()
    assert (call.date, call.time and call.time.hour) == (datetime.date(2023, 2, day), hour)


def test_the_last_evening_in_new_york_belongs_to_its_quarter(tmp_path: Path) -> None:
    pq.write_table(rows(date="2023-04-01", time="2023-04-01T01:00Z"), tmp_path / "calls.parquet")
    [[call]] = FileTranscripts(tmp_path / "calls.parquet", "2023Q1").firms()
    assert (call.date, call.transcript_id) == (datetime.date(2023, 3, 31), "20230331")


def test_two_times_of_one_call_are_refused(tmp_path: Path) -> None:
    two = pa.concat_tables([rows(time="16:30 ET"), rows(time="17:00 ET", text="Bye.")])
    pq.write_table(two, tmp_path / "calls.parquet")
    with pytest.raises(InvalidInput, match="has two values of time"):
        FileTranscripts(tmp_path / "calls.parquet", "2023Q1")


def test_a_time_that_is_none_is_a_bad_row(tmp_path: Path) -> None:
    pq.write_table(rows(time="after the close"), tmp_path / "calls.parquet")
    with pytest.raises(InvalidInput, match="time 'after the close' is not a time with its zone like 16:30 ET"):
        FileTranscripts(tmp_path / "calls.parquet", "2023Q1")
