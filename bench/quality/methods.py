"""The methods that are compared: each gives every sentence a group, NO_GROUP where it has none.

All get the same sentences and the same vectors. Competitors are used as their own documentation or their user does,
with the vectors handed in; what they would embed themselves they get from a stub. Slow results are kept in the cache.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering, KMeans

from bench.quality.data import Collection
from bench.quality.labels import Groups
from cloud.src.models.embeddings import Vectors, unit
from cloud.src.themes.find_themes import find_themes

Labels = NDArray[np.int64]
NO_GROUP = -1
FTM, FTM_BY_TOPICS = "FTM", "FTM by topics"
MIN_FIRMS, MAX_FIRM_DOMINANCE = 2, 0.4
MOST_ROUNDS = 50  # of k-means
# Toponymy 0.5.4 has this as the base_min_cluster_size of its clusterers.
TOPONYMY_MIN_SIZE = 10


class Cache:
    """What took long to make, by what it was made from: arrays, and rows of figures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, made_from: object, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        path = self._folder / f"{sha256(json.dumps(made_from).encode()).hexdigest()[:24]}.npy"
        if not path.exists():
            np.save(path, make())
        return np.asarray(np.load(path))

    def row(self, made_from: object, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        path = self._folder / f"{sha256(json.dumps(made_from).encode()).hexdigest()[:24]}.json"
        if not path.exists():
            path.write_text(json.dumps(make()), encoding="utf-8")
        row: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return row


@dataclass(frozen=True)
class Task:
    """``n_groups`` is FTM's number of groups, for the methods that have to be told one."""

    collection: Collection
    n_groups: int
    seed: int
    cache: Cache

    @property
    def vectors(self) -> Vectors:
        return self.collection.vectors


@dataclass(frozen=True)
class Found:
    """What a method finds; ``assigned`` is what it gives its user, FTM with its dictionary and others without."""

    groups: Groups
    with_dictionary: Groups
    families: Groups
    assigned: Groups


def ftm_by_topics(task: Task) -> Labels:
    """FTM before sentences were measured (2d0a3ea): firms' topics, then themes; a sentence's is its topic's theme."""
    topics = task.collection.topics
    centroids = np.array([topic.centroid for topic in topics], dtype=np.float32)
    firm_ids, keywords = [topic.firm_id for topic in topics], [topic.keywords for topic in topics]
    labels = np.full(len(task.vectors), NO_GROUP)
    for number, theme in enumerate(find_themes(centroids, firm_ids, keywords, MIN_FIRMS, MAX_FIRM_DOMINANCE)):
        for topic in theme.rows:
            labels[topics[topic].rows] = number
    return labels


def k_means(task: Task, times: int = 1) -> Labels:
    model = KMeans(times * task.n_groups, random_state=task.seed, n_init=1, max_iter=MOST_ROUNDS)
    return np.asarray(model.fit_predict(task.vectors), dtype=np.int64)


def k_means_twice(task: Task) -> Labels:
    return k_means(task, times=2)


def bertopic_defaults(task: Task) -> Labels:
    return _bertopic(task)


def bertopic_leaf(task: Task) -> Labels:
    """Its documentation's advice against outliers: leaf clusters, then outliers to the nearest topic."""
    from hdbscan import HDBSCAN  # pants: no-infer-dep

    leaves = HDBSCAN(min_cluster_size=10, cluster_selection_method="leaf", prediction_data=True)
    return _bertopic(task, reduce_outliers=True, hdbscan_model=leaves)


def _bertopic(task: Task, reduce_outliers: bool = False, **models: object) -> Labels:
    from bertopic import BERTopic  # pants: no-infer-dep
    from bertopic.backend import BaseEmbedder  # pants: no-infer-dep

    # BERTopic's own defaults with a seed.
    umap = _Made(_umap(task, n_components=5, min_dist=0.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BERTopic(embedding_model=BaseEmbedder(), umap_model=umap, **models)
        labels, _ = model.fit_transform(task.collection.texts, task.vectors)
        if reduce_outliers and -1 in labels and len(set(labels)) > 1:
            labels = model.reduce_outliers(
                task.collection.texts, labels, strategy="embeddings", embeddings=task.vectors
            )
    return np.array(labels, dtype=np.int64)


class _Made:
    """In place of UMAP: what it has already made of these vectors."""

    def __init__(self, reduced: Vectors) -> None:
        self._reduced = reduced

    def fit(self, _vectors: Vectors, y: object = None) -> _Made:  # noqa: ARG002  # as scikit-learn passes it
        return self

    def transform(self, _vectors: Vectors) -> Vectors:
        return self._reduced


def _umap(task: Task, n_components: int, min_dist: float) -> Vectors:
    def make() -> Vectors:
        from umap import UMAP  # pants: no-infer-dep

        model = UMAP(15, n_components=n_components, min_dist=min_dist, metric="cosine", random_state=task.seed)
        return np.asarray(model.fit_transform(task.vectors))

    return task.cache.get(["umap", n_components, min_dist, task.seed, task.collection.digest], make)


def topeax(task: Task) -> Labels:
    from turftopic import Topeax  # pants: no-infer-dep

    model = Topeax(encoder=_NoEncoder(task.vectors.shape[1]), random_state=task.seed)
    model.fit_transform(task.collection.texts, embeddings=task.vectors)
    return np.asarray(model.labels_, dtype=np.int64)


class _NoEncoder:
    """Topeax embeds its vocabulary to describe topics, which is no part of finding them."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions

    def encode(self, sentences: list[str], **_options: object) -> Vectors:
        return np.zeros((len(sentences), self._dimensions), dtype=np.float32)


def evoc(task: Task) -> Labels:
    """With the settings of Toponymy's EVoCClusterer; its finest layer.

    But for approx_n_clusters: Toponymy 0.5.4 passes min_clusters (4) as that, so that EVoC gives some four clusters.
    """
    from evoc import EVoC  # pants: no-infer-dep

    model = EVoC(base_min_cluster_size=TOPONYMY_MIN_SIZE, random_state=task.seed)
    model.fit(task.vectors)
    return np.asarray(model.cluster_layers_[0], dtype=np.int64)


def plscan(task: Task) -> Labels:
    """As Toponymy's PLSCANClusterer does with the two-dimensional UMAP of its README; the finest layer."""
    from fast_hdbscan import PLSCAN  # pants: no-infer-dep

    model = PLSCAN(min_samples=5, base_min_cluster_size=TOPONYMY_MIN_SIZE, max_layers=10)
    model.fit(np.ascontiguousarray(_umap(task, n_components=2, min_dist=0.1), dtype=np.float32))
    return np.asarray(model.cluster_layers_[0], dtype=np.int64)


COMPETITORS: dict[str, Callable[[Task], Labels]] = {
    FTM_BY_TOPICS: ftm_by_topics,
    "k-means": k_means,
    "k-means, twice as many": k_means_twice,
    "BERTopic defaults": bertopic_defaults,
    "BERTopic leaf, outliers reduced": bertopic_leaf,
    "EVoC": evoc,
    "PLSCAN on UMAP": plscan,
    "Topeax": topeax,
}
DETERMINISTIC = {FTM, FTM_BY_TOPICS}
TOLD = {"k-means", "k-means, twice as many"}  # the number of groups


def labels_of(method: str, task: Task) -> Labels:
    if method in DETERMINISTIC:
        return COMPETITORS[method](task)
    made_from = ["labels", method, task.n_groups if method in TOLD else 0, task.seed, task.collection.digest]
    return task.cache.get(made_from, lambda: COMPETITORS[method](task))


def merged(labels: Labels, centred: Vectors, n_groups: int) -> Labels:
    """No more than so many groups: average linkage of their centroids by cosine, as BERTopic reduces its topics."""
    numbers, own = np.unique(labels[labels != NO_GROUP], return_inverse=True)
    if len(numbers) <= n_groups:
        return labels
    sums = np.zeros((len(numbers), centred.shape[1]))
    np.add.at(sums, own, centred[labels != NO_GROUP])
    linkage = AgglomerativeClustering(n_groups, metric="cosine", linkage="average").fit_predict(unit(sums))
    out = np.full(len(labels), NO_GROUP)
    out[labels != NO_GROUP] = linkage[own]
    return out
