"""Themes: topics of different firms that are about the same thing (ADR-008).

Average-linkage clustering of the topics' embeddings, cut at a cosine distance. Unlike a number of clusters, a distance
means the same for 20 firms and for 5,000. What all calls have in common is taken off first: the mean of all topics.
Nothing here looks at names: themes never depend on an LLM's wording.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import MiniBatchKMeans

from cloud.src.worker.embeddings import Vectors, unit

# Mean cosine distance between the topics of two clusters up to which they are one theme, with the common mean taken
# off; chosen on the samples and on 149 real calls (ADR-008).
MAX_DISTANCE = 0.75
# With fewer topics than this the mean says more about them than about calls, so it stays in; distances are smaller.
MIN_TOPICS_TO_CENTRE = 50
MAX_UNCENTRED_DISTANCE = 0.45
# Average linkage keeps all pairwise distances, twice: 14,000 topics take 1.6 GB. More are condensed first.
MAX_EXACT_TOPICS = 14_000
SEED = 0


@dataclass(frozen=True)
class Theme:
    """``rows`` are indices of its topics, most central first; ``centroid`` has shape (dimensions,) and length 1."""

    rows: NDArray[np.int64]
    centroid: Vectors
    row_of_firm: list[int]  # the most central topic of each firm, most central first


def find_themes(vectors: Vectors, firm_ids: list[str], min_firms: int, max_firm_dominance: float) -> list[Theme]:
    """Valid themes among topics, those with most firms first.

    ``vectors`` are unit vectors of shape (topics, dimensions), ``firm_ids`` has a firm for each. A theme is valid when
    it spans at least ``min_firms`` firms and no firm holds more than the share ``max_firm_dominance`` of its topics.
    """
    labels = _cluster(vectors)
    clusters = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    valid = [rows for rows in clusters if is_valid([firm_ids[i] for i in rows], min_firms, max_firm_dominance)]
    valid.sort(key=lambda rows: (-len({firm_ids[i] for i in rows}), -len(rows), rows[0]))
    return [_describe(vectors, rows, firm_ids) for rows in valid]


def is_valid(firm_of_topic: list[str], min_firms: int, max_firm_dominance: float) -> bool:
    topics_of_firm = Counter(firm_of_topic)
    # Divided, not multiplied: 29 of 100 is the number 0.29, while 0.29 * 100 is a little less than 29.
    largest_share = max(topics_of_firm.values()) / len(firm_of_topic)
    return len(topics_of_firm) >= min_firms and largest_share <= max_firm_dominance


def _cluster(vectors: Vectors) -> NDArray[np.int64]:
    """A label for each topic."""
    if len(vectors) < MIN_TOPICS_TO_CENTRE:
        return _average_linkage(vectors, MAX_UNCENTRED_DISTANCE)
    centred = unit(vectors - vectors.mean(axis=0, dtype=np.float64))
    if len(vectors) <= MAX_EXACT_TOPICS:
        return _average_linkage(centred, MAX_DISTANCE)
    condensed = MiniBatchKMeans(MAX_EXACT_TOPICS // 2, random_state=SEED, n_init=1).fit(centred)
    return _average_linkage(unit(condensed.cluster_centers_), MAX_DISTANCE)[condensed.labels_]


def _average_linkage(vectors: Vectors, max_distance: float) -> NDArray[np.int64]:
    if len(vectors) < 2:
        return np.zeros(len(vectors), dtype=np.int64)
    tree = linkage(vectors.astype(np.float64), method="average", metric="cosine")
    return fcluster(tree, max_distance, criterion="distance").astype(np.int64)


def _describe(vectors: Vectors, rows: NDArray[np.int64], firm_ids: list[str]) -> Theme:
    centroid = unit(vectors[rows].astype(np.float64).mean(axis=0))
    rows = rows[np.argsort(-(vectors[rows] @ centroid), kind="stable")]
    row_of_firm: dict[str, int] = {}
    for row in rows:
        row_of_firm.setdefault(firm_ids[row], int(row))
    return Theme(rows, centroid, list(row_of_firm.values()))
