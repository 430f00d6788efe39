"""Names of topics without an LLM: noun phrases of the topic's own sentences, weighed by class-based TF-IDF.

A part-of-speech tagger and its model would be one more thing in the lockfile and in every image, for a fallback.
Whether a word is a noun is read off its neighbours in all of the firm's sentences: nouns follow articles and
prepositions and end a run of content words, verbs follow pronouns, "to" and "will" or stand before an article.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cloud.src.naming.name_rules import title_case, why_refused
from cloud.src.topics.keywords import CURLY_APOSTROPHE, DIGIT_WORD, WORD, stop_words

N_LABELS = 8
MAX_WORDS = 3
# A phrase says more than a word of the same weight (docs/measurements/names.md).
_BONUS_FOR_WORDS = {1: 1.0, 2: 1.6, 3: 1.7}
# How often (share of its uses) a word must end a run of content words to be the noun that others describe.
MIN_SHARE_AT_END = 0.3
# How often its neighbours may be those of a verb before it can be one.
MAX_SHARE_AS_VERB = 0.3

TOKEN = re.compile(rf"{WORD}|\d+[.,]\w+|\w+|[^\w\s]")
_DIGIT_WORD = re.compile(DIGIT_WORD)
# In keywords.py these words are noise; at the end of a phrase they are what it is about: "Revenue Growth".
HEADS = frozenset(
    "growth increase increases decline declines decrease performance business businesses results impact impacts".split()
)
BEFORE_NOUNS = frozenset(
    "the a an our its their his her your my this that these those some any no each every both all more less new of in "
    "for on with from by about into through at as per and or".split()
)
BEFORE_VERBS = frozenset(
    "i we you they he she it who to will would can could should may might must not never also don't can't won't "
    "didn't is are was were be been being am we're you're they're i'm it's we've they've have has had do does did "
    "let's".split()
)
AFTER_VERBS = frozenset("the a an our its their his her your my us them it him me".split())
NOT_ADVERBS = frozenset("anomaly assembly family italy monopoly rally supply".split())

Keys = tuple[str, ...]  # of a phrase's words


@dataclass(frozen=True)
class _Word:
    text: str  # as it is written
    key: str  # in lower case and singular
    previous: str  # the token before it, in lower case
    following: str
    at_end: bool  # of a run of content words


Phrase = tuple[_Word, ...]


@dataclass
class _Usage:
    """How a word is used in all of the firm's sentences."""

    count: int = 0
    as_noun: int = 0
    as_verb: int = 0
    at_end: int = 0

    def is_verb(self) -> bool:
        return self.as_verb > max(self.as_noun, MAX_SHARE_AS_VERB * self.count)

    def ends_phrases(self) -> bool:
        return self.at_end >= MIN_SHARE_AT_END * self.count


def topic_labels(
    topics: Sequence[Sequence[str]], ignored_words: frozenset[str] = frozenset(), firm: Sequence[str] = ()
) -> list[list[str]]:
    """Candidates for the names of a firm's topics: of each at most ``N_LABELS``, best first; none without a noun.

    ``topics`` holds each topic's sentences, ``ignored_words`` lower-case words that say who speaks, ``firm`` what the
    firm is called. A candidate is a phrase of two or three words, or two single words: "Freight and Tariffs".
    """
    runs = [[run for sentence in sentences for run in _runs(sentence, ignored_words)] for sentences in topics]
    usage = _usage(word for runs_of_topic in runs for run in runs_of_topic for word in run)
    phrases = [[phrase for run in runs_of_topic for phrase in _phrases(run, usage)] for runs_of_topic in runs]
    spellings = _spellings(phrase for phrases_of_topic in phrases for phrase in phrases_of_topic)
    counts = [Counter(_keys(phrase) for phrase in phrases_of_topic) for phrases_of_topic in phrases]
    return [
        _labels((spellings[keys].most_common(1)[0][0] for keys in ranked), sentences, firm)
        for ranked, sentences in zip(_ranked(counts), topics, strict=True)
    ]


