"""How much of each call is about each theme and family: the counts of the evidence.

Evidence and calls come a part at a time, so a quarter of any size takes the memory of one part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cloud.src.contract import schemas
from cloud.src.worker.calls import call_starts, sections_and_sides

Numbers = NDArray[np.int64]
_DIGITS = 6  # of a mean of similarities, so that the last bit of a sum is in no file


def exposures_of(evidence: pa.Table, sentences: pa.Table, calls: pa.Table, themes: pa.Table) -> pa.Table:
    """Exposures of some calls, by call and then by theme, as schema EXPOSURE.

    Args:
        evidence: schema EVIDENCE, of these sentences.
        sentences: schema SENTENCE_TOPIC, all of these calls and no others.
        calls: what calls_of makes of the sentences.
        themes: schema THEME, themes and families in their order.
    """
    rows = _places(evidence.column("sentence_id"), sentences.column("sentence_id"))
    theme = _places(evidence.column("theme_id"), themes.column("theme_id"))
    starts = call_starts(sentences)
    call = np.searchsorted(starts, rows, side="right") - 1
    pairs, pair = np.unique(call * max(1, themes.num_rows) + theme, return_inverse=True)
    of_call, of_theme = np.divmod(pairs, max(1, themes.num_rows))
    n_sentences = np.bincount(pair, minlength=len(pairs))
    similarity = np.bincount(pair, weights=np.asarray(evidence.column("similarity")), minlength=len(pairs))

    table = calls.take(pa.array(of_call, pa.int64()))
    said = {name: np.asarray(table.column(name)) for name in table.column_names if "_said" in name}
    columns: dict[str, Any] = {
        name: table.column(name) for name in schemas.EXPOSURE.names if name in table.column_names
    }
    named = themes.take(pa.array(of_theme, pa.int64()))
    columns |= {"theme_id": named["theme_id"], "theme_name": named["name"], "level": named["level"]}
    columns |= {
        "n_sentences": n_sentences,
        "mean_similarity": np.round(similarity / np.maximum(n_sentences, 1), _DIGITS),
    }
    columns["exposure"] = n_sentences / np.maximum(said["n_sentences_said"], 1)
    for suffix, among in sections_and_sides(sentences).items():
        counted = np.bincount(pair, weights=among[rows], minlength=len(pairs))
        columns[f"exposure{suffix}"] = _share(counted, said[f"n_sentences_said{suffix}"])
    return pa.table({name: columns[name] for name in schemas.EXPOSURE.names}).cast(schemas.EXPOSURE)


def _places(values: pa.ChunkedArray[Any], among: pa.ChunkedArray[Any]) -> Numbers:
    """The place of each value in a column that has it."""
    return np.asarray(pc.index_in(values, value_set=among)).astype(np.int64)


def _share(counted: NDArray[Any], said: NDArray[Any]) -> pa.Array[Any]:
    """Null where nothing is said, which is not the same as nothing about the theme."""
    return pa.array(counted / np.maximum(said, 1), pa.float64(), mask=said == 0)
