"""From turns to sentences."""

from __future__ import annotations

import datetime

import pytest

from cloud.src.contract import schemas
from cloud.src.prefetch.calls import Call, Turn
from cloud.src.prefetch.sentences.cleaning import clean
from cloud.src.prefetch.sentences.sentences import firm_sentences, split_sentences

DAY = datetime.date(2023, 2, 14)


def call(*turns: Turn, transcript_id: str = "T1") -> Call:
    return Call("harbor-tools", "Harbor Tools", transcript_id, DAY, turns, "HRBT", 10107, "001690", DAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Revenue rose 5.3% to $2.5 million vs. $2.4 million a year ago. Dr. Ada Byrne will explain.",
            ["Revenue rose 5.3% to $2.5 million vs. $2.4 million a year ago.", "Dr. Ada Byrne will explain."],
        ),
        (
            "Sales in the U.S. fell. Harbor Tools Inc. was not spared.",
            ["Sales in the U.S. fell.", "Harbor Tools Inc. was not spared."],
        ),
        # nupunkt alone takes "call." and "month." for abbreviations
        (
            "Welcome to our call. Joining me is Tom. Orders grew every month. Costs did not.",
            ["Welcome to our call.", "Joining me is Tom.", "Orders grew every month.", "Costs did not."],
        ),
        ("First paragraph without a stop\nSecond one", ["First paragraph without a stop", "Second one"]),
        ("Yes.\n\n \n  No.  ", ["Yes.", "No."]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_split_sentences(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thank you.  [Operator Instructions] Our first question", "Thank you. Our first question"),
        ("the plant in [indiscernible].", "the plant in."),
        ("Our partner Dkitria [ph] said (Technical Difficulty 00:12) no", "Our partner Dkitria said no"),
        ("[Multiple speakers]", ""),
        ("We opened [seven] stores", "We opened [seven] stores"),
        ("Section 401(k) plans [endeavors]", "Section 401(k) plans [endeavors]"),
        ("a\x00b\x07 c\u00a0 d\te", "a b c d e"),
        ("mar\u00adgin \u202eevil\u202c \ufeffend", "margin evil end"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_rows_carry_the_call_and_are_numbered_over_its_turns() -> None:
    firm = firm_sentences(
        [
            call(
                Turn("Welcome.", "prepared", "Operator", "operator"),
                Turn("Sales rose. [Technical Difficulty]\nCosts  fell.", "prepared", "Ada Byrne", "executive", "CEO"),
                Turn("What about margins?", "Q&A", "Raj Patel", "analyst", "Elm Securities"),
            )
        ],
        "2023Q1",
    )
    firm.rows.validate(full=True)
    assert firm.rows.schema == schemas.SENTENCE
    rows = firm.rows.to_pylist()
    assert [(row["sentence_id"], row["position"], row["speaker_type"], row["section"]) for row in rows] == [
        ("harbor-tools_T1_0000", 0, "CEO", "prepared"),
        ("harbor-tools_T1_0001", 1, "CEO", "prepared"),
        ("harbor-tools_T1_0002", 2, "Analyst", "qa"),
    ]
    assert rows[1] == {
        "sentence_id": "harbor-tools_T1_0001",
        "firm_id": "harbor-tools",
        "firm_name": "Harbor Tools",
        "ticker": "HRBT",
        "permno": 10107,
        "gvkey": "001690",
        "link_date": DAY,
        "sector": None,
        "industry": None,
        "transcript_id": "T1",
        "call_id": "harbor-tools_T1",
        "earnings_call_date": DAY,
        "call_time_utc": None,
        "first_trading_day": datetime.date(2023, 2, 14),
        "time_known": False,
        "event_date": None,
        "fiscal_quarter": None,
        "section": "prepared",
        "speaker_name": "Ada Byrne",
        "speaker_type": "CEO",
        "position": 1,
        "raw_text": "Costs  fell.",
        "cleaned_text": "Costs fell.",
        "quarter": "2023Q1",
    }
    assert (firm.n_calls, firm.skipped) == (1, {"operator turns": 1})


def test_each_call_is_numbered_from_zero() -> None:
    firm = firm_sentences([call(Turn("A one. A two.")), call(Turn("B one."), transcript_id="T2")], "2023Q1")
    assert firm.rows["sentence_id"].to_pylist() == [
        "harbor-tools_T1_0000",
        "harbor-tools_T1_0001",
        "harbor-tools_T2_0000",
    ]
    assert firm.n_calls == 2


@pytest.mark.parametrize(
    ("turns", "skipped"),
    [
        ([Turn(""), Turn(" \n")], {"calls without content": 1}),
        ([Turn("[Operator Instructions]"), Turn("...")], {"calls without content": 1}),
        ([Turn("Please hold.", speaker_type="operator")], {"calls without content": 1, "operator turns": 1}),
    ],
)
def test_a_call_in_which_nothing_is_left_is_counted(turns: list[Turn], skipped: dict[str, int]) -> None:
    firm = firm_sentences([call(*turns)], "2023Q1")
    assert (firm.rows.num_rows, firm.n_calls, firm.skipped) == (0, 0, skipped)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        (
            "\u0932\u093e\u0917\u0924 \u092c\u0922\u093c\u0940\u0964 \u0926\u093e\u092e \u092c\u0922\u093c\u0947\u0964",
            2,
        ),  # Hindi
        ("\u94a2\u94c1\u6210\u672c\u4e0a\u5347\u3002\u6211\u4eec\u63d0\u9ad8\u4e86\u4ef7\u683c\uff01", 2),  # Chinese
        (
            "\u300c\u4e0a\u304c\u308a\u307e\u3057\u305f\u3002\u300d\u3068\u8a00\u3044\u307e\u3057\u305f\u3002",
            1,
        ),  # a quote in Japanese
        ("\u0647\u0644 \u0627\u0631\u062a\u0641\u0639\u062a\u061f \u0646\u0639\u0645.", 2),  # Arabic
    ],
)
def test_sentences_end_at_the_marks_of_their_script(text: str, n: int) -> None:
    assert len(split_sentences(text)) == n
