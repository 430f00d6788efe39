"""One firm: its sentences in, its topics with keywords out, and what is needed to name them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.contract import schemas
from cloud.src.contract.errors import FtmError
from cloud.src.contract.rows import FirmRow, TopicRow, UnnamedTopicRow
from cloud.src.models import byte_vectors
from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.naming.ask import Name, TopicToName
from cloud.src.naming.labels import topic_labels
from cloud.src.topics import find_topics as topic_engine
from cloud.src.topics.find_topics import FoundTopic
from cloud.src.topics.keywords import n_content_words, topic_keywords
from cloud.src.topics.procedural import ProceduralFilter, are_procedural, is_procedural_topic
from cloud.src.worker.transcripts import FirmTranscripts

# A sentence with fewer words that could be keywords ("Look, it's a great question, David.") is about nothing.
MIN_CONTENT_WORDS = 2

# Five long calls have 3,000.
MAX_SENTENCES = 20_000


class NothingToAnalyse(Exception):
    """The firm has no sentence that could be about something. Its message says what there was."""


@dataclass(frozen=True)
class ContentSentences:
    """Sentences that could be about something: where they are among all of the firm's, and what is known of each.

    ``similarities`` are those to procedural sentences. All three have an entry per sentence, in spoken order.
    """

    rows: NDArray[np.int64]
    vectors: Vectors
    similarities: Vectors

    def not_procedural(self) -> ContentSentences:
        """Those of the sentences that say something about the firm."""
        kept = ~are_procedural(self.similarities)
        return ContentSentences(self.rows[kept], self.vectors[kept], self.similarities[kept])


@dataclass(frozen=True)
class FirmResult:
    """``firm`` is a row of FIRM, ``sentences`` a table SENTENCE_VECTOR of everything said.

    ``topics`` are rows of TOPIC that have no names yet; ``to_name`` says what each of them is about, in their order.
    """

    firm: FirmRow
    topics: list[UnnamedTopicRow]
    sentences: pa.Table
    to_name: list[TopicToName]

    def centroids(self) -> Vectors:
        """Unit vectors, shape (topics, dimensions)."""
        return np.stack([topic["embedding"] for topic in self.topics])

    def with_names(self, names: list[Name]) -> list[TopicRow]:
        """The rows of TOPIC with the names, given in their order."""
        return [
            {**topic, "summary": name.text, "naming_method": name.method}
            for topic, name in zip(self.topics, names, strict=True)
        ]


class FirmAnalyser:
    """The tools that find one firm's topics; made once a job, because the models take time to load."""

    def __init__(self, embedder: Embedder, min_topics: int = 1, max_topics: int = topic_engine.MAX_TOPICS) -> None:
        self._embedder = embedder
        self._procedural = ProceduralFilter(embedder)
        self._min_topics, self._max_topics = min_topics, max_topics
        self._ahead: dict[str, Vectors] = {}

    def look_ahead(self, firms: list[FirmTranscripts]) -> None:
        """Embed what the firms say in one go, which is faster than one by one, and gives the same vectors.

        They are to be analysed next: what was embedded before is forgotten. Firms that ``analyse`` will refuse are not
        embedded.
        """
        said = [firm.column("cleaned_text") for firm in firms]
        texts = [text for of_firm in said if len(of_firm) <= MAX_SENTENCES for text in of_firm]
        sentences = list(dict.fromkeys(text for text in texts if n_content_words(text) >= MIN_CONTENT_WORDS))
        self._ahead = dict(zip(sentences, self._embedder.embed(sentences), strict=True))

    def analyse(self, transcripts: FirmTranscripts) -> FirmResult:
        """Raise NothingToAnalyse when no sentence is about something, FtmError when this cannot be one firm."""
        texts = transcripts.column("cleaned_text")
        if len(texts) > MAX_SENTENCES:
            raise FtmError(f"{len(texts):,} sentences are more than one firm says in a quarter: is firm_id right?")
        content = self._content_sentences(texts, speaker_words(transcripts)).not_procedural()
        rows = content.rows
        if len(rows) == 0:
            raise NothingToAnalyse(f"none of its {len(texts)} sentences is about anything")
        found = topic_engine.find_topics(
            content.vectors, continues_speech(transcripts, rows), self._min_topics, self._max_topics
        )
        found = without_procedural(found, content.similarities)
        labels = np.full(len(texts), topic_engine.NO_TOPIC, dtype=np.int32)
        labels[rows] = topic_engine.labels_of(found, len(rows))
        to_name = topics_to_name(transcripts, found, rows)
        sentence_ids = transcripts.column("sentence_id")
        firm = firm_row(transcripts, len(found))
        topic_rows = [
            topic_row(firm, number, list(item.keywords), topic, [sentence_ids[i] for i in rows[topic.representatives]])
            for number, (item, topic) in enumerate(zip(to_name, found, strict=True))
        ]
        sentences = mapped_sentences(transcripts.table, labels, rows, content.vectors)
        return FirmResult(firm, topic_rows, sentences, to_name)

    def _content_sentences(self, texts: list[str], speakers: frozenset[str]) -> ContentSentences:
        """The sentences with enough words that could be keywords."""
        rows = np.flatnonzero([n_content_words(text, speakers) >= MIN_CONTENT_WORDS for text in texts])
        vectors = self._vectors([texts[i] for i in rows])
        return ContentSentences(rows, vectors, self._procedural.similarities(vectors))

    def _vectors(self, sentences: list[str]) -> Vectors:
        if not all(sentence in self._ahead for sentence in sentences):
            return self._embedder.embed(sentences)
        return np.array([self._ahead[sentence] for sentence in sentences], dtype=np.float32).reshape(
            len(sentences), self._embedder.dimensions
        )


