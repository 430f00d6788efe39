"""The user's own list of words: how many sentences of each call and theme have a word of each category.

A list of sentiment or risk is an example. None comes with FTM, because the known ones are licensed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cloud.src.contract import schemas
from cloud.src.topics.keywords import CURLY_APOSTROPHE

# The column that goes with each exposure until the panel is written: of each category, how many sentences.
COUNTS = pa.field("counts", pa.list_(pa.int32()))
# Another one: the similarity of the nearest sentence.
NEAREST = pa.field("nearest", pa.float64())

Numbers = NDArray[np.int64]
Marks = NDArray[np.bool_]

# Letters and digits with what is inside a word: "don't" is one word, "long-term" two.
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words_in(text: str) -> tuple[str, ...]:
    """The words of a text in lower case."""
    return tuple(_WORD.findall(text.lower().replace(CURLY_APOSTROPHE, "'")))


@dataclass(frozen=True)
class WordList:
    """Words or phrases, each as words_in splits it, with the numbers of its categories; ``digest`` is of the file."""

    categories: Sequence[str]
    phrases: Mapping[tuple[str, ...], frozenset[int]]
    digest: str

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted({len(phrase) for phrase in self.phrases})

    def categories_of(self, text: str) -> set[int]:
        """The numbers of the categories that a sentence has a word or phrase of."""
        words = words_in(text)
        runs = (words[start : start + n] for n in self._lengths for start in range(len(words) - n + 1))
        return set().union(*(self.phrases[run] for run in runs if run in self.phrases))


def with_counts(exposures: pa.Table, evidence: pa.Table, sentences: pa.Table, words: WordList | None) -> pa.Table:
    """Exposures with the column COUNTS: how many of the sentences that count have a word of each category.

    Args:
        exposures: schema EXPOSURE, what exposures_of makes of the evidence.
        evidence: schema EVIDENCE, of these sentences.
        sentences: schema SENTENCE_TOPIC.
        words: None for no categories.
    """
    n_categories = len(words.categories) if words else 0
    counts = np.zeros((exposures.num_rows, n_categories), dtype=np.int64)
    if words is not None and exposures.num_rows:
        place = _places(evidence["sentence_id"], sentences["sentence_id"])
        marks = _marks(sentences["cleaned_text"], np.unique(place), words)
        rows = _rows(exposures, sentences["call_id"].take(pa.array(place, pa.int64())), evidence["theme_id"])
        np.add.at(counts, rows, marks[place])
    return exposures.append_column(COUNTS, _lists(counts))


def with_nearest(exposures: pa.Table, evidence: pa.Table, sentences: pa.Table) -> pa.Table:
    """Exposures with the column NEAREST. Arguments as in with_counts."""
    nearest = np.zeros(exposures.num_rows)
    if exposures.num_rows:
        place = _places(evidence["sentence_id"], sentences["sentence_id"])
        rows = _rows(exposures, sentences["call_id"].take(pa.array(place, pa.int64())), evidence["theme_id"])
        np.maximum.at(nearest, rows, np.asarray(evidence["similarity"]))
    return exposures.append_column(NEAREST, pa.array(nearest))


def words_table(exposures: pa.Table, categories: Sequence[str]) -> pa.Table:
    """Schema PANEL_WORDS: a row per exposure and category, zeros written.

    ``exposures`` has schema PANEL_EXPOSURE and the column COUNTS.
    """
    counts: Any = exposures[COUNTS.name].combine_chunks()
    of_category = counts.flatten().to_numpy()
    known = exposures.select([name for name in schemas.PANEL_WORDS.names if name in exposures.column_names])
    repeated = known.take(pa.array(np.repeat(np.arange(known.num_rows), len(categories)), pa.int64()))
    columns: dict[str, Any] = {name: repeated[name] for name in repeated.column_names}
    columns["category"] = pa.array(np.tile(np.array(categories, dtype=object), exposures.num_rows), pa.string())
    columns["n_sentences_of_category"] = of_category
    columns["share_of_category"] = of_category / np.maximum(np.asarray(repeated["n_sentences"]), 1)
    return pa.table({name: columns[name] for name in schemas.PANEL_WORDS.names})


def _marks(texts: pa.ChunkedArray[Any], rows: Numbers, words: WordList) -> Marks:
    """Which categories each sentence has a word of, shape (texts, categories); only ``rows`` are looked at."""
    marks = np.zeros((len(texts), len(words.categories)), dtype=np.bool_)
    looked_at: list[Any] = texts.take(pa.array(rows, pa.int64())).to_pylist()
    for row, text in zip(rows, looked_at, strict=True):
        marks[row, list(words.categories_of(text))] = True
    return marks


def _rows(exposures: pa.Table, call_ids: pa.ChunkedArray[Any], theme_ids: pa.ChunkedArray[Any]) -> Numbers:
    """The row of each (call, theme) in the exposures, which have each pair once."""
    calls, themes = pc.unique(exposures["call_id"]), pc.unique(exposures["theme_id"])
    own, asked = (
        _places(call, calls) * len(themes) + _places(theme, themes)
        for call, theme in ((exposures["call_id"], exposures["theme_id"]), (call_ids, theme_ids))
    )
    order = np.argsort(own)
    return order[np.searchsorted(own[order], asked)]


def _places(values: pa.ChunkedArray[Any], among: Any) -> Numbers:
    return np.asarray(pc.index_in(values, value_set=among)).astype(np.int64)


def _lists(counts: Numbers) -> pa.Array[Any]:
    starts = np.arange(len(counts) + 1, dtype=np.int32) * counts.shape[1]
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(counts.ravel(), pa.int32()))
