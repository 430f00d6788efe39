"""Which sentences count for a theme: those of its topics."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.contract import schemas
from cloud.src.models import byte_vectors
from cloud.src.models.embeddings import unit

_DIGITS = 6


class TopicEvidence:
    """Evidence of a quarter's sentences, a part at a time.

    Args:
        topics: schema TOPIC with theme_id, of the whole quarter.
        themes: schema THEME.
    """

    def __init__(self, topics: pa.Table, themes: pa.Table) -> None:
        identity = zip(
            *(topics.column(name).to_pylist() for name in ("firm_id", "local_topic_id", "theme_id")), strict=True
        )
        self._theme_of_topic = {(firm, topic): theme for firm, topic, theme in identity if theme is not None}
        theme_ids = themes.column("theme_id").to_pylist()
        self._number = {theme_id: number for number, theme_id in enumerate(theme_ids)}
        self._mean = _mean(topics)
        centroids = _matrix(themes.column("centroid"))
        self._centroids = unit(centroids - self._mean) if theme_ids else centroids

    def __call__(self, sentences: pa.Table) -> pa.Table:
        """As schema EVIDENCE, in the order of the sentences."""
        topics = zip(
            sentences.column("firm_id").to_pylist(), sentences.column("local_topic_id").to_pylist(), strict=True
        )
        themes = [self._theme_of_topic.get(topic) for topic in topics]
        rows = np.array([row for row, theme in enumerate(themes) if theme is not None], dtype=np.int64)
        if not len(rows):
            return schemas.EVIDENCE.empty_table()
        counted = sentences.take(pa.array(rows))
        theme_ids = [themes[row] for row in rows]
        vectors = byte_vectors.from_column(counted.column("vector")).astype(np.float64) / byte_vectors.STEPS
        centroids = self._centroids[[self._number[theme] for theme in theme_ids]]
        similarity = np.einsum("ij,ij->i", unit(vectors - self._mean), centroids, dtype=np.float64)
        columns = {
            "sentence_id": counted.column("sentence_id"),
            "theme_id": pa.array(theme_ids, pa.string()),
            "similarity": np.round(similarity, _DIGITS),
            "phrase": pa.nulls(len(rows), pa.string()),
            "quarter": counted.column("quarter"),
        }
        return pa.table(columns).cast(schemas.EVIDENCE)


def _mean(topics: pa.Table) -> NDArray[np.float64]:
    """The mean direction of all topics, each with the weight of its sentences."""
    if not topics.num_rows:
        return np.zeros(1)
    return np.average(_matrix(topics.column("embedding")), axis=0, weights=np.asarray(topics.column("n_sentences")))


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values = column.combine_chunks().flatten().to_numpy().astype(np.float64)
    return values.reshape(len(column), -1) if len(column) else np.zeros((0, 1))
