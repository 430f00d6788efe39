"""The weighted log-odds ratio, held against the formula of Monroe et al. (2008) written out."""

from __future__ import annotations

import math

import numpy as np

from cloud.src.themes.dictionary import PRIOR, weighted_log_odds


def test_log_odds_are_those_of_the_paper() -> None:
    n, in_theme, with_phrase, both = 60_000, 200, 300, 90
    prior = PRIOR * with_phrase / n
    inside = (both + prior) / (in_theme + PRIOR - both - prior)
    outside = (with_phrase - both + prior) / (n - in_theme + PRIOR - (with_phrase - both) - prior)
    variance = 1 / (both + prior) + 1 / (with_phrase - both + prior)
    expected = (math.log(inside) - math.log(outside)) / math.sqrt(variance)

    [found] = weighted_log_odds(np.array([both]), np.array([with_phrase]), np.array([in_theme]), n)

    assert math.isclose(found, expected, abs_tol=1e-5)


def test_a_phrase_as_common_inside_as_outside_tells_nothing() -> None:
    [found] = weighted_log_odds(np.array([10]), np.array([500]), np.array([200]), 10_000)
    assert abs(found) < 0.1


def test_rare_phrases_are_less_certain_than_common_ones() -> None:
    [rare, common] = weighted_log_odds(np.array([4, 80]), np.array([5, 100]), np.array([200, 200]), 10_000)
    assert rare < common
