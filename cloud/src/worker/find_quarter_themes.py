"""From a quarter's topics and sentences to fitted themes, and how stable they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.themes.count import Counted
from cloud.src.themes.find_themes import find_themes
from cloud.src.themes.measure import FittedThemes, Limits, Sentences, fit, measure_fitted
from cloud.src.themes.refine import NO_THEME
from cloud.src.themes.stability import MIN_FIRMS, RERUNS, best_jaccard, part_of_firm
from cloud.src.worker.quarter_sentences import SpokenPart, share_to_fit, to_fit

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]
_DIGITS = 4


@dataclass(frozen=True)
class QuarterTopics:
    """What themes are found from; an entry per topic, ``embeddings`` of shape (topics, dimensions)."""

    embeddings: Vectors
    firm_ids: Sequence[str]
    keywords: Sequence[Sequence[str]]

    def seeds(self, limits: Limits, chosen: Numbers) -> tuple[Numbers, int]:
        """The theme that each topic is found in, NO_THEME for none and for those not chosen; and how many there are."""
        found = find_themes(
            # Without a copy where all are chosen: a million take 1.5 GB.
            self.embeddings if len(chosen) == len(self.firm_ids) else self.embeddings[chosen],
            [self.firm_ids[row] for row in chosen],
            [self.keywords[row] for row in chosen],
            limits.min_firms,
            limits.max_firm_dominance,
        )
        seed_of_topic = np.full(len(self.firm_ids), NO_THEME, dtype=np.int64)
        for number, theme in enumerate(found):
            seed_of_topic[chosen[theme.rows]] = number
        return seed_of_topic, len(found)


@dataclass(frozen=True)
class FittedOnSample:
    """Themes, and the sentences that they were fitted to: ``sentences`` are those of ``sample``."""

    fitted: FittedThemes
    sample: list[SpokenPart]
    sentences: Sentences


def find_and_fit(
    topics: QuarterTopics,
    read_parts: Callable[[float], Iterable[SpokenPart]],
    n_sentences: int,
    limits: Limits,
    embedder: Embedder,
    begin: Callable[[str], None],
) -> FittedOnSample:
    """Find themes among topics, and fit them to a sample of the ``n_sentences``.

    ``read_parts`` goes through the parts with a share of their sentences; ``begin`` is told what is begun.
    """
    begin(f"finding themes among {len(topics.firm_ids):,} topics")
    seed_of_topic, n_seeds = topics.seeds(limits, np.arange(len(topics.firm_ids)))
    begin(f"refining {n_seeds:,} themes on sentences")
    sample = list(read_parts(share_to_fit(n_sentences)))
    sentences = to_fit(sample, seed_of_topic, embedder)
    return FittedOnSample(fit(sentences, n_seeds, limits), sample, sentences)


@dataclass(frozen=True)
class Stability:
    """Between 0 and 1, an entry per theme and per family; None where the quarter has too few firms to tell."""

    themes: Shares | None = None
    families: Shares | None = None


def stability(
    fitted: FittedThemes, sentences: Sentences, topics: QuarterTopics, topic_of_sentence: Numbers, limits: Limits
) -> Stability:
    """The mean over reruns without a tenth of the firms each of the best Jaccard index; names play no part.

    ``topic_of_sentence`` has the topic of each sentence, -1 for none. Firms are numbered in the order of their ids.
    """
    firm_ids = sorted(set(topics.firm_ids))
    if len(firm_ids) < MIN_FIRMS:
        return Stability()
    tenth = part_of_firm(firm_ids)
    tenth_of_topic = np.array([tenth[firm_id] for firm_id in topics.firm_ids])
    tenth_of_firm = np.array([tenth[firm_id] for firm_id in firm_ids])
    n_sentences = len(sentences.texts)
    whole = measure_fitted(fitted, sentences)
    themes: list[Shares] = []
    families: list[Shares] = []
    for left_out in range(RERUNS):
        seed_of_topic, n_seeds = topics.seeds(limits, np.flatnonzero(tenth_of_topic != left_out))
        rows = np.flatnonzero(tenth_of_firm[sentences.firms] != left_out)
        rest = _some(replace(sentences, seeds=np.append(seed_of_topic, NO_THEME)[topic_of_sentence]), rows)
        rerun = fit(rest, n_seeds, limits)
        again = measure_fitted(rerun, rest)
        n_themes, n_families = (len(fitted.family_of), len(rerun.family_of)), (fitted.n_families, rerun.n_families)
        themes.append(_jaccard(whole.themes, again.themes, n_themes, rows, n_sentences))
        families.append(_jaccard(whole.families, again.families, n_families, rows, n_sentences))
    return Stability(_mean(themes), _mean(families))


def _mean(reruns: list[Shares]) -> Shares:
    mean: Shares = np.mean(reruns, axis=0)
    return np.round(mean, _DIGITS)


def _jaccard(before: Counted, after: Counted, n_groups: tuple[int, int], rows: Numbers, n_sentences: int) -> Shares:
    """Best Jaccard indices, of what counted before among these rows and what counts after of them alone."""
    return best_jaccard(before.members(n_sentences, n_groups[0])[rows], after.members(len(rows), n_groups[1]))


def _some(sentences: Sentences, rows: Numbers) -> Sentences:
    return Sentences(
        vectors=sentences.vectors[rows],
        firms=sentences.firms[rows],
        calls=sentences.calls[rows],
        texts=[sentences.texts[row] for row in rows],
        phrases=replace(sentences.phrases, said=sentences.phrases.said[rows]),
        seeds=sentences.seeds[rows],
        is_procedural=sentences.is_procedural[rows],
    )
