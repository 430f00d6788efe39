"""The noun phrases of a quarter's sentences, all at once: who says which, and how they are written.

The rules are those of labels.py, which looks at one firm's sentences: a word is a noun when its neighbours are those of
a noun. Here words are numbers in arrays, because a quarter has hundreds of thousands of sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from cloud.src.naming import labels
from cloud.src.naming.name_rules import title_case
from cloud.src.topics.keywords import CURLY_APOSTROPHE

MAX_WORDS = 3
# Of the uses of a word that has no content word beside it, the share after an article or a preposition from which on it
# is a noun ("the inventory"); adjectives stand there after a verb ("is safe").
MIN_SHARE_OF_A_NOUN = 0.3
# Of the same uses, the share after a form of "be" from which on it is an adjective.
MIN_SHARE_OF_AN_ADJECTIVE = 0.25
# "The testing" is a noun; "by ensuring" is a verb after a preposition.
MIN_SHARE_OF_A_GERUND = 0.1
# A single word is a name when it needs no other: of all its uses so many have no content word beside it ("the chain" is
# rare), and either so many have none behind it, or so many end a longer phrase, which "energy" does and "Chinese" and
# "renewable" do not.
MIN_SHARE_ALONE = 0.15
MIN_SHARE_LAST = 0.45
MIN_SHARE_AT_END_OF_MORE = 0.08
# A phrase that so seldom stands without a word before it is the end of a longer one ("digit growth").
MIN_SHARE_AT_START = 0.1
# Whatever is counted is named in the plural when so many of its uses have it.
MIN_SHARE_OF_A_PLURAL = 0.25
_DETERMINERS = frozenset("the a an our its their his her your my this that these those some any no each every".split())
_LINKING_VERBS = frozenset("is are was were be been being am remain remains remained stay stays stayed feel".split())
_DEGREES = frozenset("very so more most as too".split())
_BREAK = "."

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Keys = tuple[str, ...]


@dataclass(frozen=True)
class NounPhrases:
    """``said`` is 1 where a sentence has a phrase, shape (sentences, phrases); the rest has one entry per phrase.

    names: as it is usually written, in Title Case.
    keys: its words in lower case and singular.
    is_proper: for each word of a phrase, whether it is mostly written with a capital inside a sentence.
    stands_alone: whether it needs no other word beside it, as "chain", "Chinese" and "York" do.
    """

    said: sp.csr_matrix
    names: list[str]
    keys: list[tuple[str, ...]]
    is_proper: list[tuple[bool, ...]]
    stands_alone: Flags


@dataclass(frozen=True)
class _Tokens:
    """All sentences in a row, a break between them: ``word`` is the number of a spelling, ``sentence`` its place."""

    spellings: list[str]
    word: Numbers
    sentence: Numbers


@dataclass(frozen=True)
class _Grammar:
    """Of each key, a word in lower case and singular: what it may be in a phrase."""

    keys: list[str]
    may_be_inside: Flags
    may_be_first: Flags
    may_be_last: Flags
    stands_alone: Flags
    is_proper: Flags


def noun_phrases(texts: Sequence[str], firms: Numbers, min_firms: int) -> NounPhrases:
    """Phrases of up to three words that at least ``min_firms`` firms say; ``firms`` numbers each sentence's firm."""
    tokens = _tokens(texts)
    lower = [spelling.lower() for spelling in tokens.spellings]
    is_content = np.array([labels.is_content(spelling, frozenset()) for spelling in tokens.spellings])[tokens.word]
    number_of_key: dict[str, int] = {}
    key_of = np.array([number_of_key.setdefault(labels.singular(word), len(number_of_key)) for word in lower])
    key = key_of[tokens.word]
    grammar = _grammar(list(number_of_key), tokens, lower, key, is_content)
    starts, lengths = _phrases(key, is_content, grammar)
    codes = _codes(key, starts, lengths, len(grammar.keys))
    kept = _said_by_enough(codes, firms[tokens.sentence[starts]], min_firms)
    starts, lengths, codes = starts[kept], lengths[kept], codes[kept]
    _, first, phrase = np.unique(codes, return_index=True, return_inverse=True)
    said = sp.csr_matrix((np.ones(len(phrase)), (tokens.sentence[starts], phrase)), shape=(len(texts), len(first)))
    said.data[:] = 1  # however often a sentence says it
    words = [key[starts[use] : starts[use] + lengths[use]] for use in first]
    needs_more = _mostly(_after_capital(tokens, lower, starts), phrase, len(first))
    n_first = np.bincount(phrase[~is_content[starts - 1]], minlength=len(first))
    needs_more |= n_first < MIN_SHARE_AT_START * np.bincount(phrase, minlength=len(first))
    return NounPhrases(
        said,
        [title_case(written) for written in _usual_spellings(tokens, starts, lengths, phrase, len(first))],
        [tuple(grammar.keys[number] for number in numbers) for numbers in words],
        [tuple(bool(grammar.is_proper[number]) for number in numbers) for numbers in words],
        np.array([len(each) > 1 or bool(grammar.stands_alone[each[0]]) for each in words], dtype=np.bool_)
        & ~needs_more,
    )


