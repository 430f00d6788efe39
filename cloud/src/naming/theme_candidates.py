"""Candidates for the names of themes and families: what their firms call the subject and others do not.

A phrase's score in a group of sentences is the share of the group's firms that say it in them, times the share of its
uses that is the group's (how well it tells the group from all others), times a bonus for its words. Of the best ones
those come first that also mean what the group's sentences mean: the score times the square of the cosine of the two.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.naming import labels
from cloud.src.naming.guard import sameness
from cloud.src.naming.name_rules import LEGAL_FORMS, SMALL_WORDS
from cloud.src.naming.noun_phrases import Flags, Keys, NounPhrases, Numbers, noun_phrases
from cloud.src.naming.theme_names import MAX_WORDS, SCORE_OF_A_PAIR, Candidates, Label

N_LABELS = 8
MIN_FIRMS = 3
MIN_FIRMS_OF_A_TINY_QUARTER = 2
# A quarter of fewer firms is tiny.
_TINY = 10
# A phrase of which one firm has a larger share of the sentences is that firm's own case. Of two firms one has half.
MAX_FIRM_SHARE = 0.4
MAX_FIRM_SHARE_OF_A_TINY_QUARTER = 0.75
# A phrase of which a larger share of the sentences nearly runs the call is the call's ("Q&A", "pleasure").
MAX_PROCEDURAL_SHARE = 0.25
# A phrase that is mostly said inside one longer phrase is a fragment of it ("sheet").
MAX_SHARE_INSIDE = 0.6
# What fewer of a group's sentences say is no name for it.
MIN_SENTENCES = 3
# Of a family's best phrases, one that so much fewer firms say than the best one comes after the others: it is the name
# of a part.
MIN_SHARE_OF_THE_BEST = 0.2
# In a quarter of fewer firms, shares say little about what has a subject.
_SMALL = 20
# A theme has a subject when the share of its firms that say a phrase, times the share of the phrase's uses that is the
# theme's, is at least so large.
MIN_SHARE_OF_A_SUBJECT = 0.07
# Two phrases make one name when both are near to the family and neither says what the other says.
MIN_NEARNESS_OF_A_PAIR = 0.4
MIN_SCORE_IN_A_PAIR = 0.25
# Two that are less near do where both are names of the family's themes and have to do with one another.
MIN_NEARNESS_OF_A_LOOSE_PAIR = 0.25
MIN_COSINE_OF_A_LOOSE_PAIR = 0.35
SCORE_OF_A_LOOSE_PAIR = 0.5
MAX_COSINE_OF_A_PAIR = 0.57
# A label with a smaller share of the best one's score is no name.
MIN_SHARE_OF_THE_BEST_SCORE = 0.02
# Of two phrases that as many firms say, the one that more sentences have is nearer to what most of them are about.
WEIGHT_OF_SENTENCES = 0.25
# Of two phrases the longer one says more.
BONUS_FOR_WORDS = {1: 1.0, 2: 1.6, 3: 1.7}

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Spoken:
    """Sentences of a quarter that say something, or a sample; ``firms`` and ``is_procedural`` have an entry for each.

    firms: numbers of firms, the places in ``firm_names`` and ``speakers``.
    is_procedural: whether the sentence nearly runs the call.
    firm_names: what each firm is called; no name of a theme says it.
    speakers: the words of each firm's speakers' names, in lower case.
    """

    texts: Sequence[str]
    firms: Numbers
    is_procedural: Flags
    firm_names: Sequence[str]
    speakers: Sequence[Collection[str]]


@dataclass(frozen=True)
class GroupSentences:
    """The themes, or the families: ``members`` is 1 where a sentence counts for a group, shape (sentences, groups).

    ``means`` are the unit vectors of the groups' mean sentences.
    """

    members: sp.csr_matrix
    means: Vectors


def candidates(spoken: Spoken, themes: GroupSentences, families: GroupSentences, embedder: Embedder) -> Candidates:
    """The phrases that themes and families may be called by."""
    n_themes, n_families = len(themes.means), len(families.means)
    if not n_families or not spoken.texts:  # nobody says anything, or nothing that firms share
        return Candidates([[]] * n_themes, [[]] * n_families, np.zeros(n_themes, dtype=np.bool_))
    n_firms = len(np.unique(spoken.firms))
    is_tiny = n_firms < _TINY
    phrases = noun_phrases(spoken.texts, spoken.firms, MIN_FIRMS_OF_A_TINY_QUARTER if is_tiny else MIN_FIRMS)
    ranking = _Ranking(phrases, _may_be_names(phrases, spoken, is_tiny), spoken.firms)
    meanings = _Meanings(phrases.names, embedder)
    of_themes, of_families = list(ranking.best(themes.members)), list(ranking.best(families.members))
    return Candidates(
        meanings.labels(of_themes, themes.means),
        [
            labels_of + meanings.pairs(labels_of)
            for labels_of in meanings.labels(of_families, families.means, MIN_SHARE_OF_THE_BEST)
        ],
        np.array([n_firms < _SMALL or each.best_share >= MIN_SHARE_OF_A_SUBJECT for each in of_themes], dtype=np.bool_),
    )


@dataclass(frozen=True)
class _Ranked:
    """A group's best phrases, by number, best first, with their scores and how many of the group's firms say them.

    best_share: the largest share of firms that say a phrase, times the share of its uses that is the group's.
    """

    phrases: Numbers
    scores: Scores
    n_saying: Numbers
    best_share: float


class _Ranking:
    """Ranks phrases in groups of sentences."""

    def __init__(self, phrases: NounPhrases, may_be_names: Flags, firms: Numbers) -> None:
        self._said = phrases.said.tocsr()
        self._firms = firms
        self._uses = np.asarray(phrases.said.sum(axis=0)).ravel()
        words = np.array([len(keys) for keys in phrases.keys], dtype=np.int64)
        self._bonus = np.array([0.0, *BONUS_FOR_WORDS.values()])[words]
        self._may_be_names = may_be_names
        self._shorter, self._longer = _inside(phrases.keys)

    def best(self, members: sp.csr_matrix) -> Iterator[_Ranked]:
        """The phrases of each group, best first."""
        members = members.tocsc()
        for group in range(members.shape[1]):
            rows = members.indices[members.indptr[group] : members.indptr[group + 1]]
            shares, n_saying = self._shares(self._said[rows], self._firms[rows])
            n_sentences = np.bincount(self._said[rows].indices, minlength=len(shares))
            scores = np.round(shares * self._bonus * (n_sentences / max(len(rows), 1)) ** WEIGHT_OF_SENTENCES, 9)
            by_score = np.lexsort((np.arange(len(scores)), -scores))[: np.count_nonzero(scores)]
            best = by_score[:N_LABELS]
            yield _Ranked(best, scores[best], n_saying[best], float(shares.max(initial=0)))

    def _shares(self, said: sp.csr_matrix, firms: Numbers) -> tuple[Scores, Numbers]:
        """Of each phrase the share of the group's firms that say it times the share of its uses that is the group's.

        And how many of the group's firms say it.
        """
        n_firms = len(np.unique(firms))
        together = np.bincount(said.indices, minlength=said.shape[1])
        scale = int(firms.max(initial=0)) + 1
        pairs = np.unique(said.indices.astype(np.int64) * scale + np.repeat(firms, np.diff(said.indptr)))
        n_saying = np.bincount(pairs // scale, minlength=said.shape[1])
        shares = n_saying / max(n_firms, 1) * together / np.maximum(self._uses, 1) * self._may_be_names
        shares[(together < MIN_SENTENCES) | (n_saying < min(2, n_firms))] = 0
        is_fragment = together[self._longer] >= MAX_SHARE_INSIDE * np.maximum(together[self._shorter], 1)
        shares[self._shorter[is_fragment]] = 0
        return np.round(shares, 9), n_saying  # so that the last bits decide about nothing


class _Meanings:
    """What phrases mean."""

    def __init__(self, names: Sequence[str], embedder: Embedder) -> None:
        self._names = names
        self._embedder = embedder

    def labels(self, groups: Sequence[_Ranked], means: Vectors, min_share: float = 0) -> list[list[Label]]:
        """The phrases of each group by score and by how near they are to the group's mean sentence.

        Those that less than ``min_share`` as many firms say as the one with the best score come last.
        """
        phrases = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(each.phrases for each in groups)]))
        vectors = self._embedder.embed([self._names[phrase] for phrase in phrases])
        ordered = []
        for each, mean in zip(groups, means, strict=True):
            nearness = np.round(np.maximum(vectors[np.searchsorted(phrases, each.phrases)] @ mean, 0), 4)
            scores = np.round(each.scores * nearness**2, 6)
            is_rare = each.n_saying < min_share * each.n_saying[:1]
            ordered.append(
                [
                    Label(self._names[each.phrases[place]], float(scores[place]), float(nearness[place]))
                    for place in np.lexsort((each.phrases, -scores, is_rare))
                    if scores[place] >= MIN_SHARE_OF_THE_BEST_SCORE * scores.max()
                ]
            )
        return ordered

    def pairs(self, labels_of: Sequence[Label]) -> list[Label]:
        """The best label and one that tells of another part of the same subject: "Pricing and Inflation"."""
        if not labels_of:
            return []
        best = labels_of[0]
        others = [each for each in labels_of[1:] if _may_pair(best, each)]
        if not others:
            return []
        vectors = self._embedder.embed([best.text, *(each.text for each in others)])
        return [
            Label(f"{best.text} and {each.text}", share * best.score, min(best.nearness, each.nearness))
            for each, cosine in zip(others, vectors[1:] @ vectors[0], strict=True)
            if (share := _share_of_a_pair(best, each, float(cosine)))
        ]


def _may_pair(best: Label, other: Label) -> bool:
    n_words = len(best.text.split()) + len(other.text.split()) + 1
    is_near = min(best.nearness, other.nearness) >= MIN_NEARNESS_OF_A_LOOSE_PAIR
    return n_words <= MAX_WORDS and is_near and not sameness(best.text) & sameness(other.text)


def _share_of_a_pair(best: Label, other: Label, cosine: float) -> float:
    """What share of the better one's score a pair has; 0 when it says the same twice or joins what is not related."""
    if cosine > MAX_COSINE_OF_A_PAIR:
        return 0
    is_near = min(best.nearness, other.nearness) >= MIN_NEARNESS_OF_A_PAIR
    if is_near and other.score >= MIN_SCORE_IN_A_PAIR * best.score:
        return SCORE_OF_A_PAIR
    return SCORE_OF_A_LOOSE_PAIR if cosine >= MIN_COSINE_OF_A_LOOSE_PAIR else 0


