"""Names a reader sees for topics and themes: by the LLM, or from keywords where that was asked for or is safer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np

from cloud.src.llm import naming
from cloud.src.llm.naming import Name, TopicToName
from cloud.src.llm.xai_client import LlmClient
from cloud.src.worker.embeddings import Embedder, Vectors

log = logging.getLogger(__name__)

# A name this far (cosine) from its topic's centroid is about something else: small models do that now and then. At 0.4
# most of the wrong names were replaced and few of the good ones (ADR-004).
MIN_NAME_SIMILARITY = 0.4


class Namer(Protocol):
    """Both kinds of namer; ``centroids`` are unit vectors of shape (number of topics or themes, dimensions)."""

    def name_topics(self, topics: list[TopicToName], centroids: Vectors) -> list[Name]: ...

    def name_themes(self, themes: list[TopicToName], centroids: Vectors) -> list[Name]: ...


class KeywordNamer:
    """Names made of the keywords alone."""

    def name_topics(self, topics: list[TopicToName], centroids: Vectors) -> list[Name]:
        return [naming.topic_by_keywords(topic) for topic in topics]

    def name_themes(self, themes: list[TopicToName], centroids: Vectors) -> list[Name]:
        return [naming.theme_by_keywords(theme) for theme in themes]


class LlmNamer:
    """Names by the LLM; a name far from what it names is replaced by keywords.

    An LLM that cannot be reached is another matter: LlmUnavailable passes through and stops the job, because an
    outage must not silently turn into a quarter of keyword names.
    """

    def __init__(self, client: LlmClient, embedder: Embedder) -> None:
        self._client = client
        self._embedder = embedder

    def name_topics(self, topics: list[TopicToName], centroids: Vectors) -> list[Name]:
        return self._guard(naming.name_topics(self._client, topics), topics, centroids, naming.topic_by_keywords)

    def name_themes(self, themes: list[TopicToName], centroids: Vectors) -> list[Name]:
        return self._guard(naming.name_themes(self._client, themes), themes, centroids, naming.theme_by_keywords)

    def _guard(
        self,
        names: list[Name],
        items: list[TopicToName],
        centroids: Vectors,
        by_keywords: Callable[[TopicToName], Name],
    ) -> list[Name]:
        """Replace names that are not about what they name."""
        if not names:
            return []
        similarities = np.sum(self._embedder.embed([name.text for name in names]) * centroids, axis=1)
        guarded = []
        for name, item, similarity in zip(names, items, similarities, strict=True):
            if name.method == naming.BY_LLM and similarity < MIN_NAME_SIMILARITY:
                log.info("name %r has cosine %.2f to its topic: named by keywords", name.text, similarity)
                name = by_keywords(item)
            guarded.append(name)
        return guarded
