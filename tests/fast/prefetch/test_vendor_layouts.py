"""Fictional calls in the layouts of terminals, PDFs and transcribers: what they put around a name is not said."""

from __future__ import annotations

import time

import pytest

from cloud.src.prefetch.calls import Turn
from cloud.src.prefetch.layout.marks import undecorated
from cloud.src.prefetch.layout.markup import plain_text
from cloud.src.prefetch.layout.names import is_title
from cloud.src.prefetch.layout.spoken import spoken_turns
from cloud.src.prefetch.sentences.speakers import section_name, speaker_type

FACTSET = """\
Elm Tools, Inc.
(ELM)
Q2 2020 Earnings Call
27-Aug-2020
1-877-FACTSET www.callstreet.com
Total Pages: 14
Copyright © 2001-2020 FactSet CallStreet, LLC

CORPORATE PARTICIPANTS
Ada Byrne
Chief Executive Officer, Elm Tools, Inc.
Tom Alder
Chief Financial Officer, Elm Tools, Inc.
........................................
OTHER PARTICIPANTS
Raj Patel
Analyst, Birch Bank
........................................
MANAGEMENT DISCUSSION SECTION
Operator: Good day, and welcome to the call.
........................................
Ada Byrne
Chief Executive Officer, Elm Tools, Inc.
Steel costs rose in Europe. Larch Mills sold us its plant.
Freight fell.
........................................
Tom Alder
Chief Financial Officer, Elm Tools, Inc.
Net debt came down.
........................................
QUESTION AND ANSWER SECTION
Operator: Our first question comes from Raj Patel with Birch Bank.
........................................
Raj Patel
Analyst, Birch Bank
Q
Why did freight fall?
........................................
Ada Byrne
Chief Executive Officer, Elm Tools, Inc.
A
Fuel got cheaper.
........................................
"""
CALLSTREET = """\
MANAGEMENT DISCUSSION SECTION
Operator: Good day, and welcome to the call.
Ada Byrne, Chief Executive Officer
Steel costs rose in Europe. Larch Mills sold us its plant.
Freight fell.
Tom Alder, Chief Financial Officer
Net debt came down.
QUESTION AND ANSWER SECTION
Operator: Our first question comes from Raj Patel with Birch Bank.
<Q - Raj Patel - Birch Bank>: Why did freight fall?
<A - Ada Byrne - Elm Tools, Inc.>: Fuel got cheaper.
"""
BLOOMBERG = """\
Q2 2020 Earnings Call
Company Participants
• Ada Byrne, Chief Executive Officer
• Tom Alder, Chief Financial Officer
Other Participants
• Raj Patel, Birch Bank
MANAGEMENT DISCUSSION SECTION
Operator
Good day, and welcome to the call.
Ada Byrne {BIO 19039369 <GO>}
Steel costs rose in Europe. Larch Mills sold us its plant.
Freight fell.
Tom Alder {BIO 4563623 <GO>}
Net debt came down.
Questions And Answers
Operator
(Question And Answer)
Our first question comes from Raj Patel with Birch Bank.
Q - Raj Patel {BIO 1524123 <GO>}
Why did freight fall?
A - Ada Byrne {BIO 19039369 <GO>}
Fuel got cheaper.
"""
CAPITAL_IQ_PDF = """\
Presentation

Operator

Good day, and welcome to the call.

Ada Byrne
CEO & Director

Steel costs rose in Europe. Larch Mills sold us its plant.

Freight fell.

Tom Alder
Executive VP & CFO

Net debt came down.

Question and Answer

Operator

Our first question comes from Raj Patel with Birch Bank.

Raj Patel
Birch Bank, Research Division

Why did freight fall?

Ada Byrne
CEO & Director

Fuel got cheaper.

Copyright © 2020 S&P Global Market Intelligence, All Rights reserved. spglobal.com/marketintelligence
"""
MARKDOWN = """\
# Elm Tools Q2 2020 Earnings Call
## Prepared Remarks
**Operator:** Good day, and welcome to the call.

**Ada Byrne:** Steel costs rose in Europe. Larch Mills sold us its plant.
Freight fell.

**Tom Alder:** Net debt came down.

## Questions and Answers
**Operator:** Our first question comes from Raj Patel with Birch Bank.

**Raj Patel:** Why did freight fall?

**Ada Byrne:** Fuel got cheaper.
"""

# What a transcriber writes before each turn, with who speaks in the middle.
TRANSCRIBERS = {
    "Rev": "{name} (00:12):\n",
    "Otter": "{name}  1:02:12\n",
    "time before": "[00:12:01] {name}: ",
    "captions": ">> {name}: ",
    "Teams": "{name}\n3 minutes 1 second\n",
    "pipes": "{name} | Speaker of the day, Director\n",
    "numbers": "12. {name}: ",
    "dashes": "\u2014 {name}: ",
    "heading": "Speaker: {name}\n",
    "dash and time": "{name} \u2014 00:12:01\n",
    "time of day": "{name}, 12:01 PM\n",
    "firm in a line": "{name} (Elm Tools): ",
    "firm on a line": "{name} (Elm Tools)\n",
}
SAID = [
    ("Operator", "Good day, and welcome to the call."),
    ("Ada Byrne", "Steel costs rose in Europe. Larch Mills sold us its plant."),
    ("Tom Alder", "Net debt came down at 10:30 in the morning."),
    ("Operator", "Our first question comes from Raj Patel with Birch Bank."),
    ("Raj Patel", "Why did freight fall?"),
    ("Ada Byrne", "Fuel got cheaper."),
]
WHO = [("Ada Byrne", "CEO"), ("Tom Alder", "CFO"), ("Raj Patel", "Analyst"), ("Ada Byrne", "CEO")]


