"""Which sentences a judge is shown of a theme: some that count, some that nearly do, and some others."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from cloud.src.themes.count import NEAR
from cloud.src.themes.measure import FittedThemes, measure
from cloud.src.themes.sentence_grid import centred
from cloud.src.topics.grid import COARSE_STEPS
from cloud.src.worker.panel.source import PanelSource
from cloud.src.worker.quarter_sentences import SpokenPart

COUNTS, NEAR_MISS, OTHER = "counts", "near miss", "other"
SIZES = {COUNTS: 25, NEAR_MISS: 25, OTHER: 10}  # sentences of a sheet
# Cosine to the theme from which on a sentence that does not count is a near miss.
NEAR_MISS_FROM = round(NEAR - 0.15, 2)

_SHOWN = ("firm_name", "earnings_call_date", "speaker_name", "speaker_type", "raw_text")


@dataclass(frozen=True, order=True)
class Drawn:
    """A sentence of a sheet. ``place`` is a hash: the sentences with the smallest are drawn, and stand in its order."""

    place: str
    sentence_id: str
    stratum: str
    row: tuple[str, ...]  # who said it, when, and the sentence


def draw(source: PanelSource, fitted: FittedThemes, numbers: Sequence[int], seed: int) -> list[list[Drawn]]:
    """Sheets of some fitted themes, in one pass over the quarter; each shuffled, and the same for the same seed."""
    sheets: list[dict[str, list[Any]]] = [{stratum: [] for stratum in SIZES} for _ in numbers]
    [quarter] = source.quarters
    for table, part in source.parts(quarter):
        strata = _strata(fitted, part, numbers)
        for number, sheet, of_theme in zip(numbers, sheets, strata.T, strict=True):
            for drawn in _smallest(table, part, of_theme, f"{seed} {number}"):
                sheet[drawn.stratum].append(drawn)
            for stratum, size in SIZES.items():
                sheet[stratum] = heapq.nsmallest(size, sheet[stratum])
    return [sorted(drawn for of_stratum in sheet.values() for drawn in of_stratum) for sheet in sheets]


def _strata(fitted: FittedThemes, part: SpokenPart, numbers: Sequence[int]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The stratum of each sentence for each theme, shape (sentences, themes)."""
    n_sentences = len(part.texts)
    counted = measure(fitted, part.vectors, part.texts).themes
    counts = np.asarray(counted.members(n_sentences, len(fitted.family_of))[:, list(numbers)].todense()) > 0
    grid = centred(part.vectors.reshape(n_sentences, len(fitted.mean)), fitted.mean)
    is_near = grid @ fitted.themes.centroids[list(numbers)].T >= NEAR_MISS_FROM * COARSE_STEPS**2
    return np.where(counts, COUNTS, np.where(is_near, NEAR_MISS, OTHER)).astype(object)


def _smallest(
    table: pa.Table, part: SpokenPart, strata: np.ndarray[Any, np.dtype[np.object_]], seed: str
) -> Iterator[Drawn]:
    """Of each stratum the sentences of the part with the smallest hashes."""
    for stratum, size in SIZES.items():
        rows = np.flatnonzero(strata == stratum)
        places = ((_place(seed, part.sentence_ids[row]), int(row)) for row in rows)
        for place, row in heapq.nsmallest(size, places):
            shown = table.select(_SHOWN).slice(int(part.rows[row]), 1).to_pylist()[0]
            yield Drawn(place, part.sentence_ids[row], stratum, tuple(str(shown[name] or "") for name in _SHOWN))


def _place(seed: str, sentence_id: str) -> str:
    return blake2b(f"{seed} {sentence_id}".encode(), digest_size=16).hexdigest()
