"""Which phrases a quarter's sentences have: words, and up to three words in a row, without stop words."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from cloud.src.topics.keywords import terms

# What fewer sentences or firms say is a firm's own case, and no share of it means anything. A small quarter says
# everything less often.
MIN_SENTENCES = 8
MIN_SENTENCES_OF_A_SMALL_QUARTER = 3
SENTENCES_PER_USE = 5_000  # of a quarter between the two
MIN_FIRMS = 3
_NO_WORDS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Phrases:
    """``said`` is 1 where a sentence has a phrase, shape (sentences, phrases); ``texts`` are the phrases."""

    said: sp.csr_matrix
    texts: list[str]

    def of(self, columns: Sequence[int] | NDArray[np.int64]) -> Phrases:
        """Some of the phrases, in the order given."""
        return Phrases(self.said[:, columns], [self.texts[column] for column in columns])

    def named(self, texts: Sequence[str]) -> Phrases:
        """The phrases with these texts, in their order. Raises KeyError for a text that is not among them."""
        column_of = {text: column for column, text in enumerate(self.texts)}
        return self.of([column_of[text] for text in texts])


def of_sentence(text: str) -> list[str]:
    """Each phrase of a sentence once."""
    return sorted(set(terms(text, _NO_WORDS)))


def repeated_phrases(texts: Sequence[str]) -> Phrases:
    """The phrases that are said often enough to be a small quarter's: split once, whatever firms are left out later."""
    number_of: dict[str, int] = {}
    ends, flat = [0], array("q")
    for text in texts:
        flat.extend(number_of.setdefault(phrase, len(number_of)) for phrase in of_sentence(text))
        ends.append(len(flat))
    numbers = np.frombuffer(flat, dtype=np.int64)
    said = sp.csr_matrix((np.ones(len(numbers)), numbers, ends), shape=(len(texts), len(number_of)))
    names = list(number_of)
    repeated = np.flatnonzero(_uses(said) >= MIN_SENTENCES_OF_A_SMALL_QUARTER)
    return Phrases(said, names).of(sorted(repeated.tolist(), key=names.__getitem__))


def shared_phrases(phrases: Phrases, firms: NDArray[np.int64]) -> Phrases:
    """The phrases that enough sentences of enough firms have; ``firms`` has the firm's number of each sentence."""
    least = min(max(len(firms) // SENTENCES_PER_USE, MIN_SENTENCES_OF_A_SMALL_QUARTER), MIN_SENTENCES)
    frequent = phrases.of(np.flatnonzero(_uses(phrases.said) >= least))
    return frequent.of(np.flatnonzero(np.diff((by_firm(firms) @ frequent.said).tocsc().indptr) >= MIN_FIRMS))


def _uses(said: sp.csr_matrix) -> NDArray[np.int64]:
    return np.bincount(said.indices, minlength=said.shape[1])


def matrix_of(phrases_of_sentence: Sequence[Sequence[str]], known: Sequence[str]) -> sp.csr_matrix:
    """1 where a sentence has a known phrase; shape (sentences, known)."""
    column_of = {phrase: column for column, phrase in enumerate(known)}
    columns = [[column_of[phrase] for phrase in phrases if phrase in column_of] for phrases in phrases_of_sentence]
    ends = np.cumsum([0, *(len(found) for found in columns)])
    flat = np.fromiter((column for found in columns for column in found), dtype=np.int64, count=int(ends[-1]))
    return sp.csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(columns), len(known)))


def by_firm(firms: NDArray[np.int64]) -> sp.csr_matrix:
    """1 where a sentence is a firm's; shape (firms, sentences)."""
    n_firms = int(firms.max(initial=-1)) + 1
    return sp.csr_matrix((np.ones(len(firms)), (firms, np.arange(len(firms)))), shape=(n_firms, len(firms)))
