"""Names of themes and families without an LLM: which of its candidates each is called by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud.src.naming.guard import sameness, says_no_more
from cloud.src.naming.noun_phrases import Flags, Numbers

# Of the score of the better of two phrases: one phrase is a better name than two if it is nearly as good.
SCORE_OF_A_PAIR = 0.8
# A name has no more words, the "and" of a pair among them.
MAX_WORDS = 4
# What a family is called instead of a phrase that names one of its themes has at least this share of its score.
MIN_SHARE_OF_A_WIDER_NAME = 0.5


@dataclass(frozen=True)
class Label:
    """A phrase that a group may be called by.

    score: how good a name it is. nearness: the cosine of the phrase to the group's mean sentence.
    """

    text: str
    score: float
    nearness: float


@dataclass(frozen=True)
class Candidates:
    """Of each theme and family its labels, best first.

    has_subject: whether many firms of a theme say a phrase that others do not.
    """

    themes: list[list[Label]]
    families: list[list[Label]]
    has_subject: Flags


@dataclass(frozen=True)
class Labels:
    """Candidates for the names of each theme and each family, best first; none where no phrase will do.

    No two first labels of a level say the same, and no theme's first one says only what its family's says.
    """

    themes: list[list[str]]
    families: list[list[str]]


def choose(found: Candidates, family_of: Numbers, themes: Sequence[int], families: Sequence[int]) -> Labels:
    """Labels of all themes and families; ``themes`` and ``families`` are their numbers, the most important first.

    A theme keeps the phrase that fits it best, and its family is called by a wider one, or else by its two
    first themes, because a longer name would be too narrow for the theme. The family of one theme keeps the phrase, and
    the theme says more. Of several with the same best label the one that it fits best keeps it, then the first.
    """
    by_fit = sorted(themes, key=lambda theme: -max((each.score for each in found.themes[theme][:1]), default=0))
    best = _unique([_texts(labels_of) for labels_of in found.themes], by_fit)
    names_within: dict[int, list[str]] = {family: [] for family in families}
    for theme in themes:
        names_within[int(family_of[theme])] += best[theme][:1]
    of_families = _unique(
        [_wider(labels_of, names_within[family]) for family, labels_of in enumerate(found.families)], families
    )
    taken = {sameness(label) for labels_of in of_families for label in labels_of[:1]}
    of_themes = [
        _saying_more(_texts(found.themes[theme]), of_families[int(family)][:1], taken)
        for theme, family in enumerate(family_of)
    ]
    return Labels(_unique(of_themes, by_fit), of_families)


def _wider(labels_of: Sequence[Label], names_within: Sequence[str]) -> list[str]:
    """A family's labels: first the best one, or what comes near to it and leaves all its themes their names."""
    if not labels_of:
        return []
    best = labels_of[0]
    wider = [each for each in labels_of if not any(_clash(each.text, name) for name in names_within)]
    names = {sameness(name) for name in names_within}
    good = [
        each
        for each in wider
        if each.score >= SCORE_OF_A_PAIR * best.score
        or (each.score >= MIN_SHARE_OF_A_WIDER_NAME * best.score and _is_of_themes(each.text, names))
    ]
    if best in wider:
        first = best.text
    elif good:
        first = max(good, key=lambda each: each.score).text
    else:
        first = _of_its_first_themes(names_within) or best.text
    return [first, *(each.text for each in labels_of if each.text != first)]


def _of_its_first_themes(names_within: Sequence[str]) -> str | None:
    """ "Debt and Credit"; None where two names do not make one of at most four words."""
    for number, one in enumerate(names_within):
        for other in names_within[number + 1 :]:
            if len(one.split()) + len(other.split()) < MAX_WORDS and not sameness(one) & sameness(other):
                return f"{one} and {other}"
    return None


def _is_of_themes(label: str, names: set[frozenset[str]]) -> bool:
    """Whether it is one phrase, or both its parts are names of themes."""
    parts = label.split(" and ")
    return len(parts) == 1 or all(sameness(part) in names for part in parts)


def _clash(family: str, theme: str) -> bool:
    """Whether one of the two names is part of the other."""
    return says_no_more(theme, family) or sameness(family) < sameness(theme)


def _saying_more(labels_of: list[str], family: list[str], taken: set[frozenset[str]]) -> list[str]:
    """A theme's labels that are no family's name and say more than its own family's; longer forms of the best first."""
    if not labels_of or not family:
        return labels_of
    free = [label for label in labels_of if sameness(label) not in taken and not says_no_more(label, family[0])]
    if free[:1] == labels_of[:1]:
        return free
    return sorted(free, key=lambda label: not sameness(label) > sameness(labels_of[0]))


def _texts(labels_of: Sequence[Label]) -> list[str]:
    return [each.text for each in labels_of]


def _unique(labels_of: Sequence[list[str]], order: Sequence[int]) -> list[list[str]]:
    """Of each group the labels that say something else than the first label of each group before it."""
    firsts: set[frozenset[str]] = set()
    unique: list[list[str]] = [[] for _ in labels_of]
    for group in order:
        unique[group] = [label for label in labels_of[group] if sameness(label) not in firsts]
        firsts |= {sameness(label) for label in unique[group][:1]}
    return unique
