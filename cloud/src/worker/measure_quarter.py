"""One pass over a quarter's sentences: what counts for which theme, and what that comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.contract import schemas
from cloud.src.themes.count import NO_PHRASE, Counted
from cloud.src.themes.measure import FittedThemes, Limits, Measured, measure
from cloud.src.themes.refine import NO_THEME
from cloud.src.worker.quarter_sentences import SpokenPart

Numbers = NDArray[np.int64]

# The sentences that a theme or family is shown by: the nearest ones, each of another firm.
N_EXAMPLES = 8
# A topic belongs to the theme that most of its sentences count for, when these are so many of them.
MIN_SHARE_OF_TOPIC = 1 / 3


@dataclass(frozen=True)
class Example:
    """A sentence that a theme or family is shown by."""

    similarity: float
    sentence_id: str
    text: str


@dataclass
class Level:
    """What the sentences come to for all themes, or for all families.

    firms: sentences of each firm that count, shape (firms, groups).
    examples: of each group, the nearest sentence first.
    """

    firms: Numbers
    examples: list[list[Example]]

    @classmethod
    def empty(cls, n_firms: int, n_groups: int) -> Level:
        """Before anything has been counted."""
        return cls(np.zeros((n_firms, n_groups), dtype=np.int64), [[] for _ in range(n_groups)])

    @property
    def n_firms(self) -> Numbers:
        """Of each group, how many firms have a sentence that counts."""
        counts: Numbers = (self.firms > 0).sum(axis=0)
        return counts

    @property
    def n_sentences(self) -> Numbers:
        """Of each group, how many sentences count for it."""
        counts: Numbers = self.firms.sum(axis=0)
        return counts

    def add(self, part: SpokenPart, counted: Counted) -> None:
        """Add what counts of a part, which has all sentences of its firms."""
        firms = part.firms[counted.sentence]
        np.add.at(self.firms, (firms, counted.theme), 1)
        ids = np.array(part.sentence_ids, dtype=object)[counted.sentence]
        # The nearest sentence of each (group, firm): the first one in this order.
        order = np.lexsort((ids, -counted.similarity, firms, counted.theme))
        pairs = counted.theme[order] * len(self.firms) + firms[order]
        nearest = order[np.flatnonzero(np.diff(pairs, prepend=-1))]
        for entry in nearest:
            found = Example(float(counted.similarity[entry]), ids[entry], part.texts[counted.sentence[entry]])
            self.examples[counted.theme[entry]].append(found)
        for number in np.unique(counted.theme):
            self.examples[number] = sorted(self.examples[number], key=_nearest_first)[:N_EXAMPLES]


def _nearest_first(example: Example) -> tuple[float, str]:
    return -example.similarity, example.sentence_id


@dataclass
class MeasuredQuarter:
    """``parts`` are in the order of the quarter's parts; ``theme_of_topic`` is NO_THEME for a topic in none."""

    fitted: FittedThemes
    themes: Level
    families: Level
    theme_of_topic: Numbers
    n_sentences: int = 0  # that say something
    parts: list[Measured] = field(default_factory=list)

    @classmethod
    def empty(cls, fitted: FittedThemes, n_firms: int, n_topics: int) -> MeasuredQuarter:
        """Before anything has been counted."""
        return cls(
            fitted,
            Level.empty(n_firms, len(fitted.themes.centroids)),
            Level.empty(n_firms, len(fitted.families.centroids)),
            np.full(n_topics, NO_THEME, dtype=np.int64),
        )

    def add(self, part: SpokenPart, found: Measured, topic_sizes: Numbers) -> None:
        """Add what counts of a part to the sums. What counts is not kept: that is for who needs it."""
        self.n_sentences += len(part.texts)
        self.themes.add(part, found.themes)
        self.families.add(part, found.families)
        _assign_topics(self.theme_of_topic, part, found.themes, topic_sizes)

    def invalid(self, limits: Limits) -> Numbers:
        """The themes that are not valid when all sentences have been counted."""
        largest_share = self.themes.firms.max(axis=0, initial=0) / np.maximum(self.themes.n_sentences, 1)
        is_invalid = (self.themes.n_firms < limits.min_firms) | (largest_share > limits.max_firm_dominance)
        return np.flatnonzero(is_invalid)


