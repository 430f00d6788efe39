"""Which phrases a quarter's sentences have: words, and up to three words in a row, without stop words."""

from __future__ import annotations

from collections import Counter
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


def of_sentence(text: str) -> list[str]:
    """Each phrase of a sentence once."""
    return sorted(set(terms(text, _NO_WORDS)))


def phrases_of(texts: Sequence[str], firms: NDArray[np.int64]) -> Phrases:
    """The phrases that enough sentences of enough firms have; ``firms`` has the firm's number of each sentence."""
    phrases_of_sentence = [of_sentence(text) for text in texts]
    counts = Counter(phrase for phrases in phrases_of_sentence for phrase in phrases)
    least = min(max(len(texts) // SENTENCES_PER_USE, MIN_SENTENCES_OF_A_SMALL_QUARTER), MIN_SENTENCES)
    frequent = sorted(phrase for phrase, count in counts.items() if count >= least)
    said = matrix_of(phrases_of_sentence, frequent)
    shared = np.flatnonzero(np.diff((by_firm(firms) @ said).tocsc().indptr) >= MIN_FIRMS)
    return Phrases(said[:, shared].tocsr(), [frequent[column] for column in shared])


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
