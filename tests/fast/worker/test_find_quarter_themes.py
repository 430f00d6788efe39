"""Stability: what is found again without a tenth of the firms, and what is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cloud.src.models.embeddings import unit
from cloud.src.themes.measure import Limits, fit
from cloud.src.themes.refine import NO_THEME
from cloud.src.worker.find_quarter_themes import QuarterTopics, stability
from tests.fast.themes.planted_quarter import FIRMS, SUBJECTS, planted, rows_of

LIMITS = Limits(min_firms=2, max_firm_dominance=0.4)


def topics_of(n_firms: int) -> tuple[QuarterTopics, np.ndarray]:
    """A topic per firm and subject, and the topic of each sentence."""
    sentences, subjects = planted()
    of_sentence = np.where(sentences.seeds != NO_THEME, sentences.firms * len(SUBJECTS) + subjects, -1)
    vectors = [sentences.vectors[of_sentence == topic].astype(float).mean(axis=0) for topic in range(FIRMS * 6)]
    firm_ids = [f"{topic // len(SUBJECTS):03d}" for topic in range(n_firms * len(SUBJECTS))]
    keywords = [SUBJECTS[topic % len(SUBJECTS)].split() for topic in range(len(firm_ids))]
    return QuarterTopics(unit(np.array(vectors[: len(firm_ids)])), firm_ids, keywords), of_sentence


def test_seeds_are_the_subjects() -> None:
    topics, _ = topics_of(FIRMS)
    seeds, n_seeds = topics.seeds(LIMITS, np.arange(len(topics.firm_ids)))
    assert n_seeds == len(SUBJECTS)
    assert len({(seed, topic % len(SUBJECTS)) for topic, seed in enumerate(seeds)}) == len(SUBJECTS)


def test_topics_that_are_not_chosen_have_no_seed() -> None:
    topics, _ = topics_of(FIRMS)
    chosen = np.arange(len(SUBJECTS), len(topics.firm_ids))
    seeds, _ = topics.seeds(LIMITS, chosen)
    assert set(seeds[: len(SUBJECTS)]) == {NO_THEME}
    assert NO_THEME not in seeds[chosen]


def test_planted_themes_are_found_again() -> None:
    sentences, _ = planted()
    topics, topic_of_sentence = topics_of(FIRMS)
    seeds, n_seeds = topics.seeds(LIMITS, np.arange(len(topics.firm_ids)))
    sentences = replace(sentences, seeds=np.append(seeds, NO_THEME)[topic_of_sentence])

    found = stability(fit(sentences, n_seeds, LIMITS), sentences, topics, topic_of_sentence, LIMITS)

    assert found.themes is not None
    np.testing.assert_allclose(found.themes, 1)


def test_few_firms_say_nothing_about_stability() -> None:
    sentences, _ = planted()
    few = rows_of(sentences, np.flatnonzero(sentences.firms < 19))
    topics, topic_of_sentence = topics_of(19)

    found = stability(fit(few, len(SUBJECTS), LIMITS), few, topics, topic_of_sentence[: len(few.texts)], LIMITS)

    assert found.themes is None
    assert found.families is None