def measure_quarter(
    read_parts: Callable[[], Iterable[SpokenPart]],
    fitted: FittedThemes,
    limits: Limits,
    n_firms: int,
    topic_sizes: Numbers,
) -> MeasuredQuarter:
    """Measure all parts. Themes that are valid on the sample only are dropped, and it begins again.

    Args:
        read_parts: goes through the quarter's parts from the first one.
        topic_sizes: how many sentences each topic has.
    """
    while True:
        measured = MeasuredQuarter.empty(fitted, n_firms, len(topic_sizes))
        for part in read_parts():
            measured.parts.append(measure(fitted, part.vectors, part.texts))
            measured.add(part, measured.parts[-1], topic_sizes)
        dropped = measured.invalid(limits)
        if not len(dropped):
            return measured
        fitted = fitted.without(dropped)


def _assign_topics(theme_of_topic: Numbers, part: SpokenPart, counted: Counted, topic_sizes: Numbers) -> None:
    """Set the themes of the part's topics."""
    topics = part.topics[counted.sentence]
    in_a_topic = topics != NO_THEME
    pairs, votes = np.unique(np.stack([topics[in_a_topic], counted.theme[in_a_topic]]), axis=1, return_counts=True)
    # The most votes last, and of equal ones the first theme last: what is written last stays.
    for entry in np.lexsort((-pairs[1], votes)):
        topic, theme = pairs[:, entry]
        if votes[entry] >= MIN_SHARE_OF_TOPIC * topic_sizes[topic]:
            theme_of_topic[topic] = theme


class QuarterEvidence:
    """Which sentences count for which theme and family, a part at a time and in the order of the parts.

    Args:
        measured: what has been counted.
        theme_ids, family_ids: of the fitted themes and families.
    """

    def __init__(self, measured: MeasuredQuarter, theme_ids: list[str], family_ids: list[str]) -> None:
        self._parts = iter(measured.parts)
        self._ids = EvidenceIds(measured.fitted, theme_ids, family_ids)

    def __call__(self, sentences: pa.Table) -> pa.Table:
        """Of the next part (schema SENTENCE_VECTOR), as schema EVIDENCE: by sentence, families first."""
        return self._ids.evidence(next(self._parts), sentences)


class EvidenceIds:
    """What the numbers of fitted themes, families and phrases stand for."""

    def __init__(self, fitted: FittedThemes, theme_ids: list[str], family_ids: list[str]) -> None:
        self._ids = np.array([*family_ids, *theme_ids], dtype=object)
        self._n_families = len(family_ids)
        self._phrases = np.array([*fitted.phrases, None], dtype=object)  # the last one is NO_PHRASE

    def evidence(self, part: Measured, sentences: pa.Table) -> pa.Table:
        """What counts of a part (schema SENTENCE_VECTOR), as schema EVIDENCE: by sentence, families first."""
        sentence = np.concatenate([part.families.sentence, part.themes.sentence])
        group = np.concatenate([part.families.theme, part.themes.theme + self._n_families])
        order = np.lexsort((group, sentence))
        said = sentences.filter(sentences.column("says"))
        counted = said.select(["sentence_id", "quarter"]).take(pa.array(sentence[order]))
        similarity = np.concatenate([part.families.similarity, part.themes.similarity])[order]
        phrase = np.concatenate([part.families.phrase, part.themes.phrase])[order]
        columns = {
            "sentence_id": counted.column("sentence_id"),
            "theme_id": pa.array(self._ids[group[order]], pa.string()),
            "similarity": pa.array(similarity),
            "phrase": pa.array(self._phrases[np.where(phrase == NO_PHRASE, -1, phrase)], pa.string()),
            "quarter": counted.column("quarter"),
        }
        return pa.table(columns).select(schemas.EVIDENCE.names).cast(schemas.EVIDENCE)
