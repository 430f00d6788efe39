"""Fictional calls in public layouts of transcripts: who says what, and what is no sentence."""

from __future__ import annotations

import pytest

from cloud.src.prefetch.calls import Turn
from cloud.src.prefetch.layout.lines import unwrapped, width_of
from cloud.src.prefetch.layout.markup import plain_text
from cloud.src.prefetch.layout.names import read_name, split_title
from cloud.src.prefetch.layout.spoken import spoken_turns

SEEKING_ALPHA = """\
Elm Tools, Inc. (NYSE:ELM) Q2 2020 Earnings Conference Call August 27, 2020 5:00 PM ET

Company Participants
Ada Byrne - Chief Executive Officer
Tom Alder - Chief Financial Officer

Conference Call Participants
Raj Patel - Birch Bank

Operator
Good day, and welcome to the call. Please go ahead, Ada.

Ada Byrne
Steel costs rose in Europe. Larch Mills sold us its plant.

Freight fell.

Tom Alder
Net debt came down.

Question-and-Answer Session

Operator
Our first question comes from Raj Patel with Birch Bank.

Raj Patel
Why did freight fall?

Ada Byrne
Fuel got cheaper.
"""
MOTLEY_FOOL = """\
Image source: The Motley Fool.
Elm Tools (NYSE: ELM)
Q2 2020 Earnings Call
Contents:
Prepared Remarks:
Operator
Good day, and welcome to the call.
Ada Byrne -- Chief Executive Officer
Steel costs rose in Europe. Larch Mills sold us its plant.
Freight fell.
Tom Alder -- Chief Financial Officer
Net debt came down.
Questions & Answers:
Operator
Our first question comes from Raj Patel with Birch Bank.
Raj Patel -- Birch Bank -- Analyst
Why did freight fall?
Ada Byrne -- Chief Executive Officer
Fuel got cheaper.
Duration: 45 minutes
Call participants:
Ada Byrne -- Chief Executive Officer
Tom Alder -- Chief Financial Officer
Raj Patel -- Birch Bank -- Analyst
More ELM analysis
All earnings call transcripts
"""
STREET_EVENTS = """\
Q2 2020 Elm Tools Inc Earnings Call
================================================================================
Corporate Participants
================================================================================
 * Ada Byrne
   Elm Tools Inc - Chief Executive Officer
 * Tom Alder
   Elm Tools Inc - Chief Financial Officer

================================================================================
Conference Call Participants
================================================================================
 * Raj Patel
   Birch Bank - Analyst

================================================================================
Presentation
--------------------------------------------------------------------------------
Operator   [1]
--------------------------------------------------------------------------------
 Good day, and welcome to the call.
--------------------------------------------------------------------------------
Ada Byrne, Elm Tools Inc - Chief Executive Officer   [2]
--------------------------------------------------------------------------------
 Steel costs rose in Europe. Larch
 Mills sold us its plant.

 Freight fell.
--------------------------------------------------------------------------------
Tom Alder, Elm Tools Inc - Chief Financial Officer   [3]
--------------------------------------------------------------------------------
 Net debt came down.
================================================================================
Questions and Answers
--------------------------------------------------------------------------------
Operator   [4]
--------------------------------------------------------------------------------
 Our first question comes from Raj Patel with Birch Bank.
--------------------------------------------------------------------------------
Raj Patel, Birch Bank - Analyst   [5]
--------------------------------------------------------------------------------
 Why did freight fall?
--------------------------------------------------------------------------------
Ada Byrne, Elm Tools Inc - Chief Executive Officer   [6]
--------------------------------------------------------------------------------
 Fuel got cheaper.
"""
IN_A_LINE = """\
Operator: Good day, and welcome to the call.
Ada Byrne: Steel costs rose in Europe. Larch Mills sold us its plant.
Freight fell.
Tom Alder: Net debt came down.
Operator: Our first question comes from Raj Patel with Birch Bank.
Raj Patel: Why did freight fall?
Ada Byrne: Fuel got cheaper.
"""