def _inside(keys: Sequence[Keys]) -> tuple[Numbers, Numbers]:
    """Pairs of phrases of which the first is part of the second."""
    place = {phrase: number for number, phrase in enumerate(keys)}
    pairs = [
        (place[phrase[start:end]], number)
        for number, phrase in enumerate(keys)
        for start in range(len(phrase))
        for end in range(start + 1, len(phrase) + 1)
        if end - start < len(phrase) and phrase[start:end] in place
    ]
    shorter, longer = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return shorter, longer


def _may_be_names(phrases: NounPhrases, spoken: Spoken, is_tiny: bool) -> Flags:
    """Phrases that stand alone, are no one firm's case, name nobody, and do not run the call."""
    n_firms = int(spoken.firms.max(initial=-1)) + 1
    by_firm = sp.csr_matrix(
        (np.ones(len(spoken.firms)), (spoken.firms, np.arange(len(spoken.firms)))), (n_firms, len(spoken.firms))
    )
    of_firms = (by_firm @ phrases.said).tocsc()
    uses = np.asarray(phrases.said.sum(axis=0)).ravel()
    max_share = MAX_FIRM_SHARE_OF_A_TINY_QUARTER if is_tiny else MAX_FIRM_SHARE
    procedural = phrases.said.T @ spoken.is_procedural.astype(np.float64)
    may_name: Flags = (
        phrases.stands_alone
        & (of_firms.max(axis=0).toarray().ravel() <= max_share * uses)
        & (procedural <= MAX_PROCEDURAL_SHARE * uses)
        & ~_names_a_firm(phrases, spoken.firm_names)
        & ~_names_a_speaker(phrases, of_firms, spoken.speakers)
    )
    return may_name


