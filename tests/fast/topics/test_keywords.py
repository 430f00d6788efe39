from __future__ import annotations

from math import log

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from cloud.src.topics.keywords import (
    N_KEYWORDS,
    N_KEYWORDS_SAID_ONCE,
    c_tf_idf,
    n_content_words,
    terms,
    topic_keywords,
)


def test_c_tf_idf_is_the_formula_of_the_paper() -> None:
    # Two topics of 3 and 4 terms: A = 3.5. The terms occur f = 2, 2 and 3 times.
    counts = csr_matrix([[2, 1, 0], [0, 1, 3]])

    weights = c_tf_idf(counts).toarray()

    expected = [
        [2 / 3 * log(1 + 3.5 / 2), 1 / 3 * log(1 + 3.5 / 2), 0],
        [0, 1 / 4 * log(1 + 3.5 / 2), 3 / 4 * log(1 + 3.5 / 3)],
    ]
    np.testing.assert_allclose(weights, expected, rtol=1e-12)


def test_a_topic_without_terms_has_no_weights() -> None:
    assert c_tf_idf(csr_matrix([[2, 1], [0, 0]])).toarray()[1].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Freight rates fell.", ["freight", "rates", "freight rates", "fell", "rates fell", "freight rates fell"]),
        ("The rates of the freight", ["rates", "freight"]),  # no pair across stop words
        ("Freight\nRates", ["freight", "rates"]),  # nor across sentences
        ("COVID-19 and R&D", ["covid-19", "r&d"]),
        ("Acme\u2019s margin", ["acme", "margin", "acme margin"]),
        ("We don\u2019t, we can't", []),
        ("In 2023 we had 5 x", []),
        ("5G and 3D", ["5g", "3d"]),
        ("5G-enabled phones", ["5g", "enabled", "5g enabled", "phones", "enabled phones", "5g enabled phones"]),
        ("In 4Q, 2x, 15g, 1st, 780G, 5GB, 9g, 2.5D, 2.5G, 1,5G", []),  # figures
        ("So, Steve, thank you very much.", []),
        ("Steve's freight", ["freight"]),
        ("", []),
    ],
)
def test_terms(sentence: str, expected: list[str]) -> None:
    assert terms(sentence, frozenset({"steve"})) == expected


@pytest.mark.parametrize(
    ("sentence", "n_words"),
    [
        ("Freight rates fell.", 3),
        ("Look, it's a great question on costs, Steve.", 1),
        ("Thank you, Steve.", 0),
        ("", 0),
    ],
)
def test_content_words_are_words_and_not_pairs(sentence: str, n_words: int) -> None:
    assert n_content_words(sentence, frozenset({"steve"})) == n_words


def test_keywords_tell_topics_apart() -> None:
    freight = "Ocean freight fell.\nAir freight fell too.\nFreight contracts"
    wages = "Wages fell.\nWages of engineers\nEngineers fell"

    of_freight, of_wages = topic_keywords([freight, wages])

    assert of_freight[0] == "freight"
    assert set(of_wages[:2]) == {"wages", "engineers"}
    # What both say is the last of what they say more than once.
    assert of_wages.index("fell") == 2


def test_names_on_the_call_are_not_keywords() -> None:
    said = "Steve likes freight.\nSteve ships freight."

    assert "steve" in topic_keywords([said])[0]
    assert "steve" not in " ".join(topic_keywords([said], frozenset({"steve"}))[0])


def test_a_word_and_its_pair_are_not_both_kept() -> None:
    of_supply_chain, of_others = topic_keywords(["Supply chain\nSupply chain", "Supply\nSupply\nChain\nChain"])

    assert of_supply_chain == ["supply chain"]  # the words are said elsewhere too
    assert of_others == ["supply", "chain"]


@pytest.mark.parametrize("documents", [["The and of."], ["The and of.", "Freight freight"], [""], []])
def test_a_topic_of_stop_words_has_no_keywords(documents: list[str]) -> None:
    keywords = topic_keywords(documents)

    assert len(keywords) == len(documents)
    assert keywords[:1] in ([[]], [])


def sentences(*words: str) -> str:
    return "\n".join(words)


TWICE = ["freight", "wages", "tariffs", "copper", "cloud", "drilling", "housing", "autos", "dairy"]
ONCE = ["beef", "steel", "chips", "rail", "ports", "mining"]


@pytest.mark.parametrize(
    ("n_twice", "n_once", "n_of_twice", "n_of_once"),
    [
        (9, 6, N_KEYWORDS, 0),
        (5, 6, 5, 0),
        (4, 6, 4, 0),
        (3, 6, 3, 1),
        (0, 6, 0, N_KEYWORDS_SAID_ONCE),
        (0, 2, 0, 2),
    ],
)
def test_terms_said_once_only_fill_up_to_four(n_twice: int, n_once: int, n_of_twice: int, n_of_once: int) -> None:
    said = sentences(*ONCE[:n_once], *TWICE[:n_twice], *TWICE[:n_twice])

    [keywords] = topic_keywords([said])

    assert set(keywords[:n_of_twice]) <= set(TWICE)
    assert keywords[n_of_twice:] == ONCE[:n_of_once]
    assert len(keywords) == n_of_twice + n_of_once


def test_near_duplicates_come_after_different_keywords() -> None:
    said = sentences(*["tariff"] * 5, *["tariffs"] * 5, *["steel"] * 4)

    assert topic_keywords([said]) == [["tariff", "steel", "tariffs"]]
