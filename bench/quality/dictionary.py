"""The dictionary step, the same for every method: a group also takes sentences that have a phrase of its own.

A phrase is a group's own when the mean of the sentences that have it lies near the group's centroid, enough of the
group's sentences have it, and they have it more than the others do (z of the weighted log-odds with an informative
Dirichlet prior; Monroe, Colaresi & Quinn 2008, eq. 16 and 22).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from bench.quality.data import Collection
from bench.quality.labels import Groups
from bench.quality.measures import centroids

OWN, MIN_SHARE, MIN_Z, PRIOR = 0.35, 0.05, 1.96, 500.0
LOW = 0.20  # cosine to the centroid from which on a sentence with such a phrase counts
BLOCK = 8192


def with_dictionary(collection: Collection, groups: Groups) -> Groups:
    _, phrases = collection.phrases
    centres = centroids(groups, collection.centred)
    own = sp.csr_matrix(_own_phrases(collection, groups, centres).T.astype(np.float32))
    hit = (phrases @ own).tocoo()
    near = np.concatenate(
        [
            np.einsum("ij,ij->i", collection.centred[hit.row[at : at + BLOCK]], centres[hit.col[at : at + BLOCK]])
            for at in range(0, len(hit.row), BLOCK)
        ]
        or [np.empty(0)]
    )
    counts = near >= LOW
    added = sp.csr_matrix(
        (np.ones(int(counts.sum()), np.float32), (hit.row[counts], hit.col[counts])), shape=groups.shape
    )
    return ((groups + added) > 0).astype(np.float32).tocsr()


def _own_phrases(collection: Collection, groups: Groups, centres: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Of shape (groups, phrases)."""
    _, phrases = collection.phrases
    uses, size = np.asarray(phrases.sum(axis=0)).ravel(), np.asarray(groups.sum(axis=0)).ravel()
    together = np.asarray((groups.T @ phrases).todense())
    nearness = centres @ (np.asarray(phrases.T @ collection.centred) / uses[:, None]).T
    share = together / np.maximum(size, 1)[:, None]
    likely = _log_odds(together, uses, size, phrases.shape[0]) >= MIN_Z
    return np.asarray((nearness >= OWN) & (share >= MIN_SHARE) & likely)


def _log_odds(together: NDArray[Any], uses: NDArray[Any], size: NDArray[Any], n: int) -> NDArray[Any]:
    prior = PRIOR * uses / n
    rest, in_group, outside = uses - together, size[:, None], n - size[:, None]
    own = np.log((together + prior) / np.maximum(in_group + PRIOR - together - prior, 0.5))
    others = np.log((rest + prior) / np.maximum(outside + PRIOR - rest - prior, 0.5))
    return np.asarray((own - others) / np.sqrt(1 / (together + prior) + 1 / (rest + prior)))
