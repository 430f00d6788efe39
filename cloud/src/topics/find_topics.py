"""Finds the topics of one firm: groups of sentences about the same thing (ADR-008).

Sentence vectors, each moved a little towards what the same speaker says just before and after, are clustered by Ward's
method, into a number of clusters that grows with the number of sentences. The sentences that fit worst get no topic: at
most the share MAX_UNASSIGNED. Everything is deterministic: no random start, and exact arithmetic (grid.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Vectors, unit
from cloud.src.topics.grid import FINE_STEPS, FineGrid, cosines, mean_direction, on_fine_grid

NO_TOPIC = -1

# Ward's tree is cut at n ** 0.6 clusters for n sentences: a long call has more topics than a short one, but also more
# to say about each (8 for 30 sentences, 12 for 65, 31 for 300).
CLUSTERS_EXPONENT = 0.6
MAX_TOPICS = 100
# Weight in a sentence's vector of the sentence before and the one after, if the same person says them: "We expect that
# to go on" is about what it follows.
SHARE_OF_NEIGHBOURS = 0.25
# A sentence whose cosine to its cluster's centroid is lower ("Well, that's the intent.") is about nothing in it. At
# most the share MAX_UNASSIGNED of all sentences is left out for this reason, starting with those that fit worst.
MIN_SIMILARITY = 0.5
MAX_UNASSIGNED = 0.15
MIN_SENTENCES = 3
N_REPRESENTATIVES = 5
# How much a representative's cosine to the centroid counts against its cosine to those chosen before it.
CENTRALITY = 0.7
# At this cosine or more, two sentences of a call say the same ("We are watching it very close", "But we certainly are
# watching it close"): the second one tells a reader, or an LLM, nothing new.
SAME_SENTENCE = 0.85
# Ward's method keeps the distances of all pairs: 50 MB for 2,000 sentences. More sentences are first condensed to half
# as many.
MAX_EXACT_SENTENCES = 2_000
CONDENSING_ROUNDS = 3
ROWS_A_BLOCK = 2_000


@dataclass(frozen=True)
class FoundTopic:
    """``rows`` are indices of its sentences in spoken order; ``centroid`` has shape (dimensions,) and length 1."""

    rows: NDArray[np.int64]
    centroid: Vectors
    representatives: NDArray[np.int64]  # rows, most central first; none repeats another


def find_topics(
    vectors: Vectors,
    continues_speech: NDArray[np.bool_] | None = None,
    min_topics: int = 1,
    max_topics: int = MAX_TOPICS,
) -> list[FoundTopic]:
    """Topics among unit vectors of shape (sentences, dimensions), largest first.

    ``continues_speech`` has shape (sentences,): true if the sentence continues the speech of the one before it; None if
    the sentences are in no order. Returns at most ``max_topics``, and at least ``min_topics`` if that many groups of
    three sentences can be told apart. Any sentence at all gives at least one topic.
    """
    if len(vectors) == 0:
        return []
    grid = on_fine_grid(vectors)
    in_context = grid if continues_speech is None else _in_context(grid, continues_speech)
    n_clusters = min(max(expected_topics(len(vectors)), min_topics), max_topics)
    clusters = _merge_small(in_context, _cluster(in_context, n_clusters))
    trimmed = _trim(in_context, clusters)
    trimmed.sort(key=lambda rows: (-len(rows), rows[0]))
    return [_describe(grid, rows) for rows in trimmed]


def expected_topics(n_sentences: int) -> int:
    """The most topics that a firm with this many sentences can have."""
    n_clusters: float = n_sentences**CLUSTERS_EXPONENT
    return min(max(1, round(n_clusters)), MAX_TOPICS)


def labels_of(topics: list[FoundTopic], n_sentences: int) -> NDArray[np.int32]:
    """local_topic_id of each sentence, shape (n_sentences,); NO_TOPIC for a sentence without a topic."""
    labels = np.full(n_sentences, NO_TOPIC, dtype=np.int32)
    for topic_id, topic in enumerate(topics):
        labels[topic.rows] = topic_id
    return labels


def _in_context(grid: FineGrid, continues_speech: NDArray[np.bool_]) -> FineGrid:
    follows = continues_speech[1:, None]
    in_context = grid.copy()
    in_context[1:] += SHARE_OF_NEIGHBOURS * np.where(follows, grid[:-1], 0)
    in_context[:-1] += SHARE_OF_NEIGHBOURS * np.where(follows, grid[1:], 0)
    return on_fine_grid(in_context / FINE_STEPS)


def _cluster(grid: FineGrid, n_clusters: int) -> list[NDArray[np.int64]]:
    """At most ``n_clusters`` clusters, each as its rows in order."""
    if len(grid) <= MAX_EXACT_SENTENCES:
        labels = _ward(grid, n_clusters)
    else:
        centres, nearest = _condense(grid, MAX_EXACT_SENTENCES // 2)
        labels = _ward(centres, n_clusters)[nearest]
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _ward(grid: FineGrid, n_clusters: int) -> NDArray[np.int32]:
    """The cluster of each row, by Ward's method (1963) on Euclidean distances of unit vectors."""
    # Here, because scipy takes a second to load, and to plan the naming of a run nothing else of this module is needed.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(grid) < 2:
        return np.ones(len(grid), dtype=np.int32)
    distances = np.sqrt(np.maximum(0, 2 - 2 * cosines(grid, grid)))
    tree = linkage(squareform(distances, checks=False), method="ward")
    labels: NDArray[np.int32] = fcluster(tree, n_clusters, criterion="maxclust")
    return labels


