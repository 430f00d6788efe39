"""A call in each public layout of texts: its topics are about what is said, not about who says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import FolderStorage
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.worker_quarter import analyser

QUARTER = "2020Q3"
PARTICIPANTS = {"ada", "byrne", "tom", "alder", "raj", "patel", "birch", "bank", "elm", "tools", "operator"}
CEO, CFO, ANALYST = "Ada Byrne", "Tom Alder", "Raj Patel"
TITLES = {CEO: "Elm Tools - Chief Executive Officer", CFO: "Elm Tools - Chief Financial Officer", ANALYST: "Birch Bank"}
# Each greets the others by name, as people do, and managers talk about another company, Larch Mills.
PREPARED = [
    (
        CEO,
        "Thank you, Tom, and good afternoon. Larch Mills sold us its sawmill in Oregon in July. The sawmill of Larch "
        "Mills cuts cedar boards for our tool handles. We had bought cedar from Larch Mills for eleven years. The "
        "people of Larch Mills joined us in August, and the sawmill runs two shifts. With Larch Mills we now own the "
        "cedar that our handles are made of.",
    ),
    (
        CFO,
        "Thank you, Ada. Freight rates from Asia rose by nine percent in the quarter. Ocean freight is now a tenth of "
        "what a hammer costs us. We booked ocean containers early, and freight by rail instead of by truck. Truck "
        "freight in Texas stayed expensive. Freight will cost us less next year, as our container contracts end.",
    ),
]
QUESTIONS = [
    (ANALYST, "Raj Patel here from Birch Bank. Ada and Tom, how do freight rates develop, and what about cedar?"),
    (CEO, "Raj, container freight rates have come down since August, and the sawmill has cedar for a year."),
]


def seeking_alpha() -> str:
    people = [f"{name} - {title.rpartition(' - ')[2]}" for name, title in TITLES.items()]
    turns = [f"{name}\n{text}\n" for name, text in PREPARED]
    answers = [f"{name}\n{text}\n" for name, text in QUESTIONS]
    return "\n".join(
        [
            "Elm Tools, Inc. (NYSE:ELM) Q2 2020 Earnings Conference Call August 27, 2020 5:00 PM ET\n",
            "Company Participants\n" + "\n".join(people[:2]) + "\n",
            f"Conference Call Participants\n{people[2]}\n",
            "Operator\nGood day, and welcome to the Elm Tools call.\n",
            *turns,
            "Question-and-Answer Session\n",
            "Operator\nOur first question comes from Raj Patel with Birch Bank.\n",
            *answers,
        ]
    )


def motley_fool() -> str:
    people = [f"{name} -- {title.rpartition(' - ')[2]}" for name, title in TITLES.items()]
    called = dict(zip(TITLES, people, strict=True)) | {ANALYST: f"{ANALYST} -- Birch Bank -- Analyst"}
    return "\n".join(
        [
            "Elm Tools (NYSE: ELM)\nQ2 2020 Earnings Call\nPrepared Remarks:\nOperator",
            "Good day, and welcome to the Elm Tools call.",
            *(f"{called[name]}\n{text}" for name, text in PREPARED),
            "Questions & Answers:\nOperator\nOur first question comes from Raj Patel with Birch Bank.",
            *(f"{called[name]}\n{text}" for name, text in QUESTIONS),
            "Duration: 45 minutes\nCall participants:",
            *called.values(),
        ]
    )


def street_events() -> str:
    rule, line = "=" * 80, "-" * 80
    called = {name: f"{name}, {title}" for name, title in TITLES.items()} | {
        ANALYST: f"{ANALYST}, Birch Bank - Analyst"
    }
    people = [f" * {name}\n   {title}" for name, title in TITLES.items()]

    def spoken(turns: Sequence[tuple[str, str]], first: int) -> list[str]:
        return [f"{line}\n{called[name]}   [{n}]\n{line}\n {text}" for n, (name, text) in enumerate(turns, start=first)]

    return "\n".join(
        [
            f"Q2 2020 Elm Tools Inc Earnings Call\n{rule}\nCorporate Participants\n{rule}",
            *people[:2],
            f"\n{rule}\nConference Call Participants\n{rule}\n{people[2]}\n",
            f"{rule}\nPresentation\n{line}\nOperator   [1]\n{line}\n Good day, and welcome to the Elm Tools call.",
            *spoken(PREPARED, 2),
            f"{rule}\nQuestions and Answers",
            *spoken(QUESTIONS, 4),
        ]
    )


def in_a_line() -> str:
    return "\n".join(
        [
            "Operator: Good day, and welcome to the Elm Tools call.",
            *(f"{name}: {text}" for name, text in PREPARED),
            "Operator: Our first question comes from Raj Patel with Birch Bank.",
            *(f"{name}: {text}" for name, text in QUESTIONS),
        ]
    )


def firm_of(text: str, folder: Path) -> FirmTranscripts:
    """The sentences that the prefetch makes of one text file."""
    (folder / "in").mkdir()
    (folder / "in" / "ELM_2020-08-27.txt").write_text(text, encoding="utf-8")
    write_quarter(FolderStorage(folder), QUARTER, FileTranscripts(folder / "in", QUARTER))
    table: pa.Table = pq.read_table(folder / keys.prefetch_chunk(QUARTER, 0), partitioning=None)
    return FirmTranscripts("ELM", table)


@pytest.mark.parametrize("layout", [seeking_alpha, motley_fool, street_events, in_a_line])
def test_topics_are_about_what_is_said_not_about_who_speaks(layout: Callable[[], str], tmp_path: Path) -> None:
    topics = analyser().analyse(firm_of(layout(), tmp_path)).to_name

    firsts = [{word for keyword in topic.keywords[:3] for word in keyword.split()} for topic in topics]
    assert len(topics) >= 2
    assert not set().union(*firsts) & PARTICIPANTS
    assert any({"larch", "mills"} <= {w for keyword in topic.keywords for w in keyword.split()} for topic in topics)
    assert any("freight" in words for words in firsts)
