"""Names from questions to a server and back: good answers, bad ones, and a server that is away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.errors import LlmMisconfigured
from cloud.src.models import packaged_models
from cloud.src.naming.ask import Name, TopicToName
from tests.integration.fake_llm import Reply, fails, fake_llm, says
from tests.integration.llm.naming_peer import name_themes, name_topics

FREIGHT = TopicToName(
    ["freight", "ocean", "rates"], ["Ocean freight rates came down.", "We found new ocean carriers."], ["Ocean Freight"]
)
THEME = TopicToName(["freight", "ocean", "rates"], FREIGHT.examples)
THEME_DESCRIPTION = "Firms talk about freight, ocean and rates."


def answers(title: str, **more: Any) -> Reply:
    return says(json.dumps({"title": title, **more}))


def test_a_topic_by_the_llm() -> None:
    with fake_llm(answers("ocean freight rates.")) as llm:
        named = name_topics(llm.base_url, [FREIGHT])

    assert named.names == [Name("Ocean Freight Rates", "llm")]
    assert named.tally["named by llm"] == named.tally["answers"] == 1


@pytest.mark.parametrize(
    ("reply", "because", "refused"),
    [
        (says("no JSON"), "not the form asked for", ()),
        (answers(""), "against the rules", ()),
        (answers("12 - 34"), "against the rules", ("12 - 34",) * 3),
        (answers("We are going to see a lot of it"), "against the rules", ("We Are Going to See a Lot of IT",) * 3),
        (answers("Oncology Drug Trials"), "repeated", ("Oncology Drug Trials",) * 3),
        (says('{"title": "Ocean', finish_reason="length"), "cut off", ()),
        (says(None), "empty", ()),
        (fails(400), "refused", ()),
    ],
)
def test_a_topic_without_a_usable_answer(reply: Reply, because: str, refused: tuple[str, ...]) -> None:
    with fake_llm(reply) as llm:
        named = name_topics(llm.base_url, [FREIGHT])

    assert named.names == [Name("Ocean Freight", "keywords", because=because, refused=refused)]
    assert named.tally[f"named by keywords: {because}"] == 1


def test_an_outage_is_a_reason_of_its_own() -> None:
    with fake_llm(answers("Ocean Freight Rates"), failure=fails(503)) as llm:
        topics = name_topics(llm.base_url, [FREIGHT], outage_limit_s=0.1)
        themes = name_themes(llm.base_url, [THEME], outage_limit_s=0.1)

    assert topics.names == [Name("Ocean Freight", "keywords", because="outage")]
    assert themes.names == [Name("Freight / Ocean / Rates", "keywords", THEME_DESCRIPTION, "outage")]
    assert llm.requests == []


def test_a_wrong_key_is_not_met_with_keywords() -> None:
    with fake_llm(failure=fails(401)) as llm, pytest.raises(LlmMisconfigured, match="it answers 401"):
        name_topics(llm.base_url, [FREIGHT])


def test_a_theme_has_a_description() -> None:
    with fake_llm(answers("Ocean Freight Rates", description=" Firms talk about rates\nof ocean  carriers. ")) as llm:
        [name] = name_themes(llm.base_url, [THEME]).names

    assert (name.text, name.method) == ("Ocean Freight Rates", "llm")
    assert name.description == "Firms talk about rates of ocean carriers."


@pytest.mark.parametrize(
    "description", ["Ocean rates fell. " * 3, "Ocean rates will fall because demand for toys is weak.", "Ocean rates"]
)
def test_descriptions_that_are_unsupported_or_missing_are_replaced(description: str) -> None:
    with fake_llm(answers("Ocean Freight Rates", description=description)) as llm:
        assert name_themes(llm.base_url, [THEME]).names == [Name("Ocean Freight Rates", "llm", THEME_DESCRIPTION)]


def test_a_theme_with_an_empty_description() -> None:
    with fake_llm(answers("Ocean Freight Rates", description=" ")) as llm:
        assert name_themes(llm.base_url, [THEME]).names == [Name("Ocean Freight Rates", "llm", THEME_DESCRIPTION)]


def test_the_packaged_model_is_not_asked_for_descriptions() -> None:
    with fake_llm(answers("Ocean Freight Rates")) as llm:
        [name] = name_themes(llm.base_url, [THEME], packaged_models.LLM).names

    assert name == Name("Ocean Freight Rates", "llm", THEME_DESCRIPTION)


def test_the_same_answers_come_from_the_book() -> None:
    book = AnswerBook()
    with fake_llm(answers("Oncology Drug Trials"), answers("Ocean Freight Rates")) as llm:
        named = name_topics(llm.base_url, [FREIGHT], book=book)
        llm.failure = fails(500)
        again = name_topics(llm.base_url, [FREIGHT], book=book)

    assert again.names == named.names == [Name("Ocean Freight Rates", "llm")]
    assert "requests" not in again.tally
    assert again.tally["from cache"] == named.tally["answers"] > 1