def _condense(grid: FineGrid, n_centres: int) -> tuple[FineGrid, NDArray[np.int64]]:
    """k-means (Lloyd 1982) that starts from evenly spaced rows: the centres, and the nearest centre of each row."""
    centres = grid[np.linspace(0, len(grid) - 1, n_centres).astype(np.int64)]
    for _ in range(CONDENSING_ROUNDS):
        nearest = _nearest(grid, centres)
        centres = np.stack([mean_direction(grid[nearest == centre]) for centre in np.unique(nearest)])
    return centres, _nearest(grid, centres)


def _nearest(grid: FineGrid, centres: FineGrid) -> NDArray[np.int64]:
    """For each row, the index of the centre with the highest cosine; the first of equals."""
    blocks = range(0, len(grid), ROWS_A_BLOCK)
    return np.concatenate([cosines(grid[at : at + ROWS_A_BLOCK], centres).argmax(axis=1) for at in blocks])


def _merge_small(grid: FineGrid, clusters: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Move the sentences of clusters too small for a topic to the nearest large one; if all are too small, join all."""
    large = [rows for rows in clusters if len(rows) >= MIN_SENTENCES]
    if not large:
        return [np.arange(len(grid))]
    homeless = np.setdiff1d(np.arange(len(grid)), np.concatenate(large))
    if len(homeless) == 0:
        return large
    nearest = _nearest(grid[homeless], np.stack([mean_direction(grid[rows]) for rows in large]))
    return [np.sort(np.append(rows, homeless[nearest == cluster])) for cluster, rows in enumerate(large)]


def _trim(grid: FineGrid, clusters: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Drop clusters held together by chance, then the sentences that fit worst, never more than MAX_UNASSIGNED.

    A cluster that stays keeps the MIN_SENTENCES that fit best.
    """
    may_drop = int(MAX_UNASSIGNED * sum(len(rows) for rows in clusters))
    fits = [_fit(grid, rows) for rows in clusters]
    kept = []
    for cluster in sorted(range(len(clusters)), key=lambda i: (fits[i].max(), clusters[i][0])):
        loose = (fits[cluster] >= MIN_SIMILARITY).sum() < MIN_SENTENCES
        if loose and len(clusters[cluster]) <= may_drop:
            may_drop -= len(clusters[cluster])
        else:
            kept.append(cluster)
    misfits = sorted(
        (fits[cluster][i], clusters[cluster][i])
        for cluster in kept
        for i in np.argsort(-fits[cluster], kind="stable")[MIN_SENTENCES:]
        if fits[cluster][i] < MIN_SIMILARITY
    )
    dropped = [row for _, row in misfits[:may_drop]]
    return [np.setdiff1d(clusters[cluster], dropped) for cluster in kept]


def _fit(grid: FineGrid, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosine of each sentence to the centroid of its cluster."""
    return cosines(grid[rows], mean_direction(grid[rows])[None])[:, 0]


def _describe(grid: FineGrid, rows: NDArray[np.int64]) -> FoundTopic:
    centroid = mean_direction(grid[rows])
    return FoundTopic(rows, unit(centroid), rows[_representatives(grid[rows], centroid)])


def _representatives(grid: FineGrid, centroid: FineGrid) -> list[int]:
    """Rows that are central but differ from each other: maximal marginal relevance (Carbonell & Goldstein 1998)."""
    centrality = cosines(grid, centroid[None])[:, 0]
    chosen: list[int] = []
    most_alike = np.full(len(grid), -1.0)  # cosine to the most similar one chosen
    while len(chosen) < N_REPRESENTATIVES:
        relevance = CENTRALITY * centrality - (1 - CENTRALITY) * most_alike
        relevance[most_alike >= SAME_SENTENCE] = -np.inf
        best = int(relevance.argmax())
        if relevance[best] == -np.inf:
            break
        chosen.append(best)
        most_alike = np.maximum(most_alike, cosines(grid, grid[best][None])[:, 0])
        most_alike[best] = 1.0
    return chosen
