"""How good groups are: by themselves, against labels, and with what certainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import bootstrap
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, v_measure_score
from sklearn.metrics.cluster import contingency_matrix

from bench.quality.data import Collection
from bench.quality.labels import Groups
from bench.quality.methods import NO_GROUP, Labels
from cloud.src.models.embeddings import Vectors, unit
from cloud.src.themes.stability import best_jaccard
from cloud.src.topics.keywords import c_tf_idf

N_WORDS = 10  # of a group, in NPMI


def one_hot(labels: Labels) -> Groups:
    numbers, own = np.unique(labels[labels != NO_GROUP], return_inverse=True)
    rows = np.flatnonzero(labels != NO_GROUP)
    return sp.csr_matrix((np.ones(len(rows), np.float32), (rows, own)), shape=(len(labels), len(numbers)))


def centroids(groups: Groups, centred: Vectors) -> Vectors:
    return unit(np.asarray(groups.T @ centred)).astype(np.float32)


def coverage(groups: Groups) -> float:
    return float((np.asarray(groups.sum(axis=1)).ravel() > 0).mean())


def at_coverage(groups: Groups, centred: Vectors, share: float) -> Labels:
    """Each sentence's nearest of its groups, for that share of all sentences which lies nearest to its group."""
    centres = centroids(groups, centred)
    entries = sp.coo_matrix(groups)
    near = np.einsum("ij,ij->i", centred[entries.row], centres[entries.col])
    labels = np.full(groups.shape[0], NO_GROUP)
    nearness = np.full(groups.shape[0], -np.inf)
    order = np.argsort(near, kind="stable")  # the nearest last, so that it stays
    labels[entries.row[order]] = entries.col[order]
    nearness[entries.row[order]] = near[order]
    labels[np.argsort(-nearness, kind="stable")[round(share * len(labels)) :]] = NO_GROUP
    return labels


def coherence(vectors: Vectors, groups: Groups) -> float:
    """Mean cosine of two sentences of a group, groups weighed by their sentences."""
    size = np.asarray(groups.sum(axis=0)).ravel().astype(np.float64)
    sums = groups.T.astype(np.float64) @ vectors
    pairs = np.square(sums).sum(axis=1) - size
    some = size > 1
    return float((pairs[some] / (size[some] - 1)).sum() / size[some].sum())


def npmi(collection: Collection, groups: Groups) -> float:
    """Normalised pointwise mutual information (Bouma 2009) of groups' best words by c-TF-IDF, within sentences."""
    single = [column for column, phrase in enumerate(collection.phrases.texts) if " " not in phrase]
    words = collection.phrases.said[:, single].tocsc()
    words = words[:, np.flatnonzero(np.asarray((groups.T @ words).sum(axis=0)).ravel())]  # of any group
    weights = c_tf_idf(sp.csr_matrix(groups.T @ words)).toarray()
    best = np.argsort(-weights, axis=1, kind="stable")[:, :N_WORDS]
    used = np.unique(best)
    column = {word: number for number, word in enumerate(used)}
    together = np.asarray((words[:, used].T @ words[:, used]).todense()) / words.shape[0]
    own = np.diag(together)
    values = []
    for row, chosen in enumerate(best):
        said = [column[word] for word in chosen if weights[row, word] > 0]
        one, other = np.triu_indices(len(said), 1)
        if len(one):
            places = np.array(said)
            values.append(_npmi(together[places[one], places[other]], own[places[one]], own[places[other]]).mean())
    return float(np.mean(values))


def _npmi(both: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    value = np.full(len(both), -1.0)
    some = both > 0
    value[some] = np.log(both[some] / (one[some] * other[some])) / -np.log(both[some])
    return value


def mean_jaccard(full: Groups, rerun: Groups) -> float:
    """Of each group the best Jaccard index with one of the rerun; their mean, weighed by sentences."""
    sizes = np.asarray(full.sum(axis=0)).ravel()
    return float((best_jaccard(full, rerun) * sizes).sum() / max(sizes.sum(), 1))


def to_nearest(labels: Labels, centred: Vectors) -> Labels:
    """What has no group goes to the nearest."""
    groups = one_hot(labels)
    nearest = (centred @ centroids(groups, centred).T).argmax(axis=1)
    own = np.full(len(labels), NO_GROUP)
    entries = groups.tocoo()
    own[entries.row] = entries.col
    return np.where(own == NO_GROUP, nearest, own)


def against_truth(truth: Sequence[str], labels: Labels) -> dict[str, float]:
    """Agreement with a given partition, and the relative error in its number of groups."""
    counts = contingency_matrix(list(truth), labels)
    purity, inverse = counts.max(axis=0).sum() / counts.sum(), counts.max(axis=1).sum() / counts.sum()
    return {
        "groups": float(counts.shape[1]),
        "error_in_number": abs(counts.shape[1] - counts.shape[0]) / counts.shape[0],
        "v_measure": float(v_measure_score(list(truth), labels)),
        "ari": float(adjusted_rand_score(list(truth), labels)),
        "ami": float(adjusted_mutual_info_score(list(truth), labels)),
        "harmonic_purity": float(2 * purity * inverse / (purity + inverse)),
    }


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval by the percentile bootstrap (Efron 1979)."""
    data = np.sort(np.asarray(values, dtype=float))
    if len(data) < 2 or np.ptp(data) == 0:
        return float(data.mean()), float(data.mean()), float(data.mean())
    made = bootstrap((data,), np.mean, method="percentile", random_state=np.random.default_rng(0))
    return float(data.mean()), float(made.confidence_interval.low), float(made.confidence_interval.high)
