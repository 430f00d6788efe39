"""Given a name, is its topic found among all topics of the firm? Names by the LLM, by extraction, and bare keywords.

    python bench/bench_name_retrieval.py TRANSCRIPTS QUARTER RESULTS.jsonl [--firms 50] [--topics 8] [--base-url URL]

TRANSCRIPTS is a file or folder as for ``ftm run``. Every n-th firm is taken, and every n-th topic of a firm is named;
each name is looked for among all of the firm's topics. Firms that RESULTS.jsonl has already are not done again; with
--answers OTHER.jsonl the LLM is not asked again what it was asked for those results, so that a change of the guard is
measured in minutes. Without an address the packaged model is started on this machine.

A name finds its topic when the topic's centroid is the nearest to the name's embedding. The guard looks at the same
embeddings, so the second measure does not: TF-IDF vectors of all sentences of each topic, fitted on the firm.
For a fair length, the keywords are cut to the number of words of the name by LLM and guard.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.feature_extraction.text import TfidfVectorizer

from cloud.src.llm import naming, packaged_models
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.errors import LlmBadAnswer
from cloud.src.llm.event_loop import EventLoopThread
from cloud.src.llm.local_server import local_llm
from cloud.src.llm.naming import TopicToName
from cloud.src.llm.xai_client import LlmClient
from cloud.src.prefetch.files import FileTranscripts
from cloud.src.prefetch.sentences import firm_sentences
from cloud.src.worker.embeddings import Embedder, Vectors
from cloud.src.worker.firm_topics import FirmAnalyser
from cloud.src.worker.names import KeywordNamer, LlmNamer
from cloud.src.worker.transcripts import FirmTranscripts

GUARDED, FIRST_ANSWER, EXTRACTIVE, KEYWORDS = "LLM + guard", "LLM, first answer", "extractive", "keywords"
KINDS = (GUARDED, FIRST_ANSWER, EXTRACTIVE, KEYWORDS)


def firms(source: Path, quarter: str, n_firms: int) -> Iterator[FirmTranscripts]:
    """Every n-th firm, so that there are at most ``n_firms``."""
    calls_of_firms = list(FileTranscripts(source, quarter).firms())
    for calls in calls_of_firms[:: math.ceil(len(calls_of_firms) / n_firms)]:
        rows = firm_sentences(calls, quarter).rows
        yield FirmTranscripts(calls[0].firm_id, pa.Table.from_batches([rows]))


class Bench:
    """The tools that name a firm's topics in each way."""

    def __init__(self, client: LlmClient, loop: EventLoopThread, answers: dict[str, dict[str, str]]) -> None:
        self.embedder = Embedder(packaged_models.EMBEDDING, threads=1)
        self.analyser = FirmAnalyser(self.embedder)
        self.client = client
        self.loop = loop
        self.answers = answers  # of the LLM by the key of the question, of each firm

    def try_firm(self, transcripts: FirmTranscripts, n_topics: int) -> dict[str, Any]:
        """Name some of the firm's topics and look for each of them by its names."""
        found = self.analyser.analyse(transcripts)
        centroids = found.centroids()
        # Those to be named first: the namers take the first rows of the centroids for theirs.
        chosen = list(range(0, len(centroids), math.ceil(len(centroids) / n_topics)))
        order = chosen + [row for row in range(len(centroids)) if row not in chosen]
        centroids, topics = centroids[order], [found.to_name[row] for row in order]
        named = self.names(topics[: len(chosen)], centroids)
        return {
            "firm_id": transcripts.firm_id,
            "n_topics": len(topics),
            "topics": self.judged(named, topics, centroids),
        }

    def names(self, topics: list[TopicToName], centroids: Vectors) -> list[dict[str, Any]]:
        book = AnswerBook()
        by_llm = LlmNamer(self.client, self.embedder, self.loop).start_topics(topics, centroids, book).result()
        by_labels = KeywordNamer(self.embedder).start_topics(topics, centroids, AnswerBook()).result()
        first = self.loop.start(self.first_answers(topics, book)).result()
        return [
            {
                "method": guarded.method,
                "because": guarded.because,
                "names": {
                    GUARDED: guarded.text,
                    FIRST_ANSWER: answer,
                    EXTRACTIVE: label.text,
                    KEYWORDS: " ".join(" ".join(topic.keywords).split()[: len(guarded.text.split())]),
                },
            }
            for topic, guarded, answer, label in zip(topics, by_llm, first, by_labels, strict=True)
        ]

    async def first_answers(self, topics: list[TopicToName], book: AnswerBook) -> list[str]:
        """What the model said first; it is in the book, so it is not asked again."""
        return await asyncio.gather(*(self.first_answer(topic, book) for topic in topics))

    async def first_answer(self, topic: TopicToName, book: AnswerBook) -> str:
        try:
            return (await naming.propose_topic(self.client, book, topic)).name
        except LlmBadAnswer:
            return ""

    def judged(
        self, named: list[dict[str, Any]], topics: list[TopicToName], centroids: Vectors
    ) -> list[dict[str, Any]]:
        by_words = TfidfVectorizer(stop_words="english", sublinear_tf=True)
        words_of_topics = by_words.fit_transform([topic.said for topic in topics])
        for row, record in enumerate(named):
            texts = [record["names"][kind] for kind in KINDS]
            cosines = self.embedder.embed(texts) @ centroids.T
            overlaps = (by_words.transform(texts) @ words_of_topics.T).toarray()
            for measure, scores in (("embedding", cosines), ("words", overlaps)):
                others = np.delete(scores, row, axis=1).max(axis=1)
                record[measure] = {kind: bool(scores[i, row] > others[i]) for i, kind in enumerate(KINDS)}
        return named


