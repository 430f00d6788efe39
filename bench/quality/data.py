"""What is clustered: the sentences of a collection that say something, their vectors, and the topics that FTM finds."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors, unit
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.sentences.sentences import firm_sentences
from cloud.src.themes.phrases import Phrases, repeated_phrases, shared_phrases
from cloud.src.themes.stability import part_of_firm
from cloud.src.topics.find_topics import find_topics
from cloud.src.topics.keywords import n_content_words, topic_keywords
from cloud.src.topics.procedural import NEARLY, ProceduralFilter, are_procedural
from cloud.src.worker.firm_topics import MIN_CONTENT_WORDS, continues_speech, speaker_words, without_procedural
from cloud.src.worker.transcripts import FirmTranscripts

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class FirmTopic:
    """A topic of one firm; ``rows`` are its sentences in the collection."""

    firm_id: str
    rows: Rows
    centroid: Vectors
    keywords: list[str]


@dataclass(frozen=True)
class Collection:
    """Sentences in spoken order, firm by firm; ``vectors`` have length 1, ``calls`` says which call each is from."""

    name: str
    texts: list[str]
    vectors: Vectors
    firm_ids: list[str]
    calls: list[str]
    nearly_procedural: NDArray[np.bool_]  # which sentences come near to what runs a call
    topics: list[FirmTopic]

    @cached_property
    def firms(self) -> Rows:
        """The number of each sentence's firm."""
        return np.unique(self.firm_ids, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def centred(self) -> Vectors:
        """The vectors less their mean: what sentences of this collection have in common tells none of them apart."""
        return unit(self.vectors - self.vectors.mean(axis=0)).astype(np.float32)

    @cached_property
    def phrases(self) -> Phrases:
        """Phrases that several firms use, and which sentence has which."""
        return shared_phrases(repeated_phrases(self.texts), self.firms)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.vectors).tobytes()).hexdigest()[:16]

    def part(self, stays: NDArray[np.bool_]) -> Collection:
        """The same with the sentences of some firms only. ``stays`` must keep or drop whole firms."""
        number = np.cumsum(stays) - 1
        kept = np.flatnonzero(stays)
        topics = [replace(topic, rows=number[topic.rows]) for topic in self.topics if stays[topic.rows[0]]]
        return Collection(
            self.name,
            [self.texts[i] for i in kept],
            self.vectors[kept],
            [self.firm_ids[i] for i in kept],
            [self.calls[i] for i in kept],
            self.nearly_procedural[kept],
            topics,
        )

    def reruns(self, n: int) -> Iterator[NDArray[np.bool_]]:
        """Which sentences stay when a tenth of the firms is left out, as for the product's stability."""
        part = part_of_firm(self.firm_ids)
        for k in range(n):
            yield np.array([part[firm] != k for firm in self.firm_ids])


class VectorStore:
    """Vectors by text, kept in a file at half precision, so that a second run and every method have the same ones."""

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self._embedder, self._path = embedder, path
        self._vectors: dict[str, Vectors] = {}
        if path.exists():
            stored = np.load(path, allow_pickle=True)
            self._vectors = dict(zip(stored["texts"], stored["vectors"], strict=True))

    def get(self, texts: list[str]) -> Vectors:
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            made = self._embedder.embed(missing).astype(np.float16)
            self._vectors.update(zip(missing, made, strict=True))
            known = np.array(list(self._vectors), dtype=object)
            np.savez(self._path, texts=known, vectors=np.array(list(self._vectors.values())))
        return np.array([self._vectors[text] for text in texts], dtype=np.float32)


def read_quarter(
    source: Path, quarter: str, store: VectorStore, procedural: ProceduralFilter, n_firms: int | None = None
) -> Collection:
    """A quarter's sentences as the map job takes them: the product's prefetch, its filters, its topics."""
    calls = list(FileTranscripts(source, quarter).firms())[:n_firms]
    firms = [FirmTranscripts(of[0].firm_id, pa.Table.from_batches([firm_sentences(of, quarter).rows])) for of in calls]
    rows_of = [_with_content(firm) for firm in firms]
    store.get([firm.column("cleaned_text")[i] for firm, rows in zip(firms, rows_of, strict=True) for i in rows])
    parts = [_firm(firm, rows, store, procedural) for firm, rows in zip(firms, rows_of, strict=True)]
    return _joined(quarter, parts)


def _with_content(firm: FirmTranscripts) -> Rows:
    speakers = speaker_words(firm)
    content = [n_content_words(text, speakers) >= MIN_CONTENT_WORDS for text in firm.column("cleaned_text")]
    return np.flatnonzero(content)


def _firm(firm: FirmTranscripts, rows: Rows, store: VectorStore, procedural: ProceduralFilter) -> Collection:
    said = firm.column("cleaned_text")
    vectors = store.get([said[i] for i in rows]).reshape(len(rows), -1)
    similarities = procedural.similarities(vectors)
    says = ~are_procedural(similarities)
    rows, vectors, similarities = rows[says], vectors[says], similarities[says]
    texts = [said[i] for i in rows]
    found = without_procedural(find_topics(vectors, continues_speech(firm, rows)), similarities)
    keywords = topic_keywords(["\n".join(texts[i] for i in topic.rows) for topic in found], speaker_words(firm))
    topics = [
        FirmTopic(firm.firm_id, topic.rows, topic.centroid, words) for topic, words in zip(found, keywords, strict=True)
    ]
    calls = firm.column("transcript_id")
    nearly = similarities >= NEARLY
    return Collection("", texts, vectors, [firm.firm_id] * len(rows), [calls[i] for i in rows], nearly, topics)


def _joined(name: str, parts: list[Collection]) -> Collection:
    parts = [part for part in parts if part.texts]
    starts = np.cumsum([0, *(len(part.texts) for part in parts)])
    return Collection(
        name,
        [text for part in parts for text in part.texts],
        np.concatenate([part.vectors for part in parts]),
        [firm for part in parts for firm in part.firm_ids],
        [call for part in parts for call in part.calls],
        np.concatenate([part.nearly_procedural for part in parts]),
        [
            replace(topic, rows=topic.rows + start)
            for part, start in zip(parts, starts, strict=False)
            for topic in part.topics
        ],
    )


def read_bills(path: Path, store: VectorStore, min_size: int = 5) -> tuple[Collection, list[str], list[str]]:
    """Each bill is embedded whole and a firm of its own; with its topic and subtopic. Rare subtopics are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row["subtopic"]] = sizes.get(row["subtopic"], 0) + 1
    rows = [row for row in rows if sizes[row["subtopic"]] >= min_size]
    texts, ids = [row["text"] for row in rows], [row["id"] for row in rows]
    vectors = store.get(texts)
    keywords = topic_keywords(texts)
    topics = [FirmTopic(ids[i], np.array([i]), vectors[i], keywords[i]) for i in range(len(rows))]
    collection = Collection("bills", texts, vectors, ids, ids, np.zeros(len(ids), dtype=bool), topics)
    return collection, [row["topic"] for row in rows], [row["subtopic"] for row in rows]
