"""How good clusters are: against labels, against weak labels of firms, and by themselves."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import log

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, v_measure_score

from bench.quality.data import UNLABELLED, Firm
from bench.quality.methods import Labels, pooled
from cloud.src.models.embeddings import unit
from cloud.src.topics.find_topics import NO_TOPIC
from cloud.src.topics.keywords import terms, topic_keywords

N_WORDS = 10
THEME_F1 = "_weak_f1"  # ends the name of a measure that is about one weak theme
N_TO_READ, N_SENTENCES_TO_READ = 30, 6


def against_labels(firms: list[Firm], found: Labels) -> dict[str, float]:
    """On the labelled sentences; those without a topic count as one cluster."""
    labels = np.array([label for firm in firms for label in firm.labels], dtype=object)
    labelled = labels != UNLABELLED
    truth, predicted = labels[labelled].astype(str), found[labelled]
    return {
        "v_measure": v_measure_score(truth, predicted),
        "nmi": normalized_mutual_info_score(truth, predicted),
        "ari": adjusted_rand_score(truth, predicted),
        "unassigned": float((predicted == NO_TOPIC).mean()),
    }


def weak_theme_f1(firms: list[Firm], found: Labels, weak: dict[str, set[str]]) -> dict[str, float]:
    """F1, recall and precision, by firms, of each weak theme's best cluster: their means, and the F1 of each theme."""
    ticker = np.repeat([firm.ticker for firm in firms], [len(firm.texts) for firm in firms])
    firms_of = [set(ticker[found == cluster]) for cluster in np.unique(found) if cluster != NO_TOPIC]
    scores = {theme: _best_match(wanted, firms_of) for theme, wanted in weak.items()}
    f1, recall, precision = np.mean(list(scores.values()), axis=0)
    of_each = {f"{theme}{THEME_F1}": score[0] for theme, score in scores.items()}
    return {"weak_f1": f1, "weak_recall": recall, "weak_precision": precision} | of_each


def _best_match(wanted: set[str], firms_of: list[set[str]]) -> tuple[float, float, float]:
    """F1, recall and precision of the set of firms with the highest F1."""
    hits = [(len(wanted & have), have) for have in firms_of if wanted & have]
    scored = [(2 * n / (len(have) + len(wanted)), n / len(wanted), n / len(have)) for n, have in hits]
    return max(scored, default=(0.0, 0.0, 0.0))


def by_themselves(firms: list[Firm], found: Labels) -> dict[str, float]:
    """Number and size of clusters, and how well they hang together."""
    clusters = [np.flatnonzero(found == cluster) for cluster in np.unique(found) if cluster != NO_TOPIC]
    texts, vectors = [text for firm in firms for text in firm.texts], pooled(firms)
    centroids = unit(np.array([vectors[rows].mean(axis=0) for rows in clusters]))
    own = np.array([(vectors[rows] @ centroids[i]).mean() for i, rows in enumerate(clusters)])
    others = np.array([(vectors[rows] @ np.delete(centroids, i, 0).T).mean() for i, rows in enumerate(clusters)])
    keywords = topic_keywords(["\n".join(texts[row] for row in rows) for rows in clusters])
    words = [word for of_topic in keywords for word in of_topic[:N_WORDS]]
    return {
        "clusters": len(clusters),
        "largest": max(len(rows) for rows in clusters) / len(found),
        "unassigned": float((found == NO_TOPIC).mean()),
        "coherence": float((own - others).mean()),
        "diversity": len(set(words)) / max(1, len(words)),
        "npmi": npmi(texts, keywords),
    }


def in_words(firms: list[Firm], found: Labels) -> str:
    """The first clusters for a reader: keywords and the sentences next to the centre."""
    texts, vectors = [text for firm in firms for text in firm.texts], pooled(firms)
    clusters = [np.flatnonzero(found == cluster) for cluster in np.unique(found) if cluster != NO_TOPIC][:N_TO_READ]
    keywords = topic_keywords(["\n".join(texts[row] for row in rows) for rows in clusters])
    blocks = []
    for number, (rows, words) in enumerate(zip(clusters, keywords, strict=True), start=1):
        nearest = rows[np.argsort(-(vectors[rows] @ vectors[rows].mean(axis=0)))[:N_SENTENCES_TO_READ]]
        blocks.append(
            "\n  ".join([f"{number}. {len(rows)} sentences: {', '.join(words)}", *(texts[i] for i in nearest)])
        )
    return "\n\n".join(blocks) + "\n"


def npmi(texts: list[str], keywords: list[list[str]]) -> float:
    """Normalised pointwise mutual information (Bouma 2009) of each topic's keywords, within sentences."""
    wanted = {word for of_topic in keywords for word in of_topic}
    single: Counter[str] = Counter()
    both: Counter[tuple[str, str]] = Counter()
    for text in texts:
        there = sorted(wanted & set(terms(text, frozenset())))
        single.update(there)
        both.update(combinations(there, 2))
    return float(np.mean([_npmi_of(of_topic, single, both, len(texts)) for of_topic in keywords if len(of_topic) > 1]))


def _npmi_of(words: list[str], single: Counter[str], both: Counter[tuple[str, str]], n: int) -> float:
    values = []
    for one, other in combinations(sorted(words), 2):
        together = both[one, other] / n
        if together in (0, 1):
            values.append(-1.0 if together == 0 else 1.0)
        else:
            values.append(log(together / (single[one] / n * single[other] / n)) / -log(together))
    return float(np.mean(values))
