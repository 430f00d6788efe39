"""The order of themes: by breadth, distinctiveness, fit of the name and stability; general ones come last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cloud.src.themes.near_duplicates import shared_words
from cloud.src.themes.rank import Measures, order, similarities_to_any_call

USUAL = Measures(share_of_firms=0.5, share_of_sentences=0.1, similarity_to_any_call=0.4, name_fit=0.6, stability=0.8)


@pytest.mark.parametrize(
    "worse",
    [
        {"share_of_firms": 0.4},
        {"share_of_sentences": 0.09},
        {"similarity_to_any_call": 0.5},
        {"name_fit": 0.5},
        {"stability": 0.7},
        # However many firms have it, what is said on every call comes last.
        {"similarity_to_any_call": 0.75, "share_of_firms": 1.0, "share_of_sentences": 0.9},
        # And so does what has no phrase that many firms say.
        {"has_subject": False, "share_of_firms": 1.0, "share_of_sentences": 0.9},
    ],
    ids=lambda worse: next(iter(worse)),
)
def test_the_better_theme_comes_first(worse: dict[str, Any]) -> None:
    assert order([replace(USUAL, **worse), USUAL]) == [1, 0]
    assert order([USUAL, replace(USUAL, **worse)]) == [0, 1]


def test_of_equal_themes_the_first_comes_first() -> None:
    assert order([USUAL, USUAL, USUAL]) == [0, 1, 2]


def test_small_themes_of_a_large_quarter_are_told_apart() -> None:
    small = replace(USUAL, share_of_firms=30 / 5_000, share_of_sentences=60 / 1_800_000, name_fit=0.1)
    smaller = replace(small, share_of_sentences=59 / 1_800_000)
    assert order([smaller, small]) == [1, 0]


def test_no_themes_have_no_order() -> None:
    assert order([]) == []


def test_the_score_is_what_it_says() -> None:
    assert USUAL.score == pytest.approx((0.5 * 0.1) ** 0.5 * 0.6 * 0.6 * 0.8)
    assert replace(USUAL, stability=None).score == pytest.approx((0.5 * 0.1) ** 0.5 * 0.6 * 0.6)
    assert USUAL.distinctiveness == 0.6
    assert not USUAL.is_general


def test_similarity_is_to_the_nearest_kind() -> None:
    any_call = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    means = np.array([[0.6, 0.8], [1.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(similarities_to_any_call(means, any_call), [0.8, 1.0])


def test_shared_words_count_once_per_topic_and_in_pairs() -> None:
    keywords = [["supply chain", "chain"], ["supply", "chain"], ["supply", "freight"]]

    assert shared_words(keywords, 3) == [("supply", 3 / 3), ("chain", 2 / 3)]
    assert shared_words([[], []], 3) == []