@pytest.mark.parametrize("layout", [SEEKING_ALPHA, MOTLEY_FOOL, STREET_EVENTS, IN_A_LINE])
def test_turns_of_a_layout(layout: str) -> None:
    turns = [turn for turn in spoken_turns([Turn(layout)]) if turn.speaker != "Operator"]
    assert [(turn.speaker, " ".join(turn.text.split())) for turn in turns] == [
        ("Ada Byrne", "Steel costs rose in Europe. Larch Mills sold us its plant. Freight fell."),
        ("Tom Alder", "Net debt came down."),
        ("Raj Patel", "Why did freight fall?"),
        ("Ada Byrne", "Fuel got cheaper."),
    ]
    if layout is not IN_A_LINE:
        assert [turn.section for turn in turns] == ["prepared", "prepared", "qa", "qa"]
        assert "Chief" in (turns[0].role or "")
        assert "Chief" in (turns[1].role or "")
        assert turns[2].speaker_type == "analyst" or "Analyst" in (turns[2].role or "")


@pytest.mark.parametrize(
    "prose",
    [
        "Steel costs rose.\nFreight fell.\n",
        "Steel Costs\nThey rose by 9 percent in Europe.\nNet Debt\nIt came down.\n",
        "Outlook: we expect more.\nRisks: freight may rise.\n",
        "We said: steel rose. Then it fell.",
        "Hi.",
        "",
    ],
)
def test_prose_stays_one_turn(prose: str) -> None:
    assert spoken_turns([Turn(prose, "qa")]) == (Turn(prose, "qa"),)


def test_a_heading_is_not_a_speaker_where_participants_are_listed() -> None:
    with_headings = (
        SEEKING_ALPHA.replace("Freight fell.", "Commercial Bank\n\nFreight fell.")
        .replace("Raj Patel\nWhy", "Rajesh K. Patel\nWhy")
        .replace("Fuel got cheaper.", "Fuel got cheaper.\n\nOperator\nNext is Mia Roth.\n\nMia Roth\nAnd steel?")
    )
    turns = spoken_turns([Turn(with_headings, None)])

    assert [turn.speaker for turn in turns if turn.speaker != "Operator"] == [
        "Ada Byrne",
        "Tom Alder",
        "Rajesh K. Patel",  # listed with another first name
        "Ada Byrne",
        "Mia Roth",  # not listed, but announced
    ]


def test_a_heading_with_a_colon_among_speakers_alone_on_their_lines() -> None:
    text = """\
Operator
Good day, and welcome to the call.
Ada Byrne
Steel costs rose in Europe.
Net Debt: It fell to two billion dollars in the quarter.
Operator
Our first question comes from Raj Patel with Birch Bank.
Raj Patel
Why did freight fall?
Ada Byrne
Fuel got cheaper.
Operator
Our next question comes from Mia Roth with Larch Bank.
Mia Roth
And steel?
Ada Byrne
It rose.
"""
    turns = spoken_turns([Turn(text)])
    assert [(turn.speaker, turn.text) for turn in turns if turn.speaker != "Operator"] == [
        ("Ada Byrne", "Steel costs rose in Europe.\nNet Debt: It fell to two billion dollars in the quarter."),
        ("Raj Patel", "Why did freight fall?"),
        ("Ada Byrne", "Fuel got cheaper."),
        ("Mia Roth", "And steel?"),
        ("Ada Byrne", "It rose."),
    ]


def test_a_name_may_have_initials_and_a_title() -> None:
    text = """\
Operator: Good day. I now hand over to Mr. Cook.
Timothy D. Cook: Steel costs rose.
Mr. Smith: Why did freight fall?
Timothy D. Cook: Fuel got cheaper. The reason: oil.
"""
    turns = spoken_turns([Turn(text)])
    assert [(turn.speaker, turn.text) for turn in turns if turn.speaker != "Operator"] == [
        ("Timothy D. Cook", "Steel costs rose."),
        ("Mr. Smith", "Why did freight fall?"),
        ("Timothy D. Cook", "Fuel got cheaper. The reason: oil."),
    ]


