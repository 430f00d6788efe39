"""The families and themes of a quarter in their order, with all that is said of them but their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Vectors
from cloud.src.naming.theme_names import Candidates, Label
from cloud.src.themes.measure import Groups
from cloud.src.themes.rank import Measures, order, similarities_to_any_call
from cloud.src.themes.refine import NO_THEME
from cloud.src.topics.grid import COARSE_STEPS
from cloud.src.worker.find_quarter_themes import Shares, Stability
from cloud.src.worker.measure_quarter import Example, Level, MeasuredQuarter, Numbers

Flags = NDArray[np.bool_]

FAMILY, THEME = "family", "theme"
_DIGITS = 5


@dataclass(frozen=True)
class Phrase:
    """A phrase of a dictionary; the shares are those of themes/dictionary.py."""

    text: str
    purity: float
    share: float


@dataclass(frozen=True)
class Ranked:
    """A family or theme in its place.

    number: its number among the fitted ones; ``family`` is that of a theme's family.
    dictionary: the phrases that most of its sentences have and few others come first.
    centroid: unit vector, the mean of all sentences taken off.
    mean_sentence: unit vector of what it says, nothing taken off: what a name is compared with.
    """

    group_id: str
    number: int
    family: int
    measures: Measures
    dictionary: list[Phrase]
    examples: list[Example]
    n_firms: int
    n_sentences: int
    n_topics: int
    centroid: Vectors
    mean_sentence: Vectors


@dataclass(frozen=True)
class RankedQuarter:
    """Both levels, each in its order."""

    families: list[Ranked]
    themes: list[Ranked]


def ids_by_number(ranked: Sequence[Ranked]) -> list[str]:
    """The ids of one level, by the number among the fitted ones."""
    return [each.group_id for each in sorted(ranked, key=lambda each: each.number)]


def rank_quarter(
    quarter: str, measured: MeasuredQuarter, stability: Stability, any_call: Vectors, found: Candidates
) -> RankedQuarter:
    """Both levels; ``any_call`` is what themes/rank.sentences_of_any_call returns.

    ``found`` has what they may be called by, and which themes have a subject; a family has one when a theme of it is
    not general.
    """
    fitted = measured.fitted
    in_a_theme = measured.theme_of_topic[measured.theme_of_topic != NO_THEME]
    n_topics = np.bincount(in_a_theme, minlength=len(fitted.family_of))
    n_topics_of_families = np.bincount(fitted.family_of[in_a_theme], minlength=fitted.n_families)

    def ranked(
        level: str, groups: Groups, counts: Level, topics: Numbers, stable: Shares | None, subjects: _Subjects
    ) -> list[Ranked]:
        measures = list(_measures(groups, counts, stable, any_call, measured.n_sentences, subjects))
        families = fitted.family_of if level == THEME else np.arange(fitted.n_families)
        return [
            Ranked(
                group_id=f"{level}_{quarter}_{place:03d}",
                number=number,
                family=int(families[number]),
                measures=measures[number],
                dictionary=_dictionary(groups, number, fitted.phrases),
                examples=counts.examples[number],
                n_firms=int(counts.n_firms[number]),
                n_sentences=int(counts.n_sentences[number]),
                n_topics=int(topics[number]),
                centroid=groups.centroids[number] / np.float32(COARSE_STEPS),
                mean_sentence=groups.means[number],
            )
            for place, number in enumerate(order(measures), start=1)
        ]

    subjects = _Subjects(found.has_subject, found.themes)
    themes = ranked(THEME, fitted.themes, measured.themes, n_topics, stability.themes, subjects)
    telling = np.zeros(fitted.n_families, dtype=np.bool_)
    telling[[theme.family for theme in themes if not theme.measures.is_general]] = True
    subjects = _Subjects(telling, found.families)
    return RankedQuarter(
        ranked(FAMILY, fitted.families, measured.families, n_topics_of_families, stability.families, subjects), themes
    )


@dataclass(frozen=True)
class _Subjects:
    """Of each group whether it has a subject, and the phrases that it may be called by, best first."""

    has_subject: Flags
    labels: list[list[Label]]


def _measures(
    groups: Groups,
    counts: Level,
    stable: Shares | None,
    any_call: Vectors,
    n_sentences: int,
    subjects: _Subjects,
) -> Iterator[Measures]:
    n_firms_of_quarter = max(1, len(counts.firms))
    similarities = similarities_to_any_call(groups.means, any_call)
    for number, (firms, sentences) in enumerate(zip(counts.n_firms, counts.n_sentences, strict=True)):
        yield Measures(
            share_of_firms=float(firms) / n_firms_of_quarter,
            share_of_sentences=float(sentences) / max(1, n_sentences),
            similarity_to_any_call=float(similarities[number]),
            name_fit=max((each.score for each in subjects.labels[number]), default=0.0),
            stability=None if stable is None else float(stable[number]),
            has_subject=bool(subjects.has_subject[number]),
        )


def _dictionary(groups: Groups, number: int, phrases: Sequence[str]) -> list[Phrase]:
    dictionary = groups.dictionary
    purity, share = (
        np.round(each[number].toarray().ravel(), _DIGITS) for each in (dictionary.purity, dictionary.share)
    )
    own = np.sort(dictionary.purity[number].indices)
    weight: NDArray[np.float64] = purity[own] * share[own]
    return [
        Phrase(phrases[column], float(purity[column]), float(share[column]))
        for column in own[np.argsort(-weight, kind="stable")]
    ]
