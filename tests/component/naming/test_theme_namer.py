"""Names of families and themes by the LLM: families first, in order, within a stated time, each judged."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal

from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.xai_client import LlmClient
from cloud.src.models.embeddings import Vectors, unit
from cloud.src.naming.ask import GroupToName, ToName
from cloud.src.naming.namer import KeywordNamer, LlmNamer, NamesOfLevels
from cloud.src.naming.search import MAX_TRIES
from tests.component.worker_quarter import embedder
from tests.integration.fake_llm import FakeLlm, Reply, fails, fake_llm, says

FREIGHT = GroupToName(
    ["freight", "ocean freight", "port congestion"],
    ["Ocean freight rates came down.", "Container freight from Asia is cheaper.", "Port congestion has eased."],
    ["Freight", "Ocean Freight"],
)
PORTS = GroupToName(
    ["port congestion", "ports"],
    ["Port congestion has eased.", "The ports are less congested.", "Ships wait in front of the ports."],
    ["Freight", "Port Congestion"],
    family=0,
)
WAGES = GroupToName(
    ["wages", "wage inflation"],
    ["Wage inflation is easing.", "We raised wages for all hourly workers.", "Hiring at these wages is easier."],
    ["Wage Inflation", "Wages"],
    family=0,
)


def level(*groups: GroupToName) -> ToName:
    means: list[Vectors] = [unit(embedder().embed(list(group.sentences)).mean(axis=0)) for group in groups]
    return ToName(groups, np.array(means, dtype=np.float32).reshape(len(groups), embedder().dimensions))


def named(llm: FakeLlm, families: ToName, themes: ToName, **options: Any) -> tuple[NamesOfLevels, LlmNamer]:
    with start_blocking_portal() as portal:
        limit = options.pop("theme_limit_s", None)
        namer = LlmNamer(LlmClient(llm.base_url, "m", **options), embedder(), portal, limit)
        return namer.start_themes(families, themes, AnswerBook()).result(timeout=60), namer


def title(text: str) -> Reply:
    return says(json.dumps({"title": text, "description": ""}))


def last_turns(llm: FakeLlm) -> list[str]:
    return [request.body["messages"][-1]["content"] for request in llm.requests]


def test_families_are_asked_for_first_with_phrases_and_sentences() -> None:
    with fake_llm(title("Ocean Freight Rates"), title("Port Congestion"), title("Wage Inflation")) as llm:
        names, namer = named(llm, level(FREIGHT), level(PORTS, WAGES), max_concurrent=1)

    assert [name.text for name in names.families] == ["Ocean Freight Rates"]
    assert [(name.text, name.method) for name in names.themes] == [
        ("Port Congestion", "llm"),
        ("Wage Inflation", "llm"),
    ]
    first, second, third = last_turns(llm)
    assert "Ocean freight rates came down." in first
    assert "Phrases: freight, ocean freight, port congestion" in first
    assert "The ports are less congested." in second
    assert "Wage inflation is easing." in third
    assert namer.n_themes_named == 3


def test_names_out_of_time_come_from_keywords_and_count() -> None:
    with fake_llm(title("Ocean Freight Rates")) as llm:
        names, namer = named(llm, level(FREIGHT), level(PORTS, WAGES), theme_limit_s=0)

    assert llm.requests == []
    assert [name.text for name in names.families] == ["Freight"]
    assert [(name.text, name.because) for name in names.themes] == [
        ("Port Congestion", "not asked by plan"),
        ("Wage Inflation", "not asked by plan"),
    ]
    assert namer.tally()["named by keywords: not asked by plan"] == 3
    assert namer.n_themes_named == 3


def test_an_outage_counts_as_for_topics() -> None:
    with fake_llm(failure=fails(503)) as llm:
        names, namer = named(llm, level(FREIGHT), level(PORTS), outage_limit_s=0.1)

    assert [name.because for name in names.families + names.themes] == ["outage", "outage"]
    assert namer.tally()["named by keywords: outage"] == 2


@pytest.mark.parametrize(
    ("bad", "because"),
    [
        ("Oncology Drug Trials", "off topic"),
        ("Ocean Freight Rates", "duplicate"),  # its family's name
    ],
)
def test_the_guard_judges_the_names_of_themes(bad: str, because: str) -> None:
    with fake_llm(title("Ocean Freight Rates"), title(bad), title("Wage Inflation"), title(bad)) as llm:
        names, namer = named(llm, level(FREIGHT), level(PORTS, WAGES), max_concurrent=1)

    assert (names.themes[0].text, names.themes[0].method) == ("Port Congestion", "keywords")
    assert names.themes[0].because
    assert namer.tally()[f"asked again: {because}"] >= 1
    assert len(llm.requests) > 2 + MAX_TRIES


def test_keyword_names_are_unique_per_level_and_family() -> None:
    namer = KeywordNamer(embedder())

    names = namer.start_themes(level(FREIGHT), level(PORTS, WAGES), AnswerBook()).result()

    assert [name.text for name in names.families] == ["Freight"]
    assert [name.text for name in names.themes] == ["Port Congestion", "Wage Inflation"]
    assert names.themes[0].description == "Firms talk about port congestion and ports."
    assert namer.n_themes_named == 3


def test_nothing_to_name() -> None:
    names = KeywordNamer(embedder()).start_themes(level(), level(), AnswerBook()).result()

    assert names == NamesOfLevels([], [])
