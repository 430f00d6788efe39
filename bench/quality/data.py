"""What is clustered: the sentences of a quarter that say something, their vectors, and labels where there are any."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.sentences.sentences import firm_sentences
from cloud.src.topics.keywords import n_content_words
from cloud.src.topics.procedural import ProceduralFilter, are_procedural
from cloud.src.worker.firm_topics import MIN_CONTENT_WORDS, continues_speech, speaker_words
from cloud.src.worker.transcripts import FirmTranscripts

SAMPLES = Path(__file__).parents[2] / "samples"
UNLABELLED = ""


@dataclass(frozen=True)
class Firm:
    """One firm's sentences that say something, in spoken order."""

    firm_id: str
    ticker: str
    texts: list[str]
    vectors: Vectors
    continues_speech: NDArray[np.bool_]
    similarities: Vectors  # to procedural sentences
    labels: list[str]  # UNLABELLED where nobody says what the sentence is about
    speakers: frozenset[str]  # words of their names, which are no keywords


class VectorStore:
    """Vectors by text, kept in a file, so that a second run and every method have the same ones."""

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self._embedder, self._path = embedder, path
        self._vectors: dict[str, Vectors] = {}
        if path.exists():
            stored = np.load(path, allow_pickle=True)
            self._vectors = dict(zip(stored["texts"], stored["vectors"], strict=True))

    def get(self, texts: list[str]) -> Vectors:
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            self._vectors.update(zip(missing, self._embedder.embed(missing), strict=True))
            known = np.array(list(self._vectors), dtype=object)
            np.savez(self._path, texts=known, vectors=np.array(list(self._vectors.values())))
        return np.array([self._vectors[text] for text in texts], dtype=np.float32)


def read_firms(source: Path, quarter: str, n_firms: int) -> list[FirmTranscripts]:
    """The first firms of a quarter, through the product's own prefetch."""
    calls = list(FileTranscripts(source, quarter).firms())[:n_firms]
    return [FirmTranscripts(of[0].firm_id, pa.Table.from_batches([firm_sentences(of, quarter).rows])) for of in calls]


def prepare(
    transcripts: list[FirmTranscripts],
    store: VectorStore,
    procedural: ProceduralFilter,
    themes: list[dict],
    all_sentences: bool = False,
) -> list[Firm]:
    """The sentences that FTM takes for content, or all of them. ``themes`` as in samples/themes.json."""
    at_least = 0 if all_sentences else MIN_CONTENT_WORDS
    kept = []
    for firm in transcripts:
        speakers, texts = speaker_words(firm), firm.column("cleaned_text")
        kept.append(np.flatnonzero([n_content_words(text, speakers) >= at_least for text in texts]))
    store.get([firm.column("cleaned_text")[row] for firm, rows in zip(transcripts, kept, strict=True) for row in rows])
    return [
        _firm(firm, rows, store, procedural, themes, all_sentences)
        for firm, rows in zip(transcripts, kept, strict=True)
    ]


def _firm(
    firm: FirmTranscripts,
    rows: NDArray,
    store: VectorStore,
    procedural: ProceduralFilter,
    themes: list[dict],
    all_sentences: bool,
) -> Firm:
    said = firm.column("cleaned_text")
    vectors = store.get([said[row] for row in rows])
    similarities = procedural.similarities(vectors)
    content = ~are_procedural(similarities) | all_sentences
    rows, vectors, similarities = rows[content], vectors[content], similarities[content]
    texts = [said[row] for row in rows]
    labels = [_label(text, firm.firm_id, themes) for text in texts]
    ticker = firm.column("ticker")[0] or firm.firm_id
    speakers = speaker_words(firm)
    return Firm(firm.firm_id, ticker, texts, vectors, continues_speech(firm, rows), similarities, labels, speakers)


def _label(text: str, firm_id: str, themes: list[dict]) -> str:
    """The planted theme of a sentence: the only one of the firm's themes of which it holds a typical word."""
    found = [
        theme["theme"]
        for theme in themes
        if firm_id in theme["firms"] and re.search("|".join(rf"\b{word}" for word in theme["keywords"]), text.lower())
    ]
    return found[0] if len(found) == 1 else UNLABELLED


def sample_themes(quarter: str) -> list[dict]:
    themes: list[dict] = json.loads((SAMPLES / "themes.json").read_text(encoding="utf-8"))[quarter]
    return themes


def read_labelled(path: Path, store: VectorStore) -> Firm:
    """A CSV with columns text and label, as one collection in no order."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    texts = [row["text"] for row in rows]
    nothing = np.zeros(len(texts), dtype=np.float32)
    no_order = np.zeros(len(texts), dtype=bool)
    labels = [row["label"] for row in rows]
    return Firm(path.stem, path.stem, texts, store.get(texts), no_order, nothing, labels, frozenset())


def weak_themes(path: Path, quarter: str, tickers: set[str], min_mentions: int = 3) -> dict[str, set[str]]:
    """Tickers of each weak theme: those with so many mentions; themes of fewer than three firms are left out."""
    of_theme: dict[str, set[str]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["quarter"] == quarter and int(row["n_mentions"]) >= min_mentions and row["ticker"] in tickers:
                of_theme.setdefault(row["theme"], set()).add(row["ticker"])
    return {theme: firms for theme, firms in of_theme.items() if len(firms) >= 3}