def continues_speech(transcripts: FirmTranscripts, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each of these sentences whether the one before it in ``rows`` is part of the same speech."""
    of_speech = list(
        zip(*(transcripts.column(name) for name in ("transcript_id", "section", "speaker_name")), strict=True)
    )
    speeches = [of_speech[row] for row in rows]
    return np.array([False, *(one == other for one, other in pairwise(speeches))])[: len(rows)]


def topics_to_name(transcripts: FirmTranscripts, found: list[FoundTopic], rows: NDArray[np.int64]) -> list[TopicToName]:
    """What each topic is about; ``rows`` are the indices in the transcripts of the sentences that were clustered."""
    texts = transcripts.column("cleaned_text")
    sentences = [[texts[i] for i in rows[topic.rows]] for topic in found]
    speakers = speaker_words(transcripts)
    keywords = topic_keywords(["\n".join(of_topic) for of_topic in sentences], speakers)
    firm = [called for called in (transcripts.column(name)[0] for name in ("firm_name", "ticker")) if called]
    labels = topic_labels(sentences, speakers, firm)
    return [
        TopicToName(
            keywords=keywords[number],
            examples=[texts[i] for i in rows[topic.representatives]],
            labels=labels[number],
            firm=firm,
            said=" ".join(sentences[number]),
        )
        for number, topic in enumerate(found)
    ]


def without_procedural(found: list[FoundTopic], similarities: Vectors) -> list[FoundTopic]:
    """The topics that say something; all of them when none does, so that a firm with sentences has a topic."""
    return [topic for topic in found if not is_procedural_topic(similarities[topic.rows])] or found


def firm_row(transcripts: FirmTranscripts, n_topics: int) -> FirmRow:
    """A row of FIRM. Of several calls in the quarter the last one's date counts: no event study must look ahead."""
    dates = transcripts.column("earnings_call_date")
    last = max(range(len(dates)), key=lambda i: dates[i])
    latest = transcripts.table.slice(last, 1).to_pylist()[0]
    return {
        "firm_id": latest["firm_id"],
        "firm_name": latest["firm_name"],
        "ticker": latest["ticker"],
        "gvkey": latest["gvkey"],
        "permno": latest["permno"],
        "link_date": latest["link_date"],
        "sector": latest["sector"],
        "industry": latest["industry"],
        "earnings_call_date": latest["earnings_call_date"],
        "quarter": latest["quarter"],
        "n_sentences": len(dates),
        "n_topics": n_topics,
    }


def topic_row(
    firm: FirmRow, local_topic_id: int, keywords: list[str], topic: FoundTopic, representatives: list[str]
) -> UnnamedTopicRow:
    """A row of TOPIC without its name; reduce fills in theme_id."""
    return {
        "topic_id": f"{firm['firm_id']}_{local_topic_id}",
        "firm_id": firm["firm_id"],
        "firm_name": firm["firm_name"],
        "local_topic_id": local_topic_id,
        "permno": firm["permno"],
        "gvkey": firm["gvkey"],
        "earnings_call_date": firm["earnings_call_date"],
        "representation": ", ".join(keywords),
        "keywords": keywords,
        "n_sentences": len(topic.rows),
        "representative_sentence_ids": representatives,
        "embedding": topic.centroid,
        "theme_id": None,
        "quarter": firm["quarter"],
    }


def mapped_sentences(
    sentences: pa.Table, labels: NDArray[np.int32], rows: NDArray[np.int64], vectors: Vectors
) -> pa.Table:
    """The sentences as schema SENTENCE_VECTOR; ``rows`` are those that say something, ``vectors`` are theirs."""
    says = np.zeros(len(labels), dtype=np.bool_)
    says[rows] = True
    found: dict[str, pa.Array[Any]] = {
        "says": pa.array(says),
        "local_topic_id": pa.array(labels, pa.int32()),
        "vector": byte_vectors.to_column(byte_vectors.to_bytes(vectors), rows, len(labels)),
    }
    for name, column in found.items():
        sentences = sentences.append_column(name, column)
    return sentences.select(schemas.SENTENCE_VECTOR.names).cast(schemas.SENTENCE_VECTOR)


def speaker_words(transcripts: FirmTranscripts) -> frozenset[str]:
    """Lower-case words of the speakers' names: "Thanks, Steve" must not make Steve a keyword."""
    names = {name for name in transcripts.column("speaker_name") if name}
    return frozenset(word for name in names for word in re.findall(r"[a-z][a-z'-]+", name.lower()))