def _after_capital(tokens: _Tokens, lower: list[str], starts: Numbers) -> Flags:
    """Uses after a stop word with a capital inside a sentence: "York" of "New York"."""
    is_capital = np.array([spelling != word for spelling, word in zip(tokens.spellings, lower, strict=True)])
    is_stop_word = np.array([not labels.is_content(word, frozenset()) for word in tokens.spellings])
    before = tokens.word[starts - 1]
    is_name: Flags = (is_capital & is_stop_word)[before] & (tokens.word[np.maximum(starts - 2, 0)] != 0)
    return is_name


def _mostly(is_so: Flags, phrase: Numbers, n_phrases: int) -> Flags:
    """Phrases of which it is so in more than half of their uses."""
    return 2 * np.bincount(phrase[is_so], minlength=n_phrases) > np.bincount(phrase, minlength=n_phrases)


def _tokens(texts: Sequence[str]) -> _Tokens:
    number_of: dict[str, int] = {_BREAK: 0}
    words, ends = [0], []
    for text in texts:
        for token in labels.TOKEN.findall(text.replace(CURLY_APOSTROPHE, "'")):
            words.append(number_of.setdefault(token.removesuffix("'s"), len(number_of)))
        words.append(0)
        ends.append(len(words))
    lengths = np.diff([0, *ends])
    return _Tokens(list(number_of), np.array(words), np.repeat(np.arange(len(texts)), lengths))


def _grammar(keys: list[str], tokens: _Tokens, lower: list[str], key: Numbers, is_content: Flags) -> _Grammar:
    """What all uses of each word say about it."""

    def stands_in(words: frozenset[str]) -> Flags:
        return np.array([word in words for word in lower])[tokens.word]

    uses = np.flatnonzero(is_content)

    def count(condition: Flags) -> Numbers:
        return np.bincount(key[uses[condition]], minlength=len(keys))

    before, after = uses - 1, uses + 1
    as_noun = stands_in(labels.BEFORE_NOUNS)[before]
    as_verb = stands_in(labels.BEFORE_VERBS)[before] | stands_in(labels.AFTER_VERBS)[after]
    is_first, is_last = ~is_content[before], ~is_content[after]
    is_alone = is_first & is_last
    n_uses, n_alone = np.bincount(key[uses], minlength=len(keys)), count(is_alone)
    n_as_adjective = count(is_alone & stands_in(_LINKING_VERBS | _DEGREES)[before])
    is_gerund = np.array([word.endswith("ing") for word in keys])
    is_noun = (count(is_alone & as_noun) >= MIN_SHARE_OF_A_NOUN * n_alone) & np.where(
        is_gerund,
        count(is_first & stands_in(_DETERMINERS)[before]) >= MIN_SHARE_OF_A_GERUND * count(is_first),
        n_as_adjective <= MIN_SHARE_OF_AN_ADJECTIVE * n_alone,
    )
    inside, first, last = (np.array([test(word) for word in keys]) for test in _TESTS)
    in_sentence = tokens.word[before] != 0
    has_capital = np.array([spelling != word for spelling, word in zip(tokens.spellings, lower, strict=True)])
    return _Grammar(
        keys,
        may_be_inside=inside & (count(as_verb) <= np.maximum(count(as_noun), labels.MAX_SHARE_AS_VERB * n_uses)),
        may_be_first=first,
        may_be_last=last & is_noun & (count(is_last) >= labels.MIN_SHARE_AT_END * n_uses),
        stands_alone=(n_alone >= MIN_SHARE_ALONE * n_uses)
        & (
            (count(is_last) >= MIN_SHARE_LAST * n_uses)
            | (count(is_last & ~is_first) >= MIN_SHARE_AT_END_OF_MORE * n_uses)
        ),
        is_proper=2 * count(in_sentence & has_capital[tokens.word[uses]]) > count(in_sentence),
    )


