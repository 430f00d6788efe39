"""The product's dictionary step (cloud/src/themes/dictionary.py), the same for every method."""

from __future__ import annotations

import numpy as np

from bench.quality.data import Collection
from bench.quality.labels import Groups
from cloud.src.models.byte_vectors import to_bytes
from cloud.src.themes.count import count
from cloud.src.themes.dictionary import means_of_phrases, theme_dictionaries
from cloud.src.themes.sentence_grid import centred, directions, mean_of

BY_PHRASES_ALONE = 2.0  # no cosine is so near


def with_dictionary(collection: Collection, groups: Groups) -> Groups:
    """Each group with the sentences that have a phrase of its own."""
    vectors = to_bytes(collection.vectors)
    grid = centred(vectors, mean_of([vectors]))
    sizes = np.maximum(np.asarray(groups.sum(axis=0)).ravel(), 1)
    centroids = directions(np.rint((groups.T @ grid.astype(np.float64)) * 16 / sizes[:, None]))
    dictionary = theme_dictionaries(collection.phrases, means_of_phrases(collection.phrases, grid), groups, centroids)
    hits = count(grid, collection.phrases.said, centroids, dictionary.is_own, near=BY_PHRASES_ALONE)
    return ((groups + hits.members(*groups.shape)) > 0).astype(np.float32).tocsr()