def test_turns_with_speakers_stay_as_they_are() -> None:
    turns = (Turn("Operator: no.\nAda Byrne: yes.", speaker="Ada Byrne"), Turn("Hi.", role="CFO"))
    assert spoken_turns(turns) == turns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada Byrne", "Ada Byrne"),
        ("Ada Byrne, Chief Executive Officer", "Ada Byrne"),
        ("Tom Alder -- CFO", "Tom Alder"),
        ("Tom Alder \u2013 Birch Bank", "Tom Alder"),
        ("Ines van der Berg (Chief Operating Officer)", "Ines van der Berg"),
        ("J. P. O'Hara", "J. P. O'Hara"),
        ("Unidentified Analyst", "Unidentified Analyst"),
        ("Conference Operator", "Conference Operator"),
        ("Moderator", "Moderator"),
        ("Anna Page", "Anna Page"),
        ("Thank You All", None),
        ("Steel costs rose", None),
        ("Fourth Quarter Outlook", None),
        ("First", None),
        ("Business Overview", None),
    ],
)
def test_names(text: str, expected: str | None) -> None:
    name = read_name(text)
    assert (name.speaker if name else None) == expected


@pytest.mark.parametrize(
    ("speaker", "expected"),
    [
        ("Ada Byrne, Chief Executive Officer", ("Ada Byrne", "Chief Executive Officer")),
        ("Tom Alder -- CFO", ("Tom Alder", "CFO")),
        ("Smith, Jr.", ("Smith, Jr.", None)),
        ("Ada Byrne", ("Ada Byrne", None)),
    ],
)
def test_a_title_behind_the_name(speaker: str, expected: tuple[str, str | None]) -> None:
    assert split_title(speaker) == expected
    (turn,) = spoken_turns([Turn("Hi.", speaker=speaker)])
    assert (turn.speaker, turn.role) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>R&amp;D&nbsp;fell.</p><p>It&#39;s done.</p>", ["R&D fell.", "It's done."]),
        ("<div class='x'>One<br/>two <b>three</b>.</div><script>var a = 1;</script>", ["One", "two three."]),
        ("SG&amp;amp;A rose.", ["SG&A rose."]),
        ("AT&T and R&D, 3 < 5 and 7 > 6; p<q.", ["AT&T and R&D, 3 < 5 and 7 > 6; p<q."]),
        ("Steel rose.\\nFreight fell.\\r\\nYes.", ["Steel rose.", "Freight fell.", "Yes."]),
        ("C:\\new is a folder\nof ours.", ["C:\\new is a folder", "of ours."]),
        ("<p>One <!-- no <b> --><!--[if !mso]><!-->two<!--<![endif]-->.</p><!-- 3", ["One   two .", "<!-- 3"]),
        ("<!DOCTYPE html><html><head><title>No</title></head><body>Yes.</body></html>", ["Yes."]),
    ],
)
def test_markup(text: str, expected: list[str]) -> None:
    assert [line.strip() for line in plain_text(text).splitlines() if line.strip()] == expected


WRAPPED = """\
Steel costs rose by nine percent in the third quarter, and we think that the infla-
tion of wages will ease next year in all of our long-term contracts in Europe. Net
debt came down, and since the summer of last year we see many more of those long-
term contracts.

Freight fell.
Fuel got cheaper than it has been for the first time since the spring of 2014, which
helps.
"""


def test_wrapped_lines_are_joined_and_paragraphs_are_not() -> None:
    lines = [line for line in unwrapped(WRAPPED, width_of(WRAPPED)).splitlines() if line]
    assert len(lines) >= 2
    assert "inflation of wages" in lines[0]
    assert "those long-term contracts." in lines[0]
    assert lines[-1].endswith("2014, which helps.")


@pytest.mark.parametrize("text", ["One.\nTwo.\nThree.", "Steel rose.\n\nFreight fell.", "a" * 200 + "\nb"])
def test_short_paragraphs_are_not_joined(text: str) -> None:
    assert width_of(text) is None
    assert unwrapped(text, width_of(text)) == text


def test_headers_of_pages_are_no_sentences() -> None:
    pages = "".join(
        f"Elm Tools Q2 2020 Earnings Call {n}\nSteel costs rose for the {n}. time.\nPage {n} of 9\n"
        for n in range(1, 6)
    )
    (turn,) = spoken_turns([Turn(pages)])
    assert "Earnings Call" not in turn.text
    assert "Page" not in turn.text