def _runs(sentence: str, ignored_words: frozenset[str]) -> Iterator[Phrase]:
    """The sentence's runs of content words: what stands between stop words and punctuation marks."""
    tokens = [token.removesuffix("'s") for token in TOKEN.findall(sentence.replace(CURLY_APOSTROPHE, "'"))]
    run: list[_Word] = []
    for previous, token, following in zip([".", *tokens], tokens, [*tokens[1:], "."], strict=False):
        if is_content(token, ignored_words):
            at_end = not is_content(following, ignored_words)
            run.append(_Word(token, singular(token.lower()), previous.lower(), following.lower(), at_end))
            if at_end:
                yield tuple(run)
                run = []


def is_content(token: str, ignored_words: frozenset[str]) -> bool:
    """Whether a token is a word that a phrase may have."""
    word = token.lower()
    if len(word) < 2 or not (word[0].isalpha() or _DIGIT_WORD.fullmatch(word)) or word in ignored_words:
        return False
    return word in HEADS or word not in stop_words()


def singular(word: str) -> str:
    """Near enough to count "tariff" and "tariffs" together; it is never shown."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _usage(words: Iterable[_Word]) -> dict[str, _Usage]:
    usage: dict[str, _Usage] = defaultdict(_Usage)
    for word in words:
        seen = usage[word.key]
        seen.count += 1
        seen.as_noun += word.previous in BEFORE_NOUNS
        seen.as_verb += word.previous in BEFORE_VERBS or word.following in AFTER_VERBS
        seen.at_end += word.at_end
    return usage


def _phrases(run: Phrase, usage: dict[str, _Usage]) -> Iterator[Phrase]:
    """All phrases of up to three neighbouring words of a run that end with a noun and hold no verb or adverb."""
    for end in range(1, len(run) + 1):
        for start in range(max(0, end - MAX_WORDS), end):
            phrase = run[start:end]
            if _is_noun_phrase(_keys(phrase), usage):
                yield phrase


def _is_noun_phrase(keys: Keys, usage: dict[str, _Usage]) -> bool:
    if keys[0] in HEADS or len(set(keys)) < len(keys):
        return False
    if any(usage[key].is_verb() or (key.endswith("ly") and key not in NOT_ADVERBS) for key in keys):
        return False
    return usage[keys[-1]].ends_phrases() and not keys[-1].endswith("ed")


def _keys(phrase: Phrase) -> Keys:
    return tuple(word.key for word in phrase)


def _spellings(phrases: Iterable[Phrase]) -> dict[Keys, Counter[str]]:
    """How often each phrase is written in which way; the most usual one is looked for only where it is needed."""
    written: dict[Keys, Counter[str]] = defaultdict(Counter)
    for phrase in phrases:
        written[_keys(phrase)][" ".join(word.text for word in phrase)] += 1
    return written


def _ranked(counts: list[Counter[Keys]]) -> Iterator[list[Keys]]:
    """Each topic's phrases, heaviest first: c-TF-IDF (keywords.py) times the bonus for the number of words."""
    total: Counter[Keys] = Counter()
    for count in counts:  # sum() would copy what it has for each topic
        total.update(count)
    mean_size = total.total() / max(1, len(counts))
    for count in counts:
        weights = {
            keys: n * math.log(1 + mean_size / total[keys]) * _BONUS_FOR_WORDS[len(keys)] for keys, n in count.items()
        }
        yield sorted(weights, key=lambda keys: (-weights[keys], keys))


def _labels(phrases: Iterable[str], sentences: Sequence[str], firm: Sequence[str]) -> list[str]:
    """The phrases, best first, as names; single words two at a time."""
    labels: list[str] = []
    waiting = ""
    for phrase in phrases:
        if " " in phrase:
            label = title_case(phrase)
        elif waiting:
            label, waiting = title_case(f"{waiting} and {phrase}"), ""
        else:
            waiting = phrase
            continue
        if why_refused(label, sentences, firm) is None:
            labels.append(label)
        if len(labels) == N_LABELS:
            break
    return labels