def read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()]


def print_summary(firms_done: list[dict[str, Any]]) -> None:
    topics = [topic for firm in firms_done for topic in firm["topics"]]
    print(
        f"{len(firms_done)} firms, {len(topics)} names, each among {np.mean([f['n_topics'] for f in firms_done]):.0f}"
    )
    print(f"named by the LLM: {np.mean([topic['method'] == naming.BY_LLM for topic in topics]):.0%}")
    print(f"{'':18} {'by embedding':>12} {'by words':>9} {'words a name':>13}")
    for kind in KINDS:
        accuracy = [np.mean([topic[measure][kind] for topic in topics]) for measure in ("embedding", "words")]
        length = np.mean([len(topic["names"][kind].split()) for topic in topics])
        print(f"{kind:18} {accuracy[0]:12.1%} {accuracy[1]:9.1%} {length:13.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("quarter")
    parser.add_argument("results", type=Path, help="one line of JSON a firm; outside of the repository")
    parser.add_argument("--firms", type=int, default=50)
    parser.add_argument("--topics", type=int, default=8, help="how many topics of a firm are named at most")
    parser.add_argument("--answers", type=Path, help="results of an earlier run")
    parser.add_argument("--base-url", help="an OpenAI-compatible server, for example http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default=packaged_models.LLM, help="the model's name on that server")
    options = parser.parse_args()

    options.results.touch()
    done = {firm["firm_id"] for firm in read(options.results)}
    answers = {firm["firm_id"]: firm["answers"] for firm in read(options.answers)} if options.answers else {}
    server = nullcontext(options.base_url) if options.base_url else local_llm()
    with server as base_url, EventLoopThread() as loop:
        bench = Bench(LlmClient(base_url, options.model, max_concurrent=4), loop, answers)
        for transcripts in firms(options.transcripts, options.quarter, options.firms):
            if transcripts.firm_id not in done:
                result = bench.try_firm(transcripts, options.topics)
                with options.results.open("a") as file:
                    print(json.dumps(result), file=file)
                print(transcripts.firm_id, len(result["topics"]), "names", flush=True)
    print_summary(read(options.results))


if __name__ == "__main__":
    main()
