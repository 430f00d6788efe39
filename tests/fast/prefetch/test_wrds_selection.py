"""Which of the calls that WRDS has are taken, and how names and texts are made readable."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cloud.src.prefetch.wrds.selection import SelectedCall, choose, quarter_days
from cloud.src.prefetch.wrds.text import readable, tidy


@pytest.mark.parametrize(
    ("quarter", "first", "after"),
    [
        ("2023Q1", date(2023, 1, 1), date(2023, 4, 1)),
        ("2023Q2", date(2023, 4, 1), date(2023, 7, 1)),
        ("2023Q3", date(2023, 7, 1), date(2023, 10, 1)),
        ("2023Q4", date(2023, 10, 1), date(2024, 1, 1)),
    ],
)
def test_a_quarter_ends_before_the_next_begins(quarter: str, first: date, after: date) -> None:
    assert quarter_days(quarter) == (first, after)


def call(firm: str, transcript: int, day: int = 1, permno: int | None = 1, versions: int = 1) -> SelectedCall:
    return SelectedCall(firm, f"Firm {firm}", transcript, date(2023, 2, day), None, permno, None, versions)


def test_calls_are_sorted_by_firm_day_and_transcript() -> None:
    calls = [call("9", 5), call("10", 4, day=3), call("10", 3, day=2), call("10", 21, day=2)]
    assert [one.transcript_id for one in choose(calls, None, False).calls] == [21, 3, 4, 5]


def test_only_the_call_without_a_permno_is_dropped() -> None:
    selection = choose([call("1", 1, permno=None), call("1", 2), call("2", 3, permno=None)], None, False)
    assert [one.transcript_id for one in selection.calls] == [2]
    assert selection.unlinked == ["Firm 1", "Firm 2"]
    assert selection.skipped == {"calls without a PERMNO": 2}


def test_the_limit_is_of_firms_that_are_taken() -> None:
    calls = [call("1", 1, permno=None), call("2", 2), call("2", 3), call("3", 4), call("4", 5)]
    assert [one.transcript_id for one in choose(calls, 2, False).calls] == [2, 3, 4]
    assert [one.transcript_id for one in choose(calls, 2, True).calls] == [1, 2, 3]


def test_a_limit_counts_only_the_calls_taken() -> None:
    calls = [call("1", 1, permno=None, versions=2), call("2", 2, versions=3), call("3", 3, permno=None, versions=4)]
    kept = choose(calls, 2, True)
    assert (kept.unlinked, kept.skipped) == (["Firm 1"], {"older versions of a transcript": 3})
    left_out = choose(calls, 1, False)
    assert left_out.unlinked == ["Firm 1", "Firm 3"]
    assert left_out.skipped == {"calls without a PERMNO": 2, "older versions of a transcript": 2}


def test_a_call_that_has_moved_is_left_out_and_counted() -> None:
    moved = [replace(call("1", 1, versions=2), has_moved=True), replace(call("3", 3, permno=None), has_moved=True)]
    for keep_unlinked in (True, False):
        selection = choose([*moved, call("2", 2)], None, keep_unlinked)
        assert [one.transcript_id for one in selection.calls] == [2]
        assert (selection.skipped, selection.unlinked) == ({"calls that have moved elsewhere": 2}, [])


def test_older_versions_are_counted() -> None:
    assert choose([call("1", 1, versions=4), call("2", 2)], None, False).skipped == {
        "older versions of a transcript": 3
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it\x92s \x93up\x94 \x96 \x80 5", "it\u2019s \u201cup\u201d \u2013 \u20ac 5"),
        ("a\x81b", "a b"),  # cp1252 has nothing there
        ("Caf\u00e9 \U0001f680", "Caf\u00e9 \U0001f680"),
        (None, ""),
    ],
)
def test_text_that_was_read_in_the_wrong_encoding(text: str | None, expected: str) -> None:
    assert readable(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (" Elm\x00\t Bancorp\u202e ", "Elm Bancorp"),
        ("\u200b", None),
        ("", None),
        (None, None),
        ("M\x9fller", "M\u0178ller"),
    ],
)
def test_names_are_one_line_without_invisible_characters(name: str | None, expected: str | None) -> None:
    assert tidy(name) == expected
