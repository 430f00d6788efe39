"""One row per call: whose it is, when it was, and how much is said in it, by section and by side."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.contract import schemas

MANAGEMENT = ("CEO", "CFO", "Executive")
ANALYSTS = ("Analyst",)

Mask = NDArray[np.bool_]


def calls_of(sentences: pa.Table) -> pa.Table:
    """The calls of a table SENTENCE_TOPIC, in its order, as schema CALL. A call's rows stand together."""
    starts = call_starts(sentences)
    own = sentences.select([name for name in schemas.CALL.names if name in sentences.column_names])
    calls = own.take(pa.array(starts, pa.int64()))
    says = np.asarray(sentences.column("says"))
    for suffix, among in {"": np.ones(len(says), dtype=np.bool_), **sections_and_sides(sentences)}.items():
        for name, counted in ((f"n_sentences{suffix}", among), (f"n_sentences_said{suffix}", among & says)):
            calls = calls.append_column(name, pa.array(_count_by_call(counted, starts), pa.int32()))
    return calls.select(schemas.CALL.names).cast(schemas.CALL)


def call_starts(sentences: pa.Table) -> NDArray[np.int64]:
    """The row in which each call begins."""
    call_ids = sentences.column("call_id").combine_chunks().dictionary_encode().indices.to_numpy()
    return np.flatnonzero(np.diff(call_ids, prepend=-1))


def sections_and_sides(sentences: pa.Table) -> dict[str, Mask]:
    """Which sentences belong to each section and side, by the suffix that its columns have."""
    section, speaker_type = (np.array(sentences.column(name).to_pylist()) for name in ("section", "speaker_type"))
    return {
        "_prepared": section == "prepared",
        "_qa": section == "qa",
        "_management": np.isin(speaker_type, MANAGEMENT),
        "_analysts": np.isin(speaker_type, ANALYSTS),
    }


def _count_by_call(counted: Mask, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.add.reduceat(counted.astype(np.int64), starts) if len(starts) else np.zeros(0, dtype=np.int64)
