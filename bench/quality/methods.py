"""The methods that are compared. Each gives every sentence a cluster, NO_TOPIC where it has none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering, KMeans

from bench.quality.data import Firm
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.themes.find_themes import find_themes
from cloud.src.themes.rank import rank, sentences_of_any_call
from cloud.src.topics.find_topics import NO_TOPIC, FoundTopic, find_topics
from cloud.src.topics.keywords import topic_keywords
from cloud.src.worker.firm_topics import without_procedural

Labels = NDArray[np.int64]
# Firms, how many clusters k-means and Ward are to find, seed -> a label for each sentence of all firms in their order.
Method = Callable[[list[Firm], int, int], Labels]

MIN_FIRMS, MAX_FIRM_DOMINANCE = 2, 0.4


def ftm(firms: list[Firm], _n_clusters: int, _seed: int, in_context: bool = True) -> Labels:
    """Firms' topics, then themes; a sentence's cluster is its topic's theme. One collection: its topics.

    Themes are numbered in the product's order, the one most worth reading first.
    """
    found = [
        without_procedural(find_topics(firm.vectors, firm.continues_speech if in_context else None), firm.similarities)
        for firm in firms
    ]
    themes = [[topic] for topic in range(len(found[0]))] if len(firms) == 1 else _ranked_themes(firms, found)
    theme_of_topic = {int(topic): number for number, topics in enumerate(themes) for topic in topics}
    labels, topic_number = [], 0
    for firm, topics in zip(firms, found, strict=True):
        of_firm = np.full(len(firm.texts), NO_TOPIC)
        for topic in topics:
            of_firm[topic.rows] = theme_of_topic.get(topic_number, NO_TOPIC)
            topic_number += 1
        labels.append(of_firm)
    return np.concatenate(labels)


def _ranked_themes(firms: list[Firm], found: list[list[FoundTopic]]) -> list[list[int]]:
    """The topics of each theme, numbered through all firms, as the product's reduce finds and ranks them."""
    centroids = np.array([topic.centroid for topics in found for topic in topics])
    n_sentences = np.array([len(topic.rows) for topics in found for topic in topics])
    firm_ids = [firm.firm_id for firm, topics in zip(firms, found, strict=True) for _ in topics]
    keywords = [
        words
        for firm, topics in zip(firms, found, strict=True)
        for words in topic_keywords(["\n".join(firm.texts[i] for i in topic.rows) for topic in topics], firm.speakers)
    ]
    themes = find_themes(centroids, firm_ids, keywords, MIN_FIRMS, MAX_FIRM_DOMINANCE)
    return [list(each.theme.rows) for each in rank(themes, firm_ids, keywords, n_sentences, _any_call())]


@cache
def _any_call() -> Vectors:
    return sentences_of_any_call(Embedder(packaged_models.EMBEDDING))


def ftm_without_context(firms: list[Firm], n_clusters: int, seed: int) -> Labels:
    return ftm(firms, n_clusters, seed, in_context=False)


def k_means(firms: list[Firm], n_clusters: int, seed: int) -> Labels:
    return KMeans(n_clusters, random_state=seed, n_init=1).fit_predict(pooled(firms)).astype(np.int64)


def ward(firms: list[Firm], n_clusters: int, _seed: int) -> Labels:
    return AgglomerativeClustering(n_clusters, linkage="ward").fit_predict(pooled(firms)).astype(np.int64)


def bertopic_defaults(firms: list[Firm], _n_clusters: int, seed: int) -> Labels:
    return _bertopic(firms, umap_model=_Umap(seed))


def bertopic_pca(firms: list[Firm], _n_clusters: int, seed: int) -> Labels:
    """Its documentation's advice for speed: PCA instead of UMAP."""
    from sklearn.decomposition import PCA

    return _bertopic(firms, umap_model=PCA(n_components=5, random_state=seed))


def bertopic_umap_k_means(firms: list[Firm], n_clusters: int, seed: int) -> Labels:
    """Its documentation's advice against outliers."""
    return _bertopic(firms, umap_model=_Umap(seed), hdbscan_model=KMeans(n_clusters, random_state=seed, n_init=1))


def bertopic_reduced(firms: list[Firm], _n_clusters: int, seed: int) -> Labels:
    """Small topics, leaf clusters, and its outliers given to the nearest topic by embedding."""
    from hdbscan import HDBSCAN  # pants: no-infer-dep

    leaves = HDBSCAN(min_cluster_size=5, cluster_selection_method="leaf", prediction_data=True)
    return _bertopic(firms, reduce_outliers=True, umap_model=_Umap(seed), hdbscan_model=leaves)


class _Umap:
    """UMAP with BERTopic's own defaults and a seed. It takes longest, so methods share what it made of the same."""

    _made: ClassVar[dict[tuple[int, bytes], Vectors]] = {}

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def fit(self, vectors: Vectors, y: object = None) -> _Umap:
        from umap import UMAP  # pants: no-infer-dep

        self._key = (self._seed, sha256(vectors.tobytes()).digest())
        if self._key not in self._made:
            model = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=self._seed)
            self._made[self._key] = model.fit_transform(vectors)
        return self

    def transform(self, _vectors: Vectors) -> Vectors:
        return self._made[self._key]


def _bertopic(firms: list[Firm], reduce_outliers: bool = False, **models: object) -> Labels:
    from bertopic import BERTopic  # pants: no-infer-dep
    from bertopic.backend import BaseEmbedder  # pants: no-infer-dep

    texts, vectors = [text for firm in firms for text in firm.texts], pooled(firms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BERTopic(embedding_model=BaseEmbedder(), **models)
        labels, _ = model.fit_transform(texts, vectors)
        if reduce_outliers and -1 in labels and len(set(labels)) > 1:
            labels = model.reduce_outliers(texts, labels, strategy="embeddings", embeddings=vectors)
    return np.array(labels, dtype=np.int64)


def pooled(firms: list[Firm]) -> Vectors:
    return np.concatenate([firm.vectors for firm in firms])


METHODS: dict[str, Method] = {
    "FTM": ftm,
    "FTM without context": ftm_without_context,
    "BERTopic defaults": bertopic_defaults,
    "BERTopic PCA": bertopic_pca,
    "BERTopic UMAP + k-means": bertopic_umap_k_means,
    "BERTopic leaf, outliers reduced": bertopic_reduced,
    "k-means": k_means,
    "Ward": ward,
}
DETERMINISTIC = {"FTM", "FTM without context", "Ward"}  # run twice, to show it; the others once a seed
