"""Whatever is said, a firm's topics are well formed, and they are the same in any batch, order and thread count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.src.contract import keys
from cloud.src.models.embeddings import unit
from cloud.src.topics.find_topics import MAX_UNASSIGNED, NO_TOPIC, find_topics, labels_of
from cloud.src.worker import map_firms
from cloud.src.worker.firm_topics import FirmAnalyser, NothingToAnalyse
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import (
    QUARTER,
    analyser,
    embedder,
    firm,
    map_job,
    numbered_firms,
    write_batches,
    write_prefetch,
)

ODD = [
    "",
    " ",
    "12 345 678",
    "\N{ROCKET}\N{ROCKET} freight \N{CHART WITH UPWARDS TREND}",
    "Freight costs in Ohio rose.",
    "Freight costs in Ohio rose.",
    "word " * 2_000,
    "x" * 10_000,
    "\u200b\u202e",
    "We refinanced the notes due in June.",
]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.sampled_from(ODD) | st.text(max_size=60), min_size=1, max_size=12))
def test_any_sentences_give_topics_or_a_reason(texts: list[str]) -> None:
    try:
        found = analyser().analyse(firm("1", texts))
    except NothingToAnalyse:
        return
    labels: list[Any] = found.sentences.column("local_topic_id").to_pylist()
    assert len(labels) == len(texts)
    assert sorted(set(labels) - {NO_TOPIC}) == list(range(len(found.topics))) != []
    assert [topic["n_sentences"] for topic in found.topics] == [labels.count(n) for n in range(len(found.topics))]
    assert np.allclose(np.linalg.norm(found.centroids(), axis=1), 1, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.integers(1, 40), st.integers(0, 1000), st.booleans())
def test_any_vectors_give_topics_in_order_of_size(n: int, n_different: int, seed: int, in_order: bool) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(n_different, 16)))[random.integers(n_different, size=n)]

    topics = find_topics(vectors, np.arange(n) > 0 if in_order else None)

    sizes = [len(topic.rows) for topic in topics]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == (labels_of(topics, n) != NO_TOPIC).sum() >= (1 - MAX_UNASSIGNED) * n
    assert all(set(topic.representatives) <= set(topic.rows) for topic in topics)


@pytest.mark.parametrize("texts", [["Freight costs rose."], ["Freight costs rose."] * 40], ids=["one", "the same"])
def test_one_sentence_or_the_same_one_again_is_one_topic(texts: list[str]) -> None:
    found = analyser().analyse(firm("1", texts))

    assert [topic["n_sentences"] for topic in found.topics] == [len(texts)]
    assert len(found.topics[0]["representative_sentence_ids"]) == 1


def tables(s3: Any, firms: list[FirmTranscripts], firms_a_part: int, tools: FirmAnalyser) -> dict[str, list[Any]]:
    """All rows of the parts by firm, without what parts say about themselves; nothing is taken from earlier parts."""
    store = Store(s3, BUCKET)
    for key in store.list("intermediate/"):
        store.delete(key)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=len(firms))
    map_firms.run(map_job(store, tools, firms_a_part=firms_a_part))
    rows: dict[str, list[Any]] = {}
    for prefix in (keys.topics_parts_prefix(QUARTER), keys.sentences_parts_prefix(QUARTER)):
        for key in store.list(prefix):
            for row in store.read_table(key).to_pylist():
                rows.setdefault(row["firm_id"], []).append(row)
    return rows


def test_tables_are_identical_in_any_batches_and_order_of_firms(s3: Any) -> None:
    firms = numbered_firms(8)
    expected = tables(s3, firms, 50, analyser())

    assert tables(s3, firms[::-1], 50, analyser()) == expected
    for firms_a_part in (1, 7):
        assert tables(s3, firms, firms_a_part, analyser()) == expected


def test_tables_are_identical_with_two_threads(s3: Any) -> None:
    firms = numbered_firms(2)

    with_two = tables(s3, firms, 50, FirmAnalyser(type(embedder())("all-MiniLM-L6-v2-int8", threads=2)))

    assert with_two == tables(s3, firms, 50, analyser())
