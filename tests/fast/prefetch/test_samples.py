"""The bundled samples: what samples/README.md promises of them, and what the pipeline's tests rely on."""

from __future__ import annotations

import csv
import datetime
import functools
import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from cloud.src.prefetch.files.firm_ids import firm_slug
from cloud.src.prefetch.sentences.sentences import split_sentences

SAMPLES = Path(__file__).parents[3] / "samples"
QUARTERS = ["2023Q1", "2023Q2"]
COLUMNS = (
    "call_id firm_id company ticker permno gvkey sector date quarter section position speaker speaker_type role text"
).split()
SPEAKER_TYPES = {"prepared": {"operator", "executive"}, "qa": {"operator", "executive", "analyst"}}

Row = dict[str, str]
Call = list[Row]


@functools.cache
def calls(quarter: str) -> dict[str, Call]:
    """The rows of each call, by call_id."""
    by_call: dict[str, Call] = defaultdict(list)
    with (SAMPLES / f"transcripts_{quarter}.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            by_call[row["call_id"]].append(row)
    return dict(by_call)


def firms(quarter: str) -> set[str]:
    return {rows[0]["firm_id"] for rows in calls(quarter).values()}


@functools.cache
def themes() -> dict[str, list[dict[str, object]]]:
    return dict(json.loads((SAMPLES / "themes.json").read_text(encoding="utf-8")))


def theme_names(quarter: str) -> set[str]:
    return {str(theme["theme"]) for theme in themes()[quarter]}


def spoken_sentences(call: Call) -> list[str]:
    """What executives and analysts said; the operator's words are not content."""
    return [sentence for row in call if row["speaker_type"] != "operator" for sentence in split_sentences(row["text"])]


@pytest.mark.parametrize("quarter", QUARTERS)
def test_columns(quarter: str) -> None:
    with (SAMPLES / f"transcripts_{quarter}.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == COLUMNS


@pytest.mark.parametrize("quarter", QUARTERS)
def test_at_least_16_firms_with_one_call_each(quarter: str) -> None:
    assert len(firms(quarter)) >= 16
    assert len(calls(quarter)) == len(firms(quarter))


def test_two_firms_leave_and_two_join_in_the_second_quarter() -> None:
    first, second = firms("2023Q1"), firms("2023Q2")

    assert len(first - second) == 2
    assert len(second - first) == 2


@pytest.mark.parametrize("quarter", QUARTERS)
def test_facts_of_a_call(quarter: str) -> None:
    for call_id, call in calls(quarter).items():
        about_the_call = {tuple(row[column] for column in COLUMNS[:9]) for row in call}
        assert len(about_the_call) == 1, f"{call_id}: its rows disagree about the call"
        firm = call[0]
        assert firm["firm_id"] == firm_slug(firm["company"])
        date = datetime.date.fromisoformat(firm["date"])
        assert f"{date.year}Q{(date.month + 2) // 3}" == firm["quarter"] == quarter, call_id
        assert [int(row["position"]) for row in call] == list(range(len(call))), call_id


@pytest.mark.parametrize("quarter", QUARTERS)
def test_one_firm_is_without_crsp_and_compustat_identifiers(quarter: str) -> None:
    identifiers = [(call[0]["permno"], call[0]["gvkey"]) for call in calls(quarter).values()]

    assert identifiers.count(("", "")) == 1
    assert all(re.fullmatch(r"99\d{3}", permno) for permno, _ in identifiers if permno)
    assert all(re.fullmatch(r"0\d{5}", gvkey) for _, gvkey in identifiers if gvkey)
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("quarter", QUARTERS)
def test_prepared_remarks_then_questions_by_named_speakers(quarter: str) -> None:
    for call_id, call in calls(quarter).items():
        sections = [row["section"] for row in call]
        assert sections == sorted(sections), f"{call_id}: prepared remarks come before qa"
        for section, speaker_types in SPEAKER_TYPES.items():
            assert {row["speaker_type"] for row in call if row["section"] == section} == speaker_types, call_id
        for row in call:
            assert row["speaker"], f"{call_id} turn {row['position']}"
            assert row["text"].strip(), f"{call_id} turn {row['position']}"
            assert row["role"] or row["speaker_type"] == "operator", f"{call_id} turn {row['position']}"
        analysts = {row["speaker"] for row in call if row["speaker_type"] == "analyst"}
        assert 2 <= len(analysts) <= 4, call_id


@pytest.mark.parametrize("quarter", QUARTERS)
def test_at_least_50_sentences_a_call(quarter: str) -> None:
    counts = {call_id: len(spoken_sentences(call)) for call_id, call in calls(quarter).items()}

    assert {call_id: n for call_id, n in counts.items() if n < 50} == {}


def test_no_long_sentence_is_in_two_calls() -> None:
    said_in: dict[str, set[str]] = defaultdict(set)
    for quarter in QUARTERS:
        for call_id, call in calls(quarter).items():
            for sentence in spoken_sentences(call):
                words = re.findall(r"\w+", sentence.lower())
                if len(words) > 6:
                    said_in[" ".join(words)].add(call_id)

    assert {sentence: ids for sentence, ids in said_in.items() if len(ids) > 1} == {}


@pytest.mark.parametrize("quarter", QUARTERS)
def test_at_least_six_themes_are_shared_by_several_firms(quarter: str) -> None:
    assert len(theme_names(quarter)) >= 6
    for theme in themes()[quarter]:
        carriers = theme["firms"]
        assert isinstance(carriers, list)
        assert 4 <= len(set(carriers)) <= 8, theme["theme"]
        assert set(carriers) <= firms(quarter), theme["theme"]


def test_two_themes_appear_and_two_fade_in_the_second_quarter() -> None:
    first, second = theme_names("2023Q1"), theme_names("2023Q2")

    assert second - first == {"Generative AI adoption", "Regional-bank stress and tighter credit"}
    assert first - second == {"Higher interest rates and refinancing", "Energy costs in Europe"}


@pytest.mark.parametrize("quarter", QUARTERS)
def test_every_carrier_of_a_theme_speaks_of_it(quarter: str) -> None:
    words_of_firm = {call[0]["firm_id"]: " ".join(spoken_sentences(call)).lower() for call in calls(quarter).values()}

    for theme in themes()[quarter]:
        keywords, carriers = theme["keywords"], theme["firms"]
        assert isinstance(keywords, list)
        assert isinstance(carriers, list)
        for firm_id in carriers:
            hits = re.findall("|".join(rf"\b{keyword}" for keyword in keywords), words_of_firm[firm_id])
            assert len(hits) >= 4, f"{firm_id}: {theme['theme']}"


def test_new_themes_are_absent_from_the_first_quarter() -> None:
    everything = " ".join(row["text"] for call in calls("2023Q1").values() for row in call)

    assert re.findall(r"\bAI\b|language model|chatbot|bank failure", everything) == []


def test_the_readme_names_every_firm_and_theme() -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")

    names = {firm for quarter in QUARTERS for firm in firms(quarter) | theme_names(quarter)}
    assert {name for name in names if name not in readme} == set()
