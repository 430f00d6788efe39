from __future__ import annotations

import pytest

from cloud.src.naming.ask import (
    TopicToName,
    keyword_description,
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
        (["work from home", "back-to-office", "it"], "Work from Home / Back-to-office / IT"),
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
    ("theme", "description"),
    [
        (TopicToName(["freight", "ocean", "fuel", "rates"], ["It fell."]), "Firms talk about freight, ocean and fuel."),
        (TopicToName(["freight", "ocean\nfreight", "fuel"], []), "Firms talk about ocean freight and fuel."),
        (TopicToName(["freight"], []), "Firms talk about freight."),
        (TopicToName([], ["Fuel fell."]), "Firms talk about the same subject."),
    ],
)
def test_keyword_description(theme: TopicToName, description: str) -> None:
    assert keyword_description(theme) == description


def test_names_without_an_llm() -> None:
    topic = TopicToName(["freight"], ["Rates came down."])

    assert (topic_by_keywords(topic).text, topic_by_keywords(topic).method) == ("Freight", "keywords")
    assert topic_by_keywords(topic).description == ""
    assert theme_by_keywords(topic).description.startswith("Firms talk about freight")
