"""Themes: topics of different firms that are about the same thing (ADR-008).

Average-linkage clustering of the topics' embeddings, cut at a cosine distance. Unlike a number of clusters, a distance
means the same for 20 firms and for 5,000. Nothing here looks at names: themes never depend on an LLM's wording.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import MiniBatchKMeans

from cloud.src.worker.embeddings import Vectors, unit

# Mean cosine distance between the topics of two clusters up to which they are one theme.
MAX_DISTANCE = 0.38
# Average linkage keeps all pairwise distances: 20,000 topics take 1.6 GB. More are condensed first.
MAX_EXACT_TOPICS = 20_000
SEED = 0


@dataclass(frozen=True)
class Theme:
    """``rows`` are indices of its topics, ascending; ``centroid`` has shape (dimensions,) and length 1."""

    rows: NDArray[np.int64]
    centroid: Vectors
    central_rows: NDArray[np.int64]  # the most central topic of each firm, most central first


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
    largest = max(topics_of_firm.values())
    return len(topics_of_firm) >= min_firms and largest <= max_firm_dominance * len(firm_of_topic)


def _cluster(vectors: Vectors) -> NDArray[np.int64]:
    """A label for each topic."""
    if len(vectors) <= MAX_EXACT_TOPICS:
        return _average_linkage(vectors)
    condensed = MiniBatchKMeans(MAX_EXACT_TOPICS // 2, random_state=SEED, n_init=1).fit(vectors)
    return _average_linkage(unit(condensed.cluster_centers_))[condensed.labels_]


def _average_linkage(vectors: Vectors) -> NDArray[np.int64]:
    if len(vectors) < 2:
        return np.zeros(len(vectors), dtype=np.int64)
    tree = linkage(vectors.astype(np.float64), method="average", metric="cosine")
    return fcluster(tree, MAX_DISTANCE, criterion="distance").astype(np.int64)


def _describe(vectors: Vectors, rows: NDArray[np.int64], firm_ids: list[str]) -> Theme:
    centroid = unit(vectors[rows].astype(np.float64).mean(axis=0))
    most_central_first = rows[np.argsort(-(vectors[rows] @ centroid), kind="stable")]
    one_a_firm = {firm_ids[row]: row for row in reversed(most_central_first)}
    central = [row for row in most_central_first if one_a_firm[firm_ids[row]] == row]
    return Theme(rows, centroid, np.array(central))
