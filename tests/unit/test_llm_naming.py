from __future__ import annotations

import pytest

from cloud.src.llm.naming import (
    TopicToName,
    extractive_description,
    keyword_label,
    theme_by_keywords,
    topic_by_keywords,
)


@pytest.mark.parametrize(
    ("keywords", "label"),
    [
        (["freight", "logistics", "ocean", "fuel"], "Freight / Logistics / Ocean"),
        (["price", "price increases", "volume", "elasticity"], "Price Increases / Volume / Elasticity"),
        (["fda", "covid", "fda"], "FDA / COVID"),
        (["work from home", "back-to-office"], "Work From Home / Back-to-office"),
        (["a" * 30, "b" * 30], "A" + "a" * 29),
        (["word " * 12, "short"], "Word Word Word Word Word Word Word Word Word"),
        (["x" * 60], "X" + "x" * 47),
        ([], "Other"),
    ],
)
def test_keyword_label(keywords: list[str], label: str) -> None:
    assert keyword_label(keywords) == label
    assert len(label) <= 48


@pytest.mark.parametrize(
    ("topic", "description"),
    [
        (
            TopicToName(["freight", "ocean", "fuel", "rates"], ["Rates\ncame  down.", "Fuel rose."]),
            "Firms talk about freight, ocean, fuel, for example: “Rates came down.”",
        ),
        (TopicToName(["freight"], []), "Firms talk about freight."),
        (TopicToName([], ["Rates came down."]), "Firms talk about the same subject, for example: “Rates came down.”"),
    ],
)
def test_extractive_description(topic: TopicToName, description: str) -> None:
    assert extractive_description(topic) == description


def test_names_without_an_llm() -> None:
    topic = TopicToName(["freight"], ["Rates came down."])

    assert (topic_by_keywords(topic).text, topic_by_keywords(topic).method) == ("Freight", "keywords")
    assert topic_by_keywords(topic).description == ""
    assert theme_by_keywords(topic).description.startswith("Firms talk about freight")
