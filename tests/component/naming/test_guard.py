"""Is a name about its topic? With the real embeddings of a firm that talks of three things."""

from __future__ import annotations

import numpy as np
import pytest

from cloud.src.models.embeddings import Vectors, unit
from cloud.src.naming import guard
from cloud.src.naming.guard import DUPLICATE, NEARER_TO_ANOTHER, OFF_TOPIC, judge, sameness
from tests.component.worker_quarter import embedder

TOPICS = [
    ["Ocean freight rates came down from their peak.", "Container freight from Asia is cheaper than a year ago."],
    ["Trucking rates rose with diesel.", "Road freight in the U.S. is expensive, as drivers are scarce."],
    ["The trial met its primary endpoint.", "We filed the oncology drug for approval with the regulator."],
]
OCEAN, TRUCKS, DRUG = range(3)


def centroids() -> Vectors:
    return np.stack([unit(embedder().embed(sentences).mean(axis=0)) for sentences in TOPICS])


def case_of(name: str, topic: int) -> str:
    return judge(name, embedder().embed([name])[0], topic, centroids(), " ".join(TOPICS[topic])).case


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("Ocean Freight Rates", OCEAN),
        ("Cheaper Containers from Asia", OCEAN),
        ("Trucking Rates and Diesel", TRUCKS),
        ("Oncology Drug Approval", DRUG),
    ],
)
def test_names_that_fit(name: str, topic: int) -> None:
    assert case_of(name, topic) == ""


@pytest.mark.parametrize(
    ("name", "topic", "case"),
    [
        ("Oncology Drug Approval", OCEAN, OFF_TOPIC),
        ("Loyalty Program Members", OCEAN, OFF_TOPIC),
        ("Freight Rates from Asia", TRUCKS, NEARER_TO_ANOTHER),
        ("Trucking Freight Rates", OCEAN, NEARER_TO_ANOTHER),
    ],
)
def test_names_that_do_not(name: str, topic: int, case: str) -> None:
    assert case_of(name, topic) == case


def test_every_refusal_tells_the_model_what_to_do() -> None:
    for case in (OFF_TOPIC, NEARER_TO_ANOTHER, DUPLICATE):
        verdict = guard.refused(0.5, case)
        assert (verdict.score, verdict.case) == (0.5, case)
        assert "sentences" in verdict.reason


def test_a_topic_that_is_alone_has_nothing_nearer() -> None:
    vector = embedder().embed(["Ocean Freight Rates"])[0]
    similarity, margin = guard.nearness(vector, 0, centroids()[:1])

    assert similarity > 0.5
    assert margin == pytest.approx(similarity + 1)


def test_words_that_are_said_raise_the_score() -> None:
    vector = embedder().embed(["Ocean Freight Rates"])[0]
    said, unsaid = (
        judge("Ocean Freight Rates", vector, OCEAN, centroids(), text) for text in (TOPICS[0][0], "Nothing.")
    )

    assert said.score == pytest.approx(unsaid.score + guard.WEIGHT_OF_SAID)


def test_sameness() -> None:
    assert sameness("Awards and Contracts") == sameness("Contract Award")
    assert sameness("Awards and Contracts") != sameness("Awards")


def test_the_best_label_comes_first_and_none_is_first_twice() -> None:
    labels = [
        ["Road Drivers", "Ocean Freight Rates", "Ocean Freight"],
        ["Ocean Freight", "Freight Rates", "Diesel for Trucking"],
        [],
    ]

    ordered = guard.best_first(labels, centroids(), embedder())

    assert [of_topic[:1] for of_topic in ordered] == [["Ocean Freight Rates"], ["Diesel for Trucking"], []]
    assert [sorted(of_topic) for of_topic in ordered] == [sorted(of_topic) for of_topic in labels]


def test_a_taken_label_is_not_first_for_another_topic() -> None:
    labels = [["Ocean Freight"], ["Freights of the Ocean", "Diesel Trucks"], ["Ocean Freight", "Oncology Drug"]]

    ordered = guard.best_first(labels, centroids(), embedder())

    assert [of_topic[0] for of_topic in ordered] == ["Ocean Freight", "Diesel Trucks", "Oncology Drug"]


def test_nothing_to_order() -> None:
    assert guard.best_first([], centroids(), embedder()) == []