def _names_a_firm(phrases: NounPhrases, firm_names: Sequence[str]) -> Flags:
    """Phrases that have all words of a firm's name, one at least with a capital where others have none."""
    names = {tuple(_words(name)) for name in firm_names} - {()}
    flags = np.zeros(len(phrases.keys), dtype=np.bool_)
    for number, (keys, is_proper) in enumerate(zip(phrases.keys, phrases.is_proper, strict=True)):
        spans = ((start, end) for start in range(len(keys)) for end in range(start + 1, len(keys) + 1))
        flags[number] = any(keys[start:end] in names and any(is_proper[start:end]) for start, end in spans)
    return flags


def _words(firm_name: str) -> list[str]:
    words = [labels.singular(word) for word in re.findall(r"[\w&-]+", firm_name.lower())]
    return [word for word in words if word not in LEGAL_FORMS | SMALL_WORDS]


def _names_a_speaker(phrases: NounPhrases, of_firms: sp.csc_matrix, speakers: Sequence[Collection[str]]) -> Flags:
    """Phrases with a name that most of those who say it have on their call: "Grant", but not "grant"."""
    everybody = {word for words in speakers for word in words}
    flags = np.zeros(len(phrases.keys), dtype=np.bool_)
    for number, (keys, is_proper) in enumerate(zip(phrases.keys, phrases.is_proper, strict=True)):
        names = {key for key, proper in zip(keys, is_proper, strict=True) if proper and key in everybody}
        if names:
            firms = of_firms.indices[of_firms.indptr[number] : of_firms.indptr[number + 1]]
            flags[number] = 2 * sum(bool(names & set(speakers[firm])) for firm in firms) >= len(firms)
    return flags
