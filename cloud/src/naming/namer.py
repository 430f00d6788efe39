"""Names a reader sees for topics and themes: by the LLM where they are good, else from the firm's own words."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from anyio.from_thread import BlockingPortal

from cloud.src.contract import names_count
from cloud.src.contract.rows import NamedBy
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.naming import ask, guard
from cloud.src.naming.ask import Name, ToName, TopicToName
from cloud.src.naming.search import Found, NameSearch, Propose

if TYPE_CHECKING:
    from cloud.src.llm.xai_client import LlmClient  # brings openai, for which no job without an LLM should wait

Result = TypeVar("Result")
ByKeywords = Callable[[TopicToName, str], Name]

# Of the packaged small model on two cores; others are asked for all themes. Families come first, then themes in order.
SMALL_MODELS_LIMIT_S = 180.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NamesOfLevels:
    """In the order of what was to be named."""

    families: list[Name]
    themes: list[Name]


class Namer(Protocol):
    """Both kinds of namer; ``centroids`` are unit vectors of shape (number of topics, dimensions).

    Each call returns at once; the names are in the future that it returns. ``book`` holds what the LLM has answered
    before and gets what it answers now.
    """

    themes_named_by: NamedBy
    n_themes_named: int  # families and themes so far, of those that start_themes has been given

    def start_topics(self, topics: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        """Begin to name topics; ``centroids`` has shape (topics, dimensions). The book keeps the LLM's answers."""

    def start_themes(self, families: ToName, themes: ToName, book: AnswerBook) -> Future[NamesOfLevels]:
        """Begin to name families and themes. The book keeps the LLM's answers."""

    def tally(self) -> dict[str, int]:
        """How often each case has come up: requests, failures, names by whom and why."""
        ...


class KeywordNamer:
    """Names without an LLM."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.themes_named_by: NamedBy = {"llm_model": None, "prompt": None}
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
        families: ToName,
        themes: ToName,
        book: AnswerBook,  # noqa: ARG002  # no answers to keep
    ) -> Future[NamesOfLevels]:
        """Name families and themes by their labels, at once."""
        of_families = _by_their_labels([group.as_topic() for group in families.groups])
        texts = [name.text for name in of_families]
        of_themes = _by_their_labels([group.as_topic(texts) for group in themes.groups])
        self.n_themes_named = len(of_families) + len(of_themes)
        return _done(NamesOfLevels(of_families, of_themes))

    def tally(self) -> dict[str, int]:
        """Nothing, as no LLM is asked."""
        return {}


class LlmNamer:
    """Names by the LLM, asked for in the background while the caller goes on.

    The model's failures end here: a topic whose names are all refused, or for which there is no server, gets a name
    from keywords that says so. LlmMisconfigured passes through.
    """

    def __init__(
        self, client: LlmClient, embedder: Embedder, portal: BlockingPortal, theme_limit_s: float | None = None
    ) -> None:
        """``theme_limit_s``: how long themes and families are asked for; None for the model's default."""
        self._client = client
        self._embedder = embedder
        self._portal = portal
        default = SMALL_MODELS_LIMIT_S if client.model == packaged_models.LLM else None
        self._theme_limit_s = default if theme_limit_s is None else theme_limit_s
        self.themes_named_by: NamedBy = {"llm_model": client.model, "prompt": ask.THEME_PROMPT_VERSION}
        self.n_themes_named = 0

    def start_topics(self, topics: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        """Begin to ask for names of topics, each with its keywords to fall back on."""
        propose = functools.partial(ask.propose_topic, self._client, book)
        return self._portal.start_task_soon(self._names, propose, topics, centroids)

    def start_themes(self, families: ToName, themes: ToName, book: AnswerBook) -> Future[NamesOfLevels]:
        """Begin to ask for names of families, then of themes, within the stated time."""
        propose = functools.partial(ask.propose_theme, self._client, book)
        return self._portal.start_task_soon(self._names_of_levels, propose, families, themes)

    def tally(self) -> dict[str, int]:
        """How many requests and tokens the names have taken so far."""
        return dict(self._client.tally.copy())

    async def _names(self, propose: Propose, topics: list[TopicToName], centroids: Vectors) -> list[Name]:
        found = await NameSearch(propose, self._embedder, self._client.tally).run(topics, centroids)
        by_llm = _texts(found)
        if not all(by_llm):
            topics = await asyncio.to_thread(with_best_labels, topics, centroids, self._embedder, by_llm)
        return [self._name(topic, result, ask.topic_by_keywords) for topic, result in zip(topics, found, strict=True)]

    async def _names_of_levels(self, propose: Propose, families: ToName, themes: ToName) -> NamesOfLevels:
        end = None if self._theme_limit_s is None else time.monotonic() + self._theme_limit_s
        of_families = await self._names_of_level(propose, families, [], end, 0)
        texts = [name.text for name in of_families]
        of_themes = await self._names_of_level(propose, themes, texts, end, len(texts))
        return NamesOfLevels(of_families, of_themes)

    async def _names_of_level(
        self, propose: Propose, level: ToName, families: Sequence[str], end: float | None, n_before: int
    ) -> list[Name]:
        def tell(n_named: int) -> None:
            self.n_themes_named = n_before + n_named

        def is_over() -> bool:
            return end is not None and time.monotonic() >= end

        topics = [group.as_topic(families) for group in level.groups]
        search = NameSearch(propose, self._embedder, self._client.tally, tell)
        # Few at once where the time may not be enough for all: the first ones shall have all their tries.
        at_once = 0 if end is None else 2 * self._client.max_concurrent
        found = await search.run(topics, level.centroids, at_once, is_over)
        tell(len(topics))
        topics = _with_free_labels(topics, _texts(found))
        return [self._name(topic, result, ask.theme_by_keywords) for topic, result in zip(topics, found, strict=True)]

    def _name(self, topic: TopicToName, found: Found, by_keywords: ByKeywords) -> Name:
        if found.proposal is None:
            self._client.tally[names_count.NAMED_BY_KEYWORDS + found.because] += 1
            log.info("named by keywords, %s: refused %s", found.because, found.refused)
            return replace(by_keywords(topic, found.because), refused=tuple(found.refused))
        self._client.tally[names_count.NAMED_BY_LLM] += 1
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


def _texts(found: Sequence[Found]) -> list[str]:
    return [result.proposal.name if result.proposal else "" for result in found]


def _by_their_labels(groups: list[TopicToName]) -> list[Name]:
    return [ask.theme_by_keywords(group) for group in _with_free_labels(groups, [""] * len(groups))]


def _with_free_labels(groups: list[TopicToName], by_llm: Sequence[str]) -> list[TopicToName]:
    """The themes or families with a first label that no other has, nor, of a theme, its family.

    Their labels are in order already (theme_names.py). ``by_llm``: the names that they have, else "".
    """
    says_more = [
        replace(group, labels=[x for x in group.labels if not guard.says_no_more(x, group.family)]) for group in groups
    ]
    return _with_unique_labels(says_more, by_llm)


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


def _done(names: Result) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(names)
    return future
