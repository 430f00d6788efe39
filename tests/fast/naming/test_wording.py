"""Whose words is a name made of?"""

from __future__ import annotations

import pytest

from cloud.src.naming.wording import Wording

INTEREST = [
    "Net interest margin fell as margins are under pressure.",
    "Net interest income rose with loans. Income grew.",
]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Net Interest Margins", 0), ("Pressure on Margin", 0), ("Interest Income", 1), ("Loan Growth", 1)],
)
def test_words_tell_topics_of_the_same_meaning_apart(name: str, nearest: int) -> None:
    wording = Wording(INTEREST)

    assert wording.margin(name, nearest) > 0
    assert wording.margin(name, 1 - nearest) == pytest.approx(-wording.margin(name, nearest))


def test_words_that_nobody_says_say_nothing() -> None:
    assert Wording(INTEREST).margin("Ocean Freight", 0) == 0
    assert Wording([]).margin("Ocean Freight", 0) == 0
    assert Wording(["12 %", ""]).margin("Ocean Freight", 0) == 0


def test_a_topic_that_is_alone_has_no_other() -> None:
    assert 0 < Wording(INTEREST[:1]).margin("Net Interest Margin", 0) <= 1
