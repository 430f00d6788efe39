"""Topics of one firm: a partition of its sentences by what they are about (ADR-008).

Ward's method on unit sentence vectors, cut at a number of clusters that grows with the number of sentences, so that a
short call gets topics too; then every cluster is trimmed to the sentences that really are about the same thing.
Everything is deterministic: no random start, no approximate neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from cloud.src.worker.embeddings import Vectors, unit

NO_TOPIC = -1

# Ward's tree is cut at n ** 0.6 clusters for n sentences: a long call has more topics than a short one, but also more
# to say about each (8 for 30 sentences, 12 for 65, 37 for 420).
CLUSTERS_EXPONENT = 0.6
# A sentence whose cosine to its cluster's centroid is lower ("Well, that's the intent.") is about nothing in it.
MIN_SIMILARITY = 0.5
MIN_SENTENCES = 3
N_REPRESENTATIVES = 5
# From this cosine on two sentences of a call say the same ("We are watching it very close", "But we certainly are
# watching it close"): the second one tells a reader, or an LLM, nothing.
SAME_SENTENCE = 0.85


@dataclass(frozen=True)
class Topic:
    """``rows`` are indices of its sentences in spoken order; ``centroid`` has shape (dimensions,) and length 1."""

    rows: NDArray[np.int64]
    centroid: Vectors
    representatives: NDArray[np.int64]  # rows nearest to the centroid, nearest first, none that repeats another


def find_topics(vectors: Vectors) -> list[Topic]:
    """Topics among unit vectors of shape (sentences, dimensions), largest first.

    At least one topic comes back when there is at least one sentence: where no cluster is tight enough, the tightest
    is taken as it is.
    """
    if len(vectors) == 0:
        return []
    labels = _cluster(vectors)
    clusters = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    trimmed = [_trim(vectors, rows) for rows in clusters]
    kept = [rows for rows in trimmed if len(rows) >= MIN_SENTENCES]
    if not kept:
        # Size first: a sentence alone is always tight.
        kept = [max(clusters, key=lambda rows: (min(len(rows), MIN_SENTENCES), _tightness(vectors[rows])))]
    kept.sort(key=lambda rows: (-len(rows), rows[0]))
    return [_describe(vectors, rows) for rows in kept]


def expected_topics(n_sentences: int) -> int:
    """How many topics a firm with so many sentences has at most."""
    return round(n_sentences**CLUSTERS_EXPONENT)


def labels_of(topics: list[Topic], n_sentences: int) -> NDArray[np.int32]:
    """local_topic_id of each sentence, shape (n_sentences,); NO_TOPIC where there is none."""
    labels = np.full(n_sentences, NO_TOPIC, dtype=np.int32)
    for topic_id, topic in enumerate(topics):
        labels[topic.rows] = topic_id
    return labels


def _cluster(vectors: Vectors) -> NDArray[np.int32]:
    if len(vectors) < 2:
        return np.ones(len(vectors), dtype=np.int32)
    n_clusters = expected_topics(len(vectors))
    # In double precision, so that the order of merges does not hang on the last bits of a float32.
    return fcluster(linkage(vectors.astype(np.float64), method="ward"), n_clusters, criterion="maxclust")


def _trim(vectors: Vectors, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop the sentences far from the centroid, twice: the first pass moves the centroid."""
    for _ in range(2):
        if len(rows) == 0:
            return rows
        rows = rows[vectors[rows] @ _centroid(vectors[rows]) >= MIN_SIMILARITY]
    return rows


def _describe(vectors: Vectors, rows: NDArray[np.int64]) -> Topic:
    centroid = _centroid(vectors[rows])
    nearest_first = rows[np.argsort(-(vectors[rows] @ centroid), kind="stable")]
    return Topic(rows, centroid, _without_repetitions(vectors, nearest_first)[:N_REPRESENTATIVES])


def _without_repetitions(vectors: Vectors, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop each sentence that says the same as one before it."""
    kept: list[np.int64] = []
    for row in rows:
        if not kept or (vectors[kept] @ vectors[row]).max() < SAME_SENTENCE:
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def _centroid(vectors: Vectors) -> Vectors:
    return unit(vectors.astype(np.float64).mean(axis=0))


def _tightness(vectors: Vectors) -> float:
    """Length of the mean vector: 1 when all sentences point the same way."""
    return float(np.linalg.norm(vectors.astype(np.float64).mean(axis=0)))
