"""Names a reader sees for topics and themes: by the LLM where they are good, else from the firm's own words."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol

from anyio.from_thread import BlockingPortal

from cloud.src.contract import keys
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.xai_client import LlmClient
from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.naming import ask, guard
from cloud.src.naming.ask import Name, TopicToName
from cloud.src.naming.search import Found, NameSearch, Propose

ByKeywords = Callable[[TopicToName, str], Name]

log = logging.getLogger(__name__)


class Namer(Protocol):
    """Both kinds of namer; ``centroids`` are unit vectors of shape (number of topics or themes, dimensions).

    Each call returns at once; the names are in the future that it returns. ``book`` holds what the LLM has answered
    before and gets what it answers now.
    """

    themes_named_by: dict[str, Any]  # model and prompt of the themes' names, None where there is no LLM
    n_themes_named: int  # so far, of those that start_themes has been given

    def start_topics(self, topics: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        """Begin to name topics; ``centroids`` has shape (topics, dimensions). The book keeps the LLM's answers."""

    def start_themes(self, themes: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        """Begin to name themes; ``centroids`` has shape (themes, dimensions). The book keeps the LLM's answers."""

    def tally(self) -> dict[str, int]:
        """How often each case has come up: requests, failures, names by whom and why."""
        ...


class KeywordNamer:
    """Names without an LLM."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.themes_named_by: dict[str, Any] = {"llm_model": None, "prompt": None}
        self.n_themes_named = 0

    def start_topics(
        self,
        topics: list[TopicToName],
        centroids: Vectors,
        book: AnswerBook,  # noqa: ARG002  # no answers to keep
    ) -> Future[list[Name]]:
        """Name topics by their keywords, at once."""
        return _done([ask.topic_by_keywords(topic) for topic in with_best_labels(topics, centroids, self._embedder)])

    def start_themes(
        self,
        themes: list[TopicToName],
        centroids: Vectors,
        book: AnswerBook,  # noqa: ARG002  # no answers to keep
    ) -> Future[list[Name]]:
        """Name themes by their keywords, at once."""
        names = [ask.theme_by_keywords(theme) for theme in with_best_labels(themes, centroids, self._embedder)]
        self.n_themes_named = len(names)
        return _done(names)

    def tally(self) -> dict[str, int]:
        """Nothing, as no LLM is asked."""
        return {}


class LlmNamer:
    """Names by the LLM, asked for in the background while the caller goes on.

    The model's failures end here: a topic whose names are all refused, or for which there is no server, gets a name
    from keywords that says so. LlmMisconfigured passes through.
    """

    def __init__(self, client: LlmClient, embedder: Embedder, portal: BlockingPortal) -> None:
        self._client = client
        self._embedder = embedder
        self._portal = portal
        self.themes_named_by: dict[str, Any] = {"llm_model": client.model, "prompt": ask.THEME_PROMPT_VERSION}
        self.n_themes_named = 0

    def start_topics(self, topics: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        """Begin to ask for names of topics, each with its keywords to fall back on."""
        propose = functools.partial(ask.propose_topic, self._client, book)
        return self._portal.start_task_soon(self._names, propose, topics, centroids, ask.topic_by_keywords)

    def start_themes(self, themes: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        """Begin to ask for names of themes, each with its keywords to fall back on."""
        propose = functools.partial(ask.propose_theme, self._client, book)
        tell = self._count_named_themes
        return self._portal.start_task_soon(self._names, propose, themes, centroids, ask.theme_by_keywords, tell)

    def _count_named_themes(self, n_named: int) -> None:
        self.n_themes_named = n_named

    def tally(self) -> dict[str, int]:
        """How many requests and tokens the names have taken so far."""
        return dict(self._client.tally.copy())

    async def _names(
        self,
        propose: Propose,
        topics: list[TopicToName],
        centroids: Vectors,
        by_keywords: ByKeywords,
        tell: Callable[[int], None] = lambda _: None,
    ) -> list[Name]:
        found = await NameSearch(propose, self._embedder, self._client.tally, tell).run(topics, centroids)
        by_llm = [result.proposal.name if result.proposal else "" for result in found]
        if not all(by_llm):
            topics = await asyncio.to_thread(with_best_labels, topics, centroids, self._embedder, by_llm)
        return [self._name(topic, result, by_keywords) for topic, result in zip(topics, found, strict=True)]

    def _name(self, topic: TopicToName, found: Found, by_keywords: ByKeywords) -> Name:
        if found.proposal is None:
            self._client.tally[keys.NAMED_BY_KEYWORDS + found.because] += 1
            log.info("named by keywords, %s: refused %s", found.because, found.refused)
            return by_keywords(topic, found.because)
        self._client.tally[keys.NAMED_BY_LLM] += 1
        description = found.proposal.description or by_keywords(topic, "").description
        return Name(found.proposal.name, ask.BY_LLM, description)


def with_best_labels(
    topics: list[TopicToName], centroids: Vectors, embedder: Embedder, by_llm: Sequence[str] = ()
) -> list[TopicToName]:
    """The topics with their labels in the order in which they fit, and none first that is the name of another topic.

    A topic whose labels are all taken, or that has none, gets one made of its keywords.
    ``by_llm``: the topics' names where they have one already, else "".
    """
    taken = {guard.sameness(name) for name in by_llm if name}
    labels = [
        [] if by_llm and by_llm[row] else [label for label in topic.labels if guard.sameness(label) not in taken]
        for row, topic in enumerate(topics)
    ]
    ordered = guard.best_first(labels, centroids, embedder)
    best_labels = [replace(topic, labels=best) for topic, best in zip(topics, ordered, strict=True)]
    return _with_unique_labels(best_labels, by_llm or [""] * len(topics))


def _with_unique_labels(topics: list[TopicToName], by_llm: Sequence[str]) -> list[TopicToName]:
    """The topics that have no name yet with a first label that is nobody else's first or name."""
    names = {name for name in by_llm if name}
    meanings = {guard.sameness(name) for name in names}
    unique = []
    for topic, name in zip(topics, by_llm, strict=True):
        if name:
            unique.append(topic)
        else:
            candidates = ask.label_candidates(topic)
            label = next((label for label in candidates if guard.sameness(label) not in meanings), None)
            if label is None:  # in no words that another has not
                label = next(label for label in ask.numbered(candidates[0]) if label not in names)
            names.add(label)
            meanings.add(guard.sameness(label))
            unique.append(replace(topic, labels=[label, *(other for other in topic.labels if other != label)]))
    return unique


def _done(names: list[Name]) -> Future[list[Name]]:
    future: Future[list[Name]] = Future()
    future.set_result(names)
    return future
