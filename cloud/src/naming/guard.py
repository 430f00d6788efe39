"""Is a name about its topic? It is held against the topic's sentences and against all other topics of the firm.

The names of themes and families are judged in the same way, against all others of their level.

What a name looks like is another question (llm/name_rules.py). The numbers below were chosen on 281 names of real
topics, graded by hand (docs/measurements/names.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.naming.said import content_words, share_said

# Cosine of a name to its topic's centroid, plus what its words gain it.
MIN_SCORE = 0.65
# What a name gains when the sentences say all of its words: invented ones may lie near, but nobody says them.
WEIGHT_OF_SAID = 0.25

# Why a name is not taken, for the summary.
OFF_TOPIC = "off topic"
NEARER_TO_ANOTHER = "nearer to another topic"
DUPLICATE = "duplicate"
_REASONS = {
    OFF_TOPIC: "the sentences are about something else, keep to their words",
    NEARER_TO_ANOTHER: "it fits other sentences better, say what is special about these",
    DUPLICATE: "other sentences have that name, say what is special about these",
}


@dataclass(frozen=True)
class Verdict:
    """``case`` says why a name is not taken, and is empty when it is; ``reason`` tells the model, which is asked again.

    ``score``: the higher the nearer; it chooses between several names.
    """

    score: float
    case: str = ""
    reason: str = ""


def judge(name: str, vector: Vectors, topic: int, centroids: Vectors, said: str) -> Verdict:
    """Judge one name of one topic.

    ``vector`` is the name's unit vector; ``centroids`` has those of all topics of the firm, shape (topics, dimensions),
    of which ``topic`` is the row; ``said`` is the text that the name stands for.
    """
    similarity, margin = nearness(vector, topic, centroids)
    score = similarity + WEIGHT_OF_SAID * share_said(name, said)
    if score < MIN_SCORE:
        return refused(score, OFF_TOPIC)
    if margin <= 0:
        return refused(score, NEARER_TO_ANOTHER)
    return Verdict(score)


def refused(score: float, case: str) -> Verdict:
    """The verdict on a name that is refused for this reason."""
    return Verdict(score, case, _REASONS[case])


def nearness(vector: Vectors, topic: int, centroids: Vectors) -> tuple[float, float]:
    """The cosine of a name to its topic, and how much larger that is than the cosine to any other topic."""
    cosines = centroids @ vector
    others = np.delete(cosines, topic)
    return float(cosines[topic]), float(cosines[topic] - others.max(initial=-1))


def sameness(name: str) -> frozenset[str]:
    """Equal for names that say the same: order, plurals and small words make no difference."""
    return frozenset(word.removesuffix("s") for word in content_words(name))


def says_no_more(name: str, family: str) -> bool:
    """Whether a theme's name says only what its family's says.

    A theme may be one of the two that its family is called by: "Pricing" of "Pricing and Inflation".
    """
    is_part = " and " in family and any(sameness(part) == sameness(name) for part in family.split(" and "))
    return not is_part and sameness(name) <= sameness(family)


def best_first(labels: list[list[str]], centroids: Vectors, embedder: Embedder) -> list[list[str]]:
    """Each topic's labels (labels.py) in the order in which they fit it, with no label first for two topics.

    Those that no other topic is nearer to come first; among them the one that is near and by far the nearest.
    """
    vectors = iter(embedder.embed([label for of_topic in labels for label in of_topic]))
    taken: set[frozenset[str]] = set()
    ordered = []
    for topic, of_topic in enumerate(labels):
        fits = {label: nearness(next(vectors), topic, centroids) for label in of_topic}
        ranked = sorted(fits, key=lambda label: (sameness(label) in taken, fits[label][1] <= 0, -sum(fits[label])))
        taken |= {sameness(label) for label in ranked[:1]}
        ordered.append(ranked)
    return ordered
