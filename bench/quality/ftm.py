"""FTM as the product runs it: themes found from topics, then fitted and measured on sentences."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from bench.quality.data import Collection
from bench.quality.labels import Groups
from bench.quality.methods import MAX_FIRM_DOMINANCE, MIN_FIRMS, Found, Task, ftm_by_topics
from cloud.src.models.byte_vectors import to_bytes
from cloud.src.themes.count import count
from cloud.src.themes.measure import FittedThemes, Limits, Sentences, fit, measure_fitted
from cloud.src.themes.phrases import matrix_of, repeated_phrases
from cloud.src.themes.sentence_grid import centred

# Without a dictionary, from which cosine a sentence counts: the best in each quarter.
NEAR_ALONE = 0.50


def ftm(task: Task) -> Found:
    """Without a dictionary only the sentences near to a theme count, by the same themes."""
    collection = task.collection
    seeds = ftm_by_topics(task)
    sentences = Sentences(
        vectors=to_bytes(collection.vectors),
        firms=collection.firms,
        calls=np.unique(collection.calls, return_inverse=True)[1].astype(np.int64),
        texts=collection.texts,
        phrases=repeated_phrases(collection.texts),
        seeds=seeds,
        is_procedural=collection.nearly_procedural,
    )
    fitted = fit(sentences, int(seeds.max(initial=-1)) + 1, Limits(MIN_FIRMS, MAX_FIRM_DOMINANCE))
    measured = measure_fitted(fitted, sentences)
    n_themes, n = len(fitted.family_of), len(collection.texts)
    themes = measured.themes.members(n, n_themes)
    families = measured.families.members(n, fitted.n_families)
    return Found(_near_only(collection, fitted, sentences.vectors), themes, families, assigned=themes)


def _near_only(collection: Collection, fitted: FittedThemes, vectors: NDArray[np.int8]) -> Groups:
    own = sp.csr_matrix((len(fitted.family_of), len(fitted.phrases)), dtype=np.bool_)
    said = matrix_of([[]] * len(collection.texts), fitted.phrases)
    counted = count(centred(vectors, fitted.mean), said, fitted.themes.centroids, own, near=NEAR_ALONE)
    return counted.members(len(collection.texts), len(fitted.family_of))
