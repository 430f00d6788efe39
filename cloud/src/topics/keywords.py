"""Keywords of topics by class-based TF-IDF.

c-TF-IDF treats all sentences of a topic as one document (Grootendorst 2022, "BERTopic", arXiv:2203.05794, section
3.3): the weight of term t in topic c is tf(t, c) * log(1 + A / f(t)), where A is the average number of terms a topic
and f(t) the frequency of t over all topics.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

N_KEYWORDS = 8
N_KEYWORDS_SAID_ONCE = 4
MAX_WORDS = 3  # per keyword
# Keywords are chosen from this many of the heaviest terms; RELEVANCE is how much weight counts against difference.
N_CANDIDATES = 40
RELEVANCE = 0.7
CURLY_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# A letter first, then letters, digits or inner marks ("covid-19", "r&d"). Words that begin with a digit are figures,
# unless they are networks or dimensions ("5G", "3D"): 5G is a theme, and without its word it took its name from
# whatever was said beside it. "2.5D" and "780G" are figures.
DIGIT_WORD = r"(?<![\d.,])(?:[2-6][Gg]|[23][Dd])\b"
WORD = rf"[A-Za-z][A-Za-z0-9&'-]*[A-Za-z0-9]|{DIGIT_WORD}"
_WORD = re.compile(rf"\b(?:{WORD})\b")


def topic_keywords(documents: list[str], ignored_words: frozenset[str] = frozenset()) -> list[list[str]]:
    """Best keywords of each topic (one to three words each), best first.

    ``documents`` holds each topic's sentences joined by newlines; ``ignored_words`` are lower-case words to leave out,
    such as the names of the speakers. A topic that has only stop words gets an empty list.
    """
    terms_of_topics = [terms(document, ignored_words) for document in documents]
    names = list(dict.fromkeys(chain.from_iterable(terms_of_topics)))
    if not names:
        return [[] for _ in documents]
    counts = _counts(terms_of_topics, names)
    weights = c_tf_idf(counts)
    return [_best_terms(names, counts[row].toarray()[0], weights[row].toarray()[0]) for row in range(len(documents))]


def n_content_words(sentence: str, ignored_words: frozenset[str] = frozenset()) -> int:
    """How many words of the sentence could be keywords."""
    return sum(" " not in term for term in terms(sentence, ignored_words))


def c_tf_idf(counts: csr_matrix) -> csr_matrix:
    """Weights of shape (topics, terms) from counts of the same shape."""
    words_per_topic = np.asarray(counts.sum(axis=1)).ravel()
    term_frequency = counts.multiply(1 / np.maximum(words_per_topic, 1)[:, None])
    idf = np.log(1 + words_per_topic.mean() / np.asarray(counts.sum(axis=0)).ravel())
    return csr_matrix(term_frequency.multiply(idf))


def terms(document: str, ignored_words: frozenset[str]) -> list[str]:
    """Runs of up to MAX_WORDS neighbouring words of each sentence; stop words are left out and end a run."""
    found: list[str] = []
    for sentence in document.lower().replace(CURLY_APOSTROPHE, "'").split("\n"):
        run: list[str] = []
        for match in _WORD.finditer(sentence):
            word = match.group().removesuffix("'s")
            if len(word) < 2 or word in stop_words() or word in ignored_words:
                run = []
                continue
            run = [*run[1 - MAX_WORDS :], word]
            found += [" ".join(run[start:]) for start in range(len(run) - 1, -1, -1)]
    return found


def _counts(terms_of_topics: list[list[str]], names: list[str]) -> csr_matrix:
    """How often each topic has each term, shape (topics, names)."""
    column = {name: number for number, name in enumerate(names)}
    rows = np.repeat(np.arange(len(terms_of_topics)), [len(found) for found in terms_of_topics])
    columns = [column[term] for found in terms_of_topics for term in found]
    # Entries in the same place are added up.
    return csr_matrix(
        (np.ones(len(columns), dtype=np.int64), (rows, columns)), shape=(len(terms_of_topics), len(names))
    )


def _best_terms(names: list[str], counts: np.ndarray, weights: np.ndarray) -> list[str]:
    """The heaviest terms that differ from each other; those said more than once come first.

    A term said only once is a keyword only if few were repeated: it is rare, so its weight is high by chance. At equal
    weight, a longer term beats the words it is made of ("supply chain", when neither is said alone); among terms said
    once, the earlier one wins.
    """
    said = np.flatnonzero(counts)
    repeated = sorted(said[counts[said] > 1], key=lambda i: (-weights[i], -len(names[i].split()), i))
    once = sorted(said[counts[said] == 1], key=lambda i: (-weights[i], i))
    chosen = _diverse([(names[i], weights[i]) for i in repeated[:N_CANDIDATES]], N_KEYWORDS, [])
    return _diverse([(names[i], weights[i]) for i in once[:N_CANDIDATES]], N_KEYWORDS_SAID_ONCE, chosen)


def _diverse(candidates: list[tuple[str, float]], n_terms: int, chosen: list[str]) -> list[str]:
    """Fill ``chosen`` up to ``n_terms`` by maximal marginal relevance (Carbonell & Goldstein 1998).

    Terms are compared by the three-letter pieces that they share, so that "tariffs" does not follow "tariff". If one
    term holds all the words of another, only the first chosen is kept.
    """
    chosen = list(chosen)
    pieces = {term: _pieces(term) for term, _ in candidates} | {term: _pieces(term) for term in chosen}
    heaviest = max((weight for _, weight in candidates), default=1) or 1
    left = list(candidates)
    while left and len(chosen) < n_terms:
        gains = [
            RELEVANCE * weight / heaviest
            - (1 - RELEVANCE) * max((_alike(pieces[term], pieces[other]) for other in chosen), default=0)
            for term, weight in left
        ]
        best = left[gains.index(max(gains))][0]
        chosen.append(best)
        words = set(best.split())
        left = [(term, w) for term, w in left if not (words <= set(term.split()) or set(term.split()) <= words)]
    return chosen


def _pieces(term: str) -> frozenset[str]:
    return frozenset(term[at : at + 3] for at in range(max(1, len(term) - 2)))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice coefficient, from 0 to 1."""
    return 2 * len(one & other) / (len(one) + len(other))


@cache
def stop_words() -> frozenset[str]:
    """Function words (english_stop_words.txt) and words common to all earnings calls (stop_words.txt)."""
    files = [Path(__file__).parent / name for name in ("english_stop_words.txt", "stop_words.txt")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
