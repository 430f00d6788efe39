"""A quarter measured part by part: counts, examples, topics' themes, and what is dropped on the way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cloud.src.themes.measure import Limits, fit
from cloud.src.themes.refine import NO_THEME
from cloud.src.worker.measure_quarter import N_EXAMPLES, MeasuredQuarter, measure_quarter
from cloud.src.worker.quarter_sentences import SpokenPart
from tests.fast.themes.planted_quarter import FIRMS, SENTENCES_PER_SUBJECT, SUBJECTS, planted

LIMITS = Limits(min_firms=2, max_firm_dominance=0.4)
N_TOPICS = FIRMS * len(SUBJECTS)


def parts(n_parts: int) -> Iterator[SpokenPart]:
    """The planted quarter: in each firm a topic per subject, whose last sentence is in no topic."""
    sentences, subjects = planted()
    topics = np.where(sentences.seeds != NO_THEME, sentences.firms * len(SUBJECTS) + subjects, -1)
    for firms in np.array_split(np.arange(FIRMS), n_parts):
        rows = np.flatnonzero(np.isin(sentences.firms, firms))
        yield SpokenPart(
            rows=np.arange(len(rows)),
            vectors=sentences.vectors[rows],
            texts=[sentences.texts[int(row)] for row in rows],
            sentence_ids=[f"{sentences.firms[row]:03d}_{row:04d}" for row in rows],
            firms=sentences.firms[rows],
            calls=[f"call {sentences.firms[row]}" for row in rows],
            topics=topics[rows],
            speakers=[None for _ in rows],
        )


def measured(n_parts: int, limits: Limits = LIMITS) -> MeasuredQuarter:
    fitted = fit(planted()[0], len(SUBJECTS), LIMITS)
    sizes = np.full(N_TOPICS, SENTENCES_PER_SUBJECT - 1)
    return measure_quarter(lambda: parts(n_parts), fitted, limits, FIRMS, sizes)


def test_each_firm_speaks_of_each_subject() -> None:
    quarter = measured(3)
    np.testing.assert_array_equal(quarter.themes.n_firms, FIRMS)
    np.testing.assert_array_equal(quarter.themes.firms, SENTENCES_PER_SUBJECT)
    assert quarter.n_sentences == len(planted()[0].texts)
    assert quarter.families.n_sentences.sum() >= quarter.themes.n_sentences.sum()


@pytest.mark.parametrize("n_parts", [1, 5, FIRMS])
def test_parts_make_no_difference(n_parts: int) -> None:
    one, other = measured(2), measured(n_parts)
    np.testing.assert_array_equal(one.themes.firms, other.themes.firms)
    np.testing.assert_array_equal(one.theme_of_topic, other.theme_of_topic)
    assert one.themes.examples == other.themes.examples
    assert one.families.examples == other.families.examples


def test_a_theme_is_shown_by_different_firms_nearest_sentences() -> None:
    for subject, examples in enumerate(measured(4).themes.examples):
        assert len({example.sentence_id.split("_")[0] for example in examples}) == N_EXAMPLES
        similarities = [example.similarity for example in examples]
        assert similarities == sorted(similarities, reverse=True)
        assert all(SUBJECTS[subject] in example.text for example in examples)


def test_a_topic_is_in_the_theme_of_its_sentences() -> None:
    np.testing.assert_array_equal(measured(2).theme_of_topic, np.tile(np.arange(len(SUBJECTS)), FIRMS))


def test_themes_that_are_valid_on_the_sample_only_are_dropped() -> None:
    none = measured(2, Limits(min_firms=FIRMS + 1, max_firm_dominance=0.4))
    assert len(none.fitted.family_of) == none.fitted.n_families == 0
    assert set(none.theme_of_topic) == {NO_THEME}
    assert all(len(part.families.sentence) == 0 for part in none.parts)
