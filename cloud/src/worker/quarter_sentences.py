"""The sentences of a quarter that say something, as themes are fitted to them and measured on them.

Map has left them in parts (schema SENTENCE_VECTOR). Measuring goes through the parts one by one; fitting takes a
sample of at most MAX_SAMPLE sentences, all of them where there are fewer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.models import byte_vectors
from cloud.src.models.byte_vectors import ByteVectors
from cloud.src.models.embeddings import Embedder, unit
from cloud.src.themes.measure import Sentences
from cloud.src.themes.phrases import repeated_phrases
from cloud.src.themes.refine import NO_THEME
from cloud.src.topics import procedural
from cloud.src.topics.grid import COARSE_STEPS, CoarseGrid, on_coarse_grid

# 1.5 GB at the most while themes are fitted. What a sample costs: docs/measurements/themes.md.
MAX_SAMPLE = 250_000
_HASH_BYTES = 8
_BLOCK = 8_192


@dataclass(frozen=True)
class SpokenPart:
    """The sentences of a part that say something, in spoken order; all of length n but ``vectors`` (n, dimensions).

    ``rows`` are their places in the part's table, ``topics`` their places in the table of topics, -1 for none.
    """

    rows: NDArray[np.int64]
    vectors: ByteVectors
    texts: list[str]
    sentence_ids: list[str]
    firms: NDArray[np.int64]
    calls: list[str]
    topics: NDArray[np.int64]
    speakers: list[str | None]


class SpokenSentences:
    """Makes parts of tables; firms and topics are numbered by their places in the quarter's tables.

    ``first_topic`` is the number of the first of the topics: of a second quarter, how many those before it have.
    """

    def __init__(self, firms: Iterable[str], topics: pa.Table, first_topic: int = 0) -> None:
        self._firm_number = {firm_id: number for number, firm_id in enumerate(firms)}
        keys = zip(topics.column("firm_id").to_pylist(), topics.column("local_topic_id").to_pylist(), strict=True)
        self._topic_number = {key: number for number, key in enumerate(keys, start=first_topic)}

    def of(self, part: pa.Table, share: float = 1.0) -> SpokenPart:
        """Those of a table SENTENCE_VECTOR; below 1, a sample by ``chosen_by_hash`` of their ids."""
        rows = np.flatnonzero(np.asarray(part.column("says")))
        if share < 1:
            ids: list[Any] = part.column("sentence_id").take(pa.array(rows, pa.int64())).to_pylist()
            rows = rows[chosen_by_hash(ids, share)]
        said = part.take(pa.array(rows, pa.int64()))
        firm_ids: list[Any] = said.column("firm_id").to_pylist()
        texts: list[Any] = said.column("cleaned_text").to_pylist()
        sentence_ids: list[Any] = said.column("sentence_id").to_pylist()
        calls: list[Any] = said.column("call_id").to_pylist()
        topics = zip(firm_ids, said.column("local_topic_id").to_pylist(), strict=True)
        return SpokenPart(
            rows=rows,
            vectors=byte_vectors.from_column(said.column("vector")),
            texts=texts,
            sentence_ids=sentence_ids,
            firms=np.array([self._firm_number[firm_id] for firm_id in firm_ids], dtype=np.int64),
            calls=calls,
            topics=np.array([self._topic_number.get(topic, NO_THEME) for topic in topics], dtype=np.int64),
            speakers=said.column("speaker_name").to_pylist(),
        )


def share_to_fit(n_sentences: int) -> float:
    """The share of so many sentences that themes are fitted to."""
    return min(1.0, MAX_SAMPLE / max(n_sentences, 1))


def chosen_by_hash(ids: Iterable[str], share: float) -> NDArray[np.bool_]:
    """Which of these are in a sample: about this share of them, whatever others there are."""
    limit = int(share * 256**_HASH_BYTES)
    hashes = (blake2b(one.encode(), digest_size=_HASH_BYTES).digest() for one in ids)
    return np.array([int.from_bytes(found) < limit for found in hashes], dtype=np.bool_)


def to_fit(parts: Iterable[SpokenPart], seed_of_topic: NDArray[np.int64], embedder: Embedder) -> Sentences:
    """Some sentences with what fitting needs to know; ``seed_of_topic`` is the theme of each topic, or NO_THEME."""
    together = [part for part in parts if part.texts]
    if not together:
        nothing = np.zeros(0, dtype=np.int64)
        empty = np.zeros((0, embedder.dimensions), dtype=np.int8)
        return Sentences(empty, nothing, nothing, [], repeated_phrases([]), nothing, np.zeros(0, dtype=np.bool_))
    vectors = np.concatenate([part.vectors for part in together])
    call_ids = [call for part in together for call in part.calls]
    calls = {call: number for number, call in enumerate(dict.fromkeys(call_ids))}
    topics = np.concatenate([part.topics for part in together])
    texts = [text for part in together for text in part.texts]
    return Sentences(
        vectors=vectors,
        firms=np.concatenate([part.firms for part in together]),
        calls=np.array([calls[call] for call in call_ids], dtype=np.int64),
        texts=texts,
        phrases=repeated_phrases(texts),
        seeds=np.append(seed_of_topic, NO_THEME)[topics],  # the last place is that of NO_THEME
        is_procedural=nearly_procedural(vectors, on_coarse_grid(embedder.embed(procedural.examples()))),
    )


def nearly_procedural(vectors: ByteVectors, examples: CoarseGrid) -> NDArray[np.bool_]:
    """Which sentences come near to an example of what runs a call; by whole numbers, so alike on every machine."""
    blocks = [
        (on_coarse_grid(unit(vectors[start : start + _BLOCK].astype(np.float64))) @ examples.T).max(axis=1, initial=-1)
        for start in range(0, len(vectors), _BLOCK)
    ]
    return np.concatenate([np.zeros(0), *blocks]) >= procedural.NEARLY * COARSE_STEPS**2
