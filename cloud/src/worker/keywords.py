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
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

N_KEYWORDS = 8
N_KEYWORDS_SAID_ONCE = 4
CURLY_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# A letter first, then letters, digits or inner marks: "covid-19", "r&d", "5g" is left out on purpose with the figures.
_WORD = r"(?u)\b[A-Za-z][A-Za-z0-9&'-]*[A-Za-z0-9]\b"


def topic_keywords(documents: list[str], ignored_words: frozenset[str] = frozenset()) -> list[list[str]]:
    """Best keywords of each topic (one or two words each), best first.

    ``documents`` holds each topic's sentences joined by newlines; ``ignored_words`` are lower-case words that say who
    speaks, not what about (the names on the call). A topic of stop words only gets an empty list.
    """
    return _keywords_of([terms(document, ignored_words) for document in documents])


def theme_keywords(topic_keywords_of_theme: list[list[list[str]]]) -> list[list[str]]:
    """Best keywords of each theme, from the keywords of its topics: each keyword counts, and each word of a pair.

    The argument holds, for each theme, the keyword lists of its topics, the most central topic first.
    """
    documents = [
        [term for keywords in topics for keyword in keywords for term in dict.fromkeys([keyword, *keyword.split()])]
        for topics in topic_keywords_of_theme
    ]
    return _keywords_of(documents)


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
    """Words and pairs of neighbouring words of each sentence, without stop words; a pair never spans a stop word."""
    found: list[str] = []
    for sentence in document.lower().replace(CURLY_APOSTROPHE, "'").split("\n"):
        previous = None
        for match in re.finditer(_WORD, sentence):
            word = match.group().removesuffix("'s")
            if len(word) < 2 or word in stop_words() or word in ignored_words:
                previous = None
                continue
            found.append(word)
            if previous is not None:
                found.append(f"{previous} {word}")
            previous = word
    return found


def _keywords_of(documents: list[list[str]]) -> list[list[str]]:
    """Best terms of each document, given as the list of its terms."""
    names = list(dict.fromkeys(chain.from_iterable(documents)))
    if not names:
        return [[] for _ in documents]
    counts = CountVectorizer(analyzer=list, vocabulary=names).fit_transform(documents)
    weights = c_tf_idf(counts)
    return [_best_terms(names, counts[row].toarray()[0], weights[row].toarray()[0]) for row in range(len(documents))]


def _best_terms(names: list[str], counts: np.ndarray, weights: np.ndarray) -> list[str]:
    """The heaviest terms, those said more than once first; of a word and a pair that holds it only the heavier one.

    What was said only once is a keyword only where little was said twice: it is rare, so its weight is high by chance.
    Of equal weights a pair wins over its words ("supply chain", where neither is said alone); among what was said only
    once, what was said first.
    """
    order = sorted(
        np.flatnonzero(counts),
        key=lambda i: (counts[i] == 1, -weights[i], -len(names[i].split()) if counts[i] > 1 else 0, i),
    )
    chosen: list[str] = []
    for i in order:
        if len(chosen) >= (N_KEYWORDS if counts[i] > 1 else N_KEYWORDS_SAID_ONCE):
            break
        words = set(names[i].split())
        if not any(words <= set(other.split()) or set(other.split()) <= words for other in chosen):
            chosen.append(names[i])
    return chosen


@cache
def stop_words() -> frozenset[str]:
    """Function words, and the words every earnings call is full of (stop_words.txt)."""
    lines = (Path(__file__).parent / "stop_words.txt").read_text(encoding="utf-8").splitlines()
    return ENGLISH_STOP_WORDS | {word for line in lines if not line.startswith("#") for word in line.split()}