def kinds(turns: tuple[Turn, ...]) -> list[tuple[str | None, str]]:
    found = [(turn.speaker, speaker_type(turn.speaker_type, turn.role, turn.speaker)) for turn in turns]
    return [one for one in found if one[1] != "Operator"]


@pytest.mark.parametrize(
    ("layout", "who"),
    [
        (FACTSET, WHO),
        (CALLSTREET, WHO),
        (BLOOMBERG, WHO),
        (CAPITAL_IQ_PDF, [*WHO[:2], ("Raj Patel", "Analyst"), WHO[3]]),
        (MARKDOWN, [(name, "Unknown") for name, _ in WHO]),
    ],
    ids=["FactSet", "CallStreet", "Bloomberg", "Capital IQ", "Markdown"],
)
def test_who_says_what_in_a_layout(layout: str, who: list[tuple[str, str]]) -> None:
    turns = spoken_turns([Turn(layout)])
    assert kinds(turns) == who
    said = [" ".join(turn.text.split()) for turn in turns if turn.speaker != "Operator"]
    assert said == [
        "Steel costs rose in Europe. Larch Mills sold us its plant. Freight fell.",
        "Net debt came down.",
        "Why did freight fall?",
        "Fuel got cheaper.",
    ]
    assert [section_name(turn.section) for turn in turns] == ["prepared"] * 3 + ["qa"] * 3


@pytest.mark.parametrize("before", TRANSCRIBERS.values(), ids=TRANSCRIBERS)
def test_what_a_transcriber_puts_around_a_name(before: str) -> None:
    text = "\n\n".join(before.format(name=name) + said for name, said in SAID)
    assert [(turn.speaker, turn.text) for turn in spoken_turns([Turn(text)])] == SAID


def test_where_only_the_operator_is_told_nothing_is_lost() -> None:
    text = "\n".join(f"{name.rpartition(' ')[2]}: {said}" for name, said in SAID)  # surnames
    (turn,) = spoken_turns([Turn(text)])
    assert (turn.speaker, turn.text) == (None, text)


def test_questions_and_answers_without_names() -> None:
    text = (
        "Ada Byrne: Steel costs rose.\nTom Alder: Net debt came down.\nQ: Why did freight fall?\nA: Fuel got cheaper."
    )
    turns = spoken_turns([Turn(text)])
    assert [(turn.speaker, turn.text) for turn in turns[2:]] == [
        ("Analyst", "Why did freight fall?"),
        ("Executive", "Fuel got cheaper."),
    ]
    assert kinds(turns)[2:] == [("Analyst", "Analyst"), ("Executive", "Executive")]


@pytest.mark.parametrize(
    "line",
    [
        "Our plant opens at 10:30",
        "Q - that is what we call the new saw.",
        "We had two questions (00:12 into the call).",
        "Answer: nobody knows.",  # without a question
        "We increased the # of stores",
        "He said [00:12] that sales",
        "We grew >> what we planned",
    ],
)
def test_what_is_said_is_left_as_it_is(line: str) -> None:
    assert undecorated([line, "Freight fell."])[0] == line


@pytest.mark.parametrize(
    "line",
    [
        "A - b -{}<",
        "Q - Raj Patel{}-",
        "- {}<",
        "Ada Byrne{}(00:12",
        ">>{}",
        "{}",
    ],
)
@pytest.mark.parametrize("piece", [" ", "-", "<", "<!--", "- "])
def test_time_grows_with_the_length_of_a_line_and_not_with_its_square(line: str, piece: str) -> None:
    text = line.format(piece * (100_000 // len(piece)))
    begin = time.process_time()
    spoken_turns([Turn(f"Operator\n{text}x\nAda Byrne: Yes.")])
    plain_text(f"<p>{text}")
    assert time.process_time() - begin < 5  # it takes some hundredths; squared, a minute


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("Chief Executive Officer, Elm Tools, Inc.", True),
        ("CEO & Director", True),
        ("Analyst, Birch Bank", True),
        ("Birch Bank, Research Division", True),
        ("Tom Alder, Chief Financial Officer", False),  # somebody else
        ("The head of our division said that", False),
        ("Steel costs rose", False),
    ],
)
def test_the_line_below_a_name(line: str, is_one: bool) -> None:
    assert is_title(line) is is_one


def test_an_answer_in_angle_brackets_is_no_link() -> None:
    assert plain_text("<A - Ada Byrne>: Fuel got cheaper.") == "<A - Ada Byrne>: Fuel got cheaper."
    assert plain_text('<A HREF="https://example.com">Fuel</A> got <a>cheaper</a>.') == "Fuel got cheaper."
