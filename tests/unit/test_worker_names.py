"""The guard of names by the LLM: a name that is not about its topic gives way to keywords."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud.src.llm.naming import TopicToName
from cloud.src.llm.xai_client import Answer, LlmBadAnswer, LlmClient, LlmUnavailable
from cloud.src.worker.embeddings import Vectors, unit
from cloud.src.worker.names import KeywordNamer, LlmNamer, Namer
from tests.unit.worker_quarter import embedder

SENTENCES = [
    "Ocean freight rates came down from their peak.",
    "Container freight from Asia is cheaper than a year ago.",
    "Port congestion has eased and shipping costs fell.",
]
FREIGHT = TopicToName(["freight", "ocean freight", "ports"], SENTENCES)
NEAR, FAR = "Falling ocean freight rates", "Oncology drug trials"


class ScriptedLlm(LlmClient):
    """Answers each request with the next title, or raises it."""

    def __init__(self, *titles: str | Exception) -> None:
        super().__init__("http://127.0.0.1:9/v1", "scripted", max_concurrent=1)
        self._titles = list(titles)

    def ask(self, chat: list[dict[str, str]], answer_type: type[Answer], max_tokens: int) -> Answer:
        title = self._titles.pop(0)
        if isinstance(title, Exception):
            raise title
        answer: dict[str, Any] = {"title": title}
        if "description" in answer_type.model_fields:
            answer["description"] = f"Firms on {title}."
        return answer_type.model_validate_json(json.dumps(answer))


def centroids(n_topics: int) -> Vectors:
    return unit(embedder().embed(SENTENCES).mean(axis=0, keepdims=True)).repeat(n_topics, axis=0)


def test_a_near_name_stays_and_a_far_one_gives_way_to_keywords() -> None:
    namer = LlmNamer(ScriptedLlm(NEAR, FAR, NEAR), embedder())

    names = namer.name_topics([FREIGHT] * 3, centroids(3))

    assert [(name.text, name.method) for name in names] == [
        (NEAR, "llm"),
        ("Ocean Freight / Ports", "keywords"),
        (NEAR, "llm"),
    ]


def test_themes_are_guarded_with_their_descriptions() -> None:
    near, far = LlmNamer(ScriptedLlm(NEAR, FAR), embedder()).name_themes([FREIGHT] * 2, centroids(2))

    assert (near.text, near.method, near.description) == (NEAR, "llm", f"Firms on {NEAR}.")
    assert (far.text, far.method) == ("Ocean Freight / Ports", "keywords")
    assert FAR not in far.description
    assert far.description.startswith("Firms talk about freight, ocean freight and ports")


def test_a_name_by_keywords_is_kept_however_far() -> None:
    odd_keywords = TopicToName(["oncology", "trials"], SENTENCES)

    [name] = LlmNamer(ScriptedLlm(LlmBadAnswer("no title")), embedder()).name_topics([odd_keywords], centroids(1))

    assert (name.text, name.method) == ("Oncology / Trials", "keywords")


def test_an_outage_passes_through() -> None:
    namer = LlmNamer(ScriptedLlm(NEAR, LlmUnavailable("down")), embedder())
    with pytest.raises(LlmUnavailable, match="down"):
        namer.name_topics([FREIGHT] * 2, centroids(2))


@pytest.mark.parametrize("namer", [KeywordNamer(), LlmNamer(ScriptedLlm(), embedder())])
def test_nothing_to_name(namer: Namer) -> None:
    assert namer.name_topics([], centroids(0)) == []
    assert namer.name_themes([], centroids(0)) == []


def test_keyword_namer_names_both() -> None:
    [topic] = KeywordNamer().name_topics([FREIGHT], centroids(1))
    [theme] = KeywordNamer().name_themes([FREIGHT], centroids(1))

    assert (topic.text, topic.method, topic.description) == ("Ocean Freight / Ports", "keywords", "")
    assert (theme.text, theme.method) == ("Ocean Freight / Ports", "keywords")
    assert theme.description
