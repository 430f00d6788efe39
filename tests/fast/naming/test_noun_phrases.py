"""Noun phrases of all sentences of a quarter at once."""

from __future__ import annotations

import numpy as np
import pytest

from cloud.src.naming.noun_phrases import NounPhrases, noun_phrases

TEXTS = [
    "The supply chain is under pressure, and our inventory levels rose.",
    "We saw supply chain constraints in the inventory.",
    "Our supply chain constraints hurt the EBITDA, and the inventory is safe.",
    "The Chinese government and the Chinese market matter to our EBITDA.",
    "In New York the COVID-19 testing began, and we keep ensuring safe stores.",
    "From New York comes the testing, by ensuring the stores are safe.",
    "The stores of New York are safe, and the testing in COVID-19 times goes on.",
]
FIRMS = np.array([0, 1, 2, 0, 1, 2, 3])


@pytest.fixture(scope="module")
def phrases() -> NounPhrases:
    return noun_phrases(TEXTS, FIRMS, min_firms=2)


def test_phrases_are_written_as_usual(phrases: NounPhrases) -> None:
    assert {"Supply Chain", "Supply Chain Constraints", "Inventory", "EBITDA", "COVID-19", "Stores"} <= set(
        phrases.names
    )


def test_each_sentence_counts_a_phrase_once(phrases: NounPhrases) -> None:
    twice = noun_phrases(["The stores and the stores.", "The stores."], np.array([0, 1]), min_firms=2)

    said = dict(zip(phrases.names, np.asarray(phrases.said.sum(axis=0)).ravel(), strict=True))
    assert said["Supply Chain"] == 3
    assert twice.said.toarray().tolist() == [[1.0], [1.0]]


def test_what_too_few_firms_say_is_left_out(phrases: NounPhrases) -> None:
    assert not any("Government" in name for name in phrases.names)
    assert "Chinese Government" in noun_phrases(TEXTS, FIRMS, min_firms=1).names


def test_adjectives_and_verbs_end_no_phrase(phrases: NounPhrases) -> None:
    last_words = {name.split()[-1] for name in phrases.names}

    assert "Testing" in last_words
    assert not {"Safe", "Ensuring", "Rose"} & last_words


def test_what_needs_another_word_does_not_stand_alone(phrases: NounPhrases) -> None:
    alone = {name for name, stands in zip(phrases.names, phrases.stands_alone, strict=True) if stands}

    assert {"Supply Chain", "Inventory", "Testing"} <= alone
    assert not {"Chain", "Chinese", "York"} & alone


def test_no_sentences() -> None:
    found = noun_phrases([], np.zeros(0, dtype=np.int64), min_firms=2)

    assert found.names == []
    assert found.said.shape == (0, 0)


def test_what_is_counted_is_named_in_the_plural() -> None:
    texts = ["The acquisition closed.", "An acquisition, the acquisition.", "Our acquisitions grew."]

    assert noun_phrases(texts * 2, np.array([0, 1, 2] * 2), min_firms=2).names == ["Acquisitions"]


def test_the_end_of_a_longer_phrase_does_not_stand_alone() -> None:
    texts = ["The mobile digit growth was good.", "The cloudy digit growth came.", "The wireless digit growth went."]

    found = noun_phrases(texts, np.arange(3), min_firms=3)

    alone = {name for name, stands in zip(found.names, found.stands_alone, strict=True) if stands}
    assert "Digit Growth" in found.names
    assert "Digit Growth" not in alone
