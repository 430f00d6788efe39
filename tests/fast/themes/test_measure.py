"""Themes refined and counted on sentences, on a quarter whose themes are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from cloud.src.themes.measure import FittedThemes, Limits, Measured, Sentences, fit, invalid, measure, measure_fitted
from cloud.src.themes.phrases import repeated_phrases
from cloud.src.themes.refine import NO_THEME, membership
from tests.fast.themes.planted_quarter import DIMENSIONS, FIRMS, SUBJECTS, planted, rows_of

LIMITS = Limits(min_firms=2, max_firm_dominance=0.4)


def measured(sentences: Sentences) -> tuple[FittedThemes, Measured]:
    fitted = fit(sentences, len(SUBJECTS), LIMITS)
    return fitted, measure(fitted, sentences.vectors, sentences.texts)


def test_a_sentence_counts_for_its_subject_and_chatter_for_nothing() -> None:
    sentences, subjects = planted()
    fitted, counts = measured(sentences)

    assert len(fitted.family_of) == len(SUBJECTS)
    np.testing.assert_array_equal(counts.themes.sentence, np.flatnonzero(subjects != NO_THEME))
    np.testing.assert_array_equal(counts.themes.theme, subjects[subjects != NO_THEME])


def test_what_was_fitted_to_is_counted_like_any_other_sentences() -> None:
    sentences, _ = planted()
    fitted, counts = measured(sentences)
    again = measure_fitted(fitted, sentences)

    for one, other in ((counts.themes, again.themes), (counts.families, again.families)):
        for column in ("sentence", "theme", "similarity", "phrase"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))


def test_a_theme_knows_its_own_phrases() -> None:
    sentences, _ = planted()
    fitted, counts = measured(sentences)

    own = [{fitted.phrases[p] for p in np.flatnonzero(row)} for row in fitted.themes.dictionary.is_own.toarray()]
    for subject, phrases in zip(SUBJECTS, own, strict=True):
        assert phrases == {subject, *subject.split()}
    said = {fitted.phrases[phrase] for phrase in counts.themes.phrase}
    assert said <= set().union(*own)


def test_a_phrase_counts_where_the_vector_is_too_far() -> None:
    sentences, _ = planted()
    fitted = fit(sentences, len(SUBJECTS), LIMITS)
    rather_far = np.rint(45 * fitted.themes.centroids[:1] / 4000 + 90 * np.eye(1, DIMENSIONS, 40))
    vector = np.clip(rather_far + fitted.mean / 16, -127, 127).astype(np.int8)

    with_phrase = measure(fitted, vector, ["Then there is the supply chain"])
    without = measure(fitted, vector, ["Then there is that"])

    assert list(with_phrase.themes.theme) == [0]
    assert [fitted.phrases[phrase] for phrase in with_phrase.themes.phrase] == ["supply chain"]
    assert 0.2 <= with_phrase.themes.similarity[0] < 0.5
    assert list(without.themes.theme) == []


def test_one_sentence_may_count_for_two_themes() -> None:
    sentences, _ = planted()
    fitted = fit(sentences, len(SUBJECTS), LIMITS)
    both = np.rint(60 * (fitted.themes.centroids[:1] + fitted.themes.centroids[1:2]) / 4000 + fitted.mean / 16)

    counts = measure(fitted, np.clip(both, -127, 127).astype(np.int8), ["That"])

    assert list(counts.themes.theme) == [0, 1]


def test_parts_are_measured_as_the_whole() -> None:
    sentences, _ = planted()
    fitted, whole = measured(sentences)
    half = len(sentences.texts) // 2
    parts = [
        measure(fitted, sentences.vectors[part], sentences.texts[part]) for part in (slice(half), slice(half, None))
    ]
    for level in ("themes", "families"):
        together, first, second = (getattr(each, level) for each in (whole, *parts))
        np.testing.assert_array_equal(together.sentence, np.append(first.sentence, second.sentence + half))
        for column in ("theme", "similarity", "phrase"):
            expected = np.append(getattr(first, column), getattr(second, column))
            np.testing.assert_array_equal(getattr(together, column), expected)


def test_the_order_of_firms_makes_no_difference() -> None:
    sentences, _ = planted()
    firms = np.random.default_rng(1).permutation(FIRMS)
    rows = np.concatenate([np.flatnonzero(sentences.firms == firm) for firm in firms])

    fitted, counts = measured(sentences)
    other_fitted, other = measured(rows_of(sentences, rows))

    np.testing.assert_array_equal(fitted.themes.centroids, other_fitted.themes.centroids)
    np.testing.assert_array_equal(fitted.family_of, other_fitted.family_of)
    found = set(zip(rows[other.themes.sentence], other.themes.theme, other.themes.similarity, strict=True))
    assert found == set(zip(counts.themes.sentence, counts.themes.theme, counts.themes.similarity, strict=True))


def test_what_counts_for_a_theme_counts_for_its_family() -> None:
    sentences, _ = planted()
    fitted, counts = measured(sentences)

    of_families = set(zip(counts.families.sentence, counts.families.theme, strict=True))
    assert set(zip(counts.themes.sentence, fitted.family_of[counts.themes.theme], strict=True)) <= of_families
    assert len(of_families) == len(counts.families.sentence)


def test_a_theme_without_a_phrase_of_its_own_is_dropped() -> None:
    sentences, subjects = planted()
    texts = [f"word{row}" if subjects[row] == 0 else text for row, text in enumerate(sentences.texts)]
    fitted = fit(replace(sentences, texts=texts, phrases=repeated_phrases(texts)), len(SUBJECTS), LIMITS)

    assert len(fitted.family_of) == len(SUBJECTS) - 1


def test_a_theme_that_runs_the_call_is_dropped() -> None:
    sentences, subjects = planted()

    fitted = fit(replace(sentences, is_procedural=subjects == 2), len(SUBJECTS), LIMITS)

    assert len(fitted.family_of) == len(SUBJECTS) - 1


def test_a_theme_that_was_found_twice_is_one() -> None:
    sentences, subjects = planted()
    twice = np.where((subjects == 0) & (sentences.firms % 2 == 0), len(SUBJECTS), sentences.seeds)

    fitted = fit(replace(sentences, seeds=twice), len(SUBJECTS) + 1, LIMITS)

    assert len(fitted.family_of) == len(SUBJECTS)


@pytest.mark.parametrize(
    ("firms", "is_own", "dropped"),
    [
        ([0, 0, 1, 1, 2], True, []),
        ([0, 0, 0, 1, 1], True, [0]),  # firm 0 has three of five
        ([0, 0], True, [0]),
        ([0, 1, 2], False, [0]),
    ],
    ids=["valid", "one firm's", "one firm only", "no phrase"],
)
def test_validity(firms: list[int], is_own: bool, dropped: list[int]) -> None:
    members = membership(np.zeros(len(firms), dtype=np.int64), 1)
    assert list(invalid(members, np.array(firms), sp.csr_matrix(np.array([[is_own]])), LIMITS)) == dropped


def test_a_family_goes_with_its_last_theme() -> None:
    sentences, _ = planted()
    fitted = fit(sentences, len(SUBJECTS), LIMITS)
    gone = np.flatnonzero(fitted.family_of == fitted.family_of[0])

    left = fitted.without(gone)

    assert len(left.families.centroids) == len(fitted.families.centroids) - 1
    assert len(left.family_of) == len(left.themes.centroids) == len(SUBJECTS) - len(gone)


def test_a_quarter_without_seeds_has_no_themes() -> None:
    sentences, _ = planted()
    nothing = replace(sentences, seeds=np.full(len(sentences.texts), NO_THEME))
    fitted = fit(nothing, 0, LIMITS)

    assert len(fitted.family_of) == len(measure(fitted, nothing.vectors, nothing.texts).families.sentence) == 0
