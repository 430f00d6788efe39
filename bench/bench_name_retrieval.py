"""Given a name, is its topic found among all topics of the firm? Names by the LLM, by extraction, and bare keywords.

    python bench/bench_name_retrieval.py TRANSCRIPTS QUARTER RESULTS.jsonl [--firms 50] [--topics 8] [--base-url URL]

TRANSCRIPTS is a file or folder as for ``ftm run``. Every n-th firm is taken, and every n-th topic of a firm is named
by the LLM; each name is looked for among all of the firm's topics. Firms that RESULTS.jsonl has already are not done
again. The LLM's answers are in the results: with --answers OTHER.jsonl it is not asked again what it has answered for
those, so that a change of the guard is measured in minutes. Without an address the packaged model is started here.

A name finds its topic when the topic's centroid is the nearest to the name's embedding. The guard looks at the same
embeddings, so two measures are of another kind: TF-IDF vectors of all sentences of each topic, fitted on the firm, and
the embeddings of ``wordllama``. The last column is left out where the package is not found; it is in no environment of
FTM:

    pip install --no-deps --target DIR wordllama==0.4.0.post1 toml safetensors requests
    PYTHONPATH=.:DIR python bench/bench_name_retrieval.py ...

For a fair length, the keywords are cut to the number of words of the name by LLM and guard.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from anyio.from_thread import BlockingPortal, start_blocking_portal
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.completion import Answer
from cloud.src.llm.errors import REFUSED, LlmBadAnswer
from cloud.src.llm.local_server import LocalLlm, local_llm
from cloud.src.llm.xai_client import Chat, LlmClient
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder, Vectors, unit
from cloud.src.naming import ask
from cloud.src.naming.ask import TopicToName
from cloud.src.naming.namer import KeywordNamer, LlmNamer
from cloud.src.naming.prompt import chat as chat_about
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.sentences.sentences import firm_sentences
from cloud.src.worker.firm_topics import FirmAnalyser
from cloud.src.worker.transcripts import FirmTranscripts

GUARDED, FIRST_ANSWER, EXTRACTIVE, KEYWORDS = "LLM + guard", "LLM, first answer", "extractive", "keywords"
KINDS = (GUARDED, FIRST_ANSWER, EXTRACTIVE, KEYWORDS)
MEASURES = ("embedding", "wordllama", "words")


def firms(source: Path, quarter: str, n_firms: int) -> Iterator[FirmTranscripts]:
    """Every n-th firm, so that there are at most ``n_firms``."""
    calls_of_firms = list(FileTranscripts(source, quarter).firms())
    for calls in calls_of_firms[:: math.ceil(len(calls_of_firms) / n_firms)]:
        rows = firm_sentences(calls, quarter).rows
        yield FirmTranscripts(calls[0].firm_id, pa.Table.from_batches([rows]))


class SampledClient(LlmClient):
    """Asks about the topics in ``wanted`` only, so that names are held against all topics but cost no hour a firm."""

    wanted: frozenset[str] = frozenset()  # questions, as the prompt puts them

    async def ask(
        self,
        chat: Chat,
        answer_type: type[Answer],
        max_tokens: int,
        temperature: float = 0,
        sample: int = 0,
        book: AnswerBook | None = None,
    ) -> Answer:
        if not any(turn["content"] in self.wanted for turn in chat):
            raise LlmBadAnswer("not in the sample", REFUSED)
        return await super().ask(chat, answer_type, max_tokens, temperature, sample, book)


def question(topic: TopicToName) -> str:
    return chat_about(ask.TOPIC_PROMPT_VERSION, topic.keywords, topic.examples)[-1]["content"]


class Bench:
    """The tools that name a firm's topics in each way, and look for the topics by their names."""

    def __init__(self, client: SampledClient, portal: BlockingPortal, answers: dict[str, dict[str, str]]) -> None:
        self.embedder = Embedder(packaged_models.EMBEDDING, threads=1)
        self.analyser = FirmAnalyser(self.embedder)
        self.client = client
        self.portal = portal
        self.answers = answers  # of the LLM by the key of the question, of each firm
        self.wordllama = wordllama_embed()

    def try_firm(self, transcripts: FirmTranscripts, n_topics: int) -> dict[str, Any]:
        """Name some of the firm's topics and look for each of them by its names."""
        found = self.analyser.analyse(transcripts)
        topics, centroids = found.to_name, found.centroids()
        chosen = list(range(0, len(topics), math.ceil(len(topics) / n_topics)))
        book = AnswerBook(self.answers.get(transcripts.firm_id))
        named = self.names(topics, chosen, centroids, book)
        labels = found.sentences.column("local_topic_id").to_numpy()
        texts = np.array(transcripts.column("cleaned_text"), dtype=object)
        sentences = [list(texts[labels == number]) for number in range(len(topics))]
        return {
            "firm_id": transcripts.firm_id,
            "n_topics": len(topics),
            "topics": self.judged(named, chosen, topics, sentences, centroids),
            "answers": book.document()["answers"],
        }

    def names(
        self, topics: list[TopicToName], chosen: list[int], centroids: Vectors, book: AnswerBook
    ) -> list[dict[str, Any]]:
        """The names of the chosen topics of each kind."""
        self.client.wanted = frozenset(question(topics[row]) for row in chosen)
        by_llm = LlmNamer(self.client, self.embedder, self.portal).start_topics(topics, centroids, book).result()
        by_labels = KeywordNamer(self.embedder).start_topics(topics, centroids, AnswerBook()).result()
        first = self.portal.call(self.first_answers, [topics[row] for row in chosen], book)
        return [
            {
                "method": by_llm[row].method,
                "because": by_llm[row].because,
                "examples": list(topics[row].examples),
                "names": {
                    GUARDED: by_llm[row].text,
                    FIRST_ANSWER: answer,
                    EXTRACTIVE: by_labels[row].text,
                    KEYWORDS: " ".join(" ".join(topics[row].keywords).split()[: len(by_llm[row].text.split())]),
                },
            }
            for row, answer in zip(chosen, first, strict=True)
        ]

    async def first_answers(self, topics: list[TopicToName], book: AnswerBook) -> list[str]:
        """What the model said first; it is in the book, so it is not asked again."""
        return await asyncio.gather(*(self.first_answer(topic, book) for topic in topics))

    async def first_answer(self, topic: TopicToName, book: AnswerBook) -> str:
        try:
            return (await ask.propose_topic(self.client, book, topic)).name
        except LlmBadAnswer:
            return ""

    def judged(
        self,
        named: list[dict[str, Any]],
        chosen: list[int],
        topics: list[TopicToName],
        sentences: list[list[str]],
        centroids: Vectors,
    ) -> list[dict[str, Any]]:
        """The records with, for each measure and kind of name, whether the name's topic is the nearest."""
        measures: dict[str, Callable[[list[str]], NDArray[Any]]] = {
            "embedding": lambda texts: self.embedder.embed(texts) @ centroids.T
        }
        by_words = TfidfVectorizer(stop_words="english", sublinear_tf=True)
        words_of_topics = by_words.fit_transform([topic.said for topic in topics])
        measures["words"] = lambda texts: (by_words.transform(texts) @ words_of_topics.T).toarray()
        if embed := self.wordllama:
            others = np.stack([unit(embed(of_topic).mean(axis=0)) for of_topic in sentences])
            measures["wordllama"] = lambda texts: embed(texts) @ others.T
        for row, record in zip(chosen, named, strict=True):
            for measure, scores_of in measures.items():
                scores = scores_of([record["names"][kind] for kind in KINDS])
                best_other = np.delete(scores, row, axis=1).max(axis=1)
                record[measure] = {kind: bool(scores[i, row] > best_other[i]) for i, kind in enumerate(KINDS)}
        return named


