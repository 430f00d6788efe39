"""Topics among sentence vectors: made of directions whose groups are known."""

from __future__ import annotations

import numpy as np
import pytest

from cloud.src.models.embeddings import Vectors, unit
from cloud.src.topics.find_topics import (
    MAX_EXACT_SENTENCES,
    MAX_UNASSIGNED,
    N_REPRESENTATIVES,
    NO_TOPIC,
    FoundTopic,
    find_topics,
    labels_of,
)

DIMENSIONS = 64


def scattered(n_sentences: int) -> Vectors:
    """Sentences that have nothing to do with each other."""
    return unit(np.random.default_rng(1).normal(size=(n_sentences, DIMENSIONS)))


def grouped(sizes: list[int], noise: float = 0.03) -> tuple[Vectors, list[int]]:
    """Groups around perpendicular directions, in shuffled order, and the group of each vector."""
    random = np.random.default_rng(2)
    groups = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = np.eye(DIMENSIONS)[groups] + random.normal(scale=noise, size=(len(groups), DIMENSIONS))
    return unit(vectors), groups.tolist()


def sentences_of(topics: list[FoundTopic]) -> list[list[int]]:
    return [topic.rows.tolist() for topic in topics]


@pytest.mark.parametrize("n_sentences", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("kind", ["scattered", "alike", "the same"])
def test_a_short_call_has_a_topic_whatever_is_said(n_sentences: int, kind: str) -> None:
    vectors = {
        "scattered": scattered(n_sentences),
        "alike": grouped([n_sentences])[0],
        "the same": np.tile(scattered(1), (n_sentences, 1)),
    }[kind]

    topics = find_topics(vectors)

    assert topics
    assert (labels_of(topics, n_sentences) != NO_TOPIC).any()


def test_no_sentences_have_no_topics() -> None:
    assert find_topics(scattered(0)) == []
    assert labels_of([], 0).tolist() == []


def test_well_separated_groups_are_found() -> None:
    # 8 groups in 32 sentences: as many as the tree is cut into.
    vectors, groups = grouped([4] * 8)

    labels = labels_of(find_topics(vectors), len(vectors))

    assert len(set(labels)) == 8
    assert NO_TOPIC not in labels
    assert len(set(zip(labels.tolist(), groups, strict=True))) == 8


@pytest.mark.parametrize("sizes", [[20, 20, 20], [50, 9, 4], [200, 3, 3]])
def test_no_topic_mixes_groups_and_every_group_has_one(sizes: list[int]) -> None:
    vectors, groups = grouped(sizes)

    topics = find_topics(vectors)

    groups_of_topic = [{groups[row] for row in topic.rows} for topic in topics]
    assert all(len(found) == 1 for found in groups_of_topic)
    assert set.union(*groups_of_topic) == set(range(len(sizes)))


def test_topics_are_sorted_by_size_and_numbered_by_labels() -> None:
    vectors, _ = grouped([7, 5, 4, 4, 4, 3, 3, 3])

    topics = find_topics(vectors)

    assert [len(topic.rows) for topic in topics] == [7, 5, 4, 4, 4, 3, 3, 3]
    of_equal_size = [topic.rows[0] for topic in topics if len(topic.rows) == 4]
    assert of_equal_size == sorted(of_equal_size)
    labels = labels_of(topics, len(vectors))
    for topic_id, topic in enumerate(topics):
        assert np.flatnonzero(labels == topic_id).tolist() == topic.rows.tolist()


def test_representatives_are_central_and_differ_from_each_other() -> None:
    vectors, _ = grouped([40, 4, 4], noise=0.08)

    for topic in find_topics(vectors):
        mean = vectors[topic.rows].mean(axis=0)
        np.testing.assert_allclose(topic.centroid, mean / np.linalg.norm(mean), atol=1e-4)
        centrality = {row: float(vectors[row] @ topic.centroid) for row in topic.rows.tolist()}
        representatives = topic.representatives.tolist()
        assert representatives[0] == max(centrality, key=lambda row: centrality[row])
        chosen = vectors[representatives]
        assert np.triu(chosen @ chosen.T, 1).max() < 0.85
        if len(topic.rows) > 2 * N_REPRESENTATIVES:
            assert np.mean([centrality[row] for row in representatives]) >= np.median(list(centrality.values()))


def test_no_representative_repeats_another() -> None:
    vectors, _ = grouped([30, 10, 10], noise=0.08)
    said_twice = np.repeat(vectors, 2, axis=0)

    topic = find_topics(said_twice)[0]

    assert topic.rows.tolist() == sorted([*(topic.rows[::2]), *(topic.rows[::2] + 1)])  # both of each pair are in it
    assert len(topic.representatives) == N_REPRESENTATIVES
    assert len({row // 2 for row in topic.representatives.tolist()}) == N_REPRESENTATIVES


def test_a_sentence_far_from_its_cluster_belongs_to_no_topic() -> None:
    vectors, groups = grouped([4] * 8)
    # Cosine 0.2 to group 0 and nothing to the others: Ward's tree puts it there, because it must go somewhere.
    stranger = unit(0.2 * np.eye(DIMENSIONS)[0] + np.sqrt(1 - 0.2**2) * np.eye(DIMENSIONS)[-1])
    topics = find_topics(np.vstack([vectors, stranger]))

    labels = labels_of(topics, len(vectors) + 1)

    assert labels[-1] == NO_TOPIC
    assert NO_TOPIC not in labels[:-1]
    assert len(set(zip(labels[:-1].tolist(), groups, strict=True))) == 8


def test_sentences_that_are_only_left_over_make_no_topic() -> None:
    vectors, _ = grouped([4] * 8)
    loners = np.eye(DIMENSIONS, dtype=np.float32)[-5:]

    labels = labels_of(find_topics(np.vstack([vectors, loners])), len(vectors) + len(loners))

    assert labels[-5:].tolist() == [NO_TOPIC] * 5
    assert set(labels[:-5].tolist()) == set(range(8))


@pytest.mark.parametrize("n_sentences", [5, 30, 400])
def test_at_most_15_percent_are_left_out_when_nothing_fits(n_sentences: int) -> None:
    topics = find_topics(scattered(n_sentences))

    assigned = sum(len(topic.rows) for topic in topics)
    assert assigned >= (1 - MAX_UNASSIGNED) * n_sentences
    if n_sentences >= 30:
        assert len(topics[0].rows) < 0.5 * n_sentences


def test_five_unlike_sentences_are_one_topic() -> None:
    one, other, third, fourth, fifth = np.eye(DIMENSIONS)[:5]

    [topic] = find_topics(unit(np.array([one, one + 0.3 * other, third, third + 0.1 * fourth, fifth])))

    assert topic.rows.tolist() == [0, 1, 2, 3, 4]


def test_a_sentence_follows_its_speakers_neighbouring_sentences() -> None:
    vectors, groups = grouped([12, 12], noise=0.05)
    vectors = vectors[np.argsort(groups, kind="stable")]
    between = unit(np.eye(DIMENSIONS)[0] + np.eye(DIMENSIONS)[1])[None]
    said = np.vstack([vectors[:6], between, vectors[6:]])  # amid the first group's sentences
    in_one_speech = np.arange(len(said)) > 0

    with_context = labels_of(find_topics(said, in_one_speech, max_topics=2), len(said))

    assert with_context[6] == with_context[5] == with_context[7]
    assert sentences_of(find_topics(said, np.zeros(len(said), dtype=bool))) == sentences_of(find_topics(said))


@pytest.mark.parametrize(("least", "most"), [(1, 3), (20, 30), (1, 1)])
def test_the_number_of_topics_can_be_bounded(least: int, most: int) -> None:
    vectors, _ = grouped([10] * 25)

    assert least <= len(find_topics(vectors, min_topics=least, max_topics=most)) <= most


@pytest.mark.parametrize("n_sentences", [MAX_EXACT_SENTENCES + 1, 6_000])
def test_a_condensed_long_call_still_finds_its_groups(n_sentences: int) -> None:
    vectors, groups = grouped([n_sentences // 10] * 10)

    topics = find_topics(vectors, max_topics=10)

    groups_of_topic = [{groups[row] for row in topic.rows} for topic in topics]
    assert all(len(found) == 1 for found in groups_of_topic)
    assert set.union(*groups_of_topic) == set(range(10))


def test_last_bits_that_differ_between_machines_do_not_matter() -> None:
    vectors, _ = grouped([30, 20, 10, 5], noise=0.12)
    nudged = vectors + np.random.default_rng(3).normal(scale=1e-7, size=vectors.shape).astype(np.float32)

    assert sentences_of(find_topics(nudged)) == sentences_of(find_topics(vectors))


def test_the_same_sentences_give_the_same_topics() -> None:
    vectors, _ = grouped([30, 20, 10, 5], noise=0.12)

    first, second = find_topics(vectors), find_topics(vectors.copy())

    assert sentences_of(first) == sentences_of(second)
    for one, other in zip(first, second, strict=True):
        assert one.centroid.tobytes() == other.centroid.tobytes()
        assert one.representatives.tolist() == other.representatives.tolist()