_TESTS: tuple[Callable[[str], bool], ...] = (
    lambda word: not word.endswith("ly") or word in labels.NOT_ADVERBS,
    lambda word: word not in labels.HEADS,
    lambda word: not word.endswith("ed"),
)


def _phrases(key: Numbers, is_content: Flags, grammar: _Grammar) -> tuple[Numbers, Numbers]:
    """Where each phrase starts and how many words it has; all words of a phrase stand in one run of content words."""
    fits = is_content & grammar.may_be_inside[key]
    first, last = fits & grammar.may_be_first[key], fits & grammar.may_be_last[key]
    starts, lengths = [], []
    for length in range(1, MAX_WORDS + 1):
        end = len(key) - length + 1
        is_phrase = first[:end] & last[length - 1 :]
        for one in range(length):
            is_phrase &= fits[one : end + one]
            for other in range(one):
                is_phrase &= key[one : end + one] != key[other : end + other]
        starts.append(np.flatnonzero(is_phrase))
        lengths.append(np.full(len(starts[-1]), length))
    return np.concatenate(starts), np.concatenate(lengths)


def _codes(words: Numbers, starts: Numbers, lengths: Numbers, n_words: int) -> Numbers:
    """One number for each use of a phrase: the words' numbers as digits; equal for equal phrases."""
    codes = np.zeros(len(starts), dtype=np.int64)
    for place in range(MAX_WORDS):
        word = words[np.minimum(starts + place, len(words) - 1)] + 1
        codes = codes * (n_words + 1) + np.where(place < lengths, word, 0)
    return codes


def _said_by_enough(codes: Numbers, firms: Numbers, min_firms: int) -> Flags:
    phrases, phrase = np.unique(codes, return_inverse=True)
    n_firms = int(firms.max(initial=0)) + 1
    of_firms = np.unique(phrase * n_firms + firms) // n_firms
    return (np.bincount(of_firms, minlength=len(phrases)) >= min_firms)[phrase]


def _usual_spellings(tokens: _Tokens, starts: Numbers, lengths: Numbers, phrase: Numbers, n: int) -> list[str]:
    """How each phrase is written most often: first the words, then the capitals."""
    codes = _codes(tokens.word, starts, lengths, len(tokens.spellings))
    pairs, use, counts = np.unique(np.stack([phrase, codes]), axis=1, return_index=True, return_counts=True)
    written: list[dict[str, int]] = [{} for _ in range(n)]
    for number, first, count in zip(pairs[0], use, counts, strict=True):
        words = tokens.word[starts[first] : starts[first] + lengths[first]]
        written[number][" ".join(tokens.spellings[word] for word in words)] = int(count)
    return [_usual(spellings) for spellings in written]


def _usual(written: dict[str, int]) -> str:
    """The most usual spelling; a plural is taken where a good part of the uses have it: "Acquisitions"."""
    total: dict[str, int] = {}
    for spelling, count in written.items():
        total[spelling.lower()] = total.get(spelling.lower(), 0) + count
    least = MIN_SHARE_OF_A_PLURAL * sum(total.values())
    words = min(total, key=lambda each: (not (_is_plural(each) and total[each] >= least), -total[each], each))
    return min((s for s in written if s.lower() == words), key=lambda spelling: (-written[spelling], spelling))


def _is_plural(phrase: str) -> bool:
    last = phrase.split()[-1]
    return labels.singular(last) != last
