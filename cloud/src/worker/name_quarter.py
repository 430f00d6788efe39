"""Names of a quarter's families and themes: families first, then themes, each level in its order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cloud.src.contract import keys
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.models.embeddings import Embedder
from cloud.src.naming.ask import GroupToName, Name, ToName
from cloud.src.naming.guard import sameness
from cloud.src.naming.namer import Namer
from cloud.src.naming.theme_candidates import GroupSentences, Spoken, candidates
from cloud.src.naming.theme_names import Candidates, Label, Labels, choose
from cloud.src.themes.measure import FittedThemes, Sentences, measure_fitted
from cloud.src.worker import answers
from cloud.src.worker.quarter_sentences import SpokenPart
from cloud.src.worker.rank_quarter import Ranked, RankedQuarter
from cloud.src.worker.store import Store
from cloud.src.worker.theme_table import keywords

Names = tuple[list[Name], list[Name]]  # of the families and of the themes, in their order


def candidates_of(
    fitted: FittedThemes,
    sentences: Sentences,
    speakers: Sequence[set[str]],
    firm_names: Sequence[str],
    embedder: Embedder,
) -> Candidates:
    """Candidates for the names, in the words of the sentences that themes were fitted to.

    ``speakers`` and ``firm_names`` have an entry per firm.
    """
    n_sentences = len(sentences.texts)
    counted = measure_fitted(fitted, sentences)
    return candidates(
        Spoken(sentences.texts, sentences.firms, sentences.is_procedural, firm_names, speakers),
        GroupSentences(counted.themes.members(n_sentences, len(fitted.family_of)), fitted.themes.means),
        GroupSentences(counted.families.members(n_sentences, fitted.n_families), fitted.families.means),
        embedder,
    )


def speaker_words(parts: Sequence[SpokenPart], n_firms: int) -> list[set[str]]:
    """The words of the names of each firm's speakers, in lower case."""
    words: list[set[str]] = [set() for _ in range(n_firms)]
    for part in parts:
        for firm, name in set(zip(part.firms.tolist(), part.speakers, strict=True)):
            words[firm] |= set(re.findall(r"[a-z][a-z'-]+", (name or "").lower()))
    return words


def name_quarter(
    store: Store, quarter: str, ranked: RankedQuarter, found: Candidates, namer: Namer, tell: Callable[[], None]
) -> Names:
    """Have all named. What the LLM answers is kept, in case this job is repeated.

    ``tell`` is called now and then while the names come in.
    """
    key = keys.llm_answers_for_themes(quarter)
    book = answers.read(store, key)

    def save_and_tell() -> None:
        answers.write(store, key, book)
        tell()

    try:
        return names_of(ranked, found, namer, book, save_and_tell)
    finally:
        answers.write(store, key, book)


def names_of(
    ranked: RankedQuarter, found: Candidates, namer: Namer, book: AnswerBook, meanwhile: Callable[[], None]
) -> Names:
    """Have all named; ``book`` gets the LLM's answers, and ``meanwhile`` is called now and then."""
    labels = labels_of(ranked, found)
    place = {family.number: place for place, family in enumerate(ranked.families)}
    families = to_name(ranked.families, labels.families, [None] * len(ranked.families))
    themes = to_name(ranked.themes, labels.themes, [place[theme.family] for theme in ranked.themes])
    names = answers.wait_for(namer.start_themes(families, themes, book), meanwhile=meanwhile)
    return names.families, names.themes


def labels_of(ranked: RankedQuarter, found: Candidates) -> Labels:
    """Labels by the groups' numbers; the first ones in their order choose first."""
    family_of = np.zeros(len(ranked.themes), dtype=np.int64)
    family_of[[theme.number for theme in ranked.themes]] = [theme.family for theme in ranked.themes]
    return choose(
        replace(found, families=_without_general_names(ranked, found)),
        family_of,
        [theme.number for theme in ranked.themes],
        [family.number for family in ranked.families],
    )


def names_lost(ranked: RankedQuarter, names: Names) -> dict[str, dict[str, Any]]:
    """By theme_id, why a name is not by the LLM that was asked for it, and which of its names were refused."""
    groups = [*ranked.families, *ranked.themes]
    return {
        group.group_id: {"because": name.because, "refused": list(name.refused)}
        for group, name in zip(groups, [*names[0], *names[1]], strict=True)
        if name.because
    }


def _without_general_names(ranked: RankedQuarter, found: Candidates) -> list[list[Label]]:
    """The families' candidates; one that is not general is not called by a theme that is ("Quick Ones")."""
    general = {
        sameness(label.text)
        for theme in ranked.themes
        if theme.measures.is_general
        for label in found.themes[theme.number][:1]
    }
    families = list(found.families)
    for family in ranked.families:
        labels_of = families[family.number]
        telling = [x for x in labels_of if not general & {sameness(part) for part in x.text.split(" and ")}]
        if telling and not family.measures.is_general:
            families[family.number] = telling
    return families


def to_name(groups: Sequence[Ranked], labels: Sequence[list[str]], families: Sequence[int | None]) -> ToName:
    """What names are made of.

    ``labels`` are by the groups' numbers; ``families`` has the place of each theme's family.
    """
    return ToName(
        [
            GroupToName(
                phrases=keywords(group.dictionary),
                sentences=[example.text for example in group.examples],
                labels=labels[group.number],
                family=family,
            )
            for group, family in zip(groups, families, strict=True)
        ],
        np.array([group.mean_sentence for group in groups], dtype=np.float32),
    )