def wordllama_embed() -> Callable[[list[str]], Vectors] | None:
    """What gives unit vectors, shape (texts, 256); None where the package is not found."""
    try:
        wordllama = importlib.import_module("wordllama")
    except ImportError:
        return None
    # Weights and tokenizer are in its wheel, where it does not look for the second by itself.
    model = wordllama.WordLlama.load(cache_dir=Path(str(wordllama.__file__)).parent, disable_download=True)
    return lambda texts: np.asarray(model.embed(texts, norm=True))


def read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()]


def print_summary(firms_done: list[dict[str, Any]]) -> None:
    topics = [topic for firm in firms_done for topic in firm["topics"]]
    print(
        f"{len(firms_done)} firms, {len(topics)} names, each among {np.mean([f['n_topics'] for f in firms_done]):.0f}"
    )
    print(f"named by the LLM: {np.mean([topic['method'] == ask.BY_LLM for topic in topics]):.0%}")
    measures = [measure for measure in MEASURES if all(measure in topic for topic in topics)]
    print(f"{'':18}", *(f"{measure:>10}" for measure in measures), f"{'words a name':>13}")
    for kind in KINDS:
        found = [np.mean([topic[measure][kind] for topic in topics]) for measure in measures]
        length = np.mean([len(topic["names"][kind].split()) for topic in topics])
        print(f"{kind:18}", *(f"{share:10.1%}" for share in found), f"{length:13.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("quarter")
    parser.add_argument("results", type=Path, help="one line of JSON a firm; outside of the repository")
    parser.add_argument("--firms", type=int, default=50)
    parser.add_argument("--topics", type=int, default=8, help="how many topics of a firm are named at most")
    parser.add_argument("--answers", type=Path, help="results of an earlier run, whose answers are used again")
    parser.add_argument("--base-url", help="an OpenAI-compatible server, for example http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default=packaged_models.LLM, help="the model's name on that server")
    options = parser.parse_args()

    options.results.touch()
    done = {firm["firm_id"] for firm in read(options.results)}
    answers = {firm["firm_id"]: firm["answers"] for firm in read(options.answers)} if options.answers else {}
    llm = nullcontext(LocalLlm(options.base_url)) if options.base_url else local_llm()
    with llm as server, start_blocking_portal() as portal:
        bench = Bench(SampledClient(server.base_url, options.model, server.api_key, max_concurrent=4), portal, answers)
        for transcripts in firms(options.transcripts, options.quarter, options.firms):
            if transcripts.firm_id not in done:
                result = bench.try_firm(transcripts, options.topics)
                with options.results.open("a") as file:
                    print(json.dumps(result), file=file)
                print(transcripts.firm_id, len(result["topics"]), "names", flush=True)
    print_summary(read(options.results))


if __name__ == "__main__":
    main()
