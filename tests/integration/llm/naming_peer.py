"""Names of made-up topics, by the worker's own namer and any server: what tests of real and of fake servers share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from anyio.from_thread import start_blocking_portal

from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.xai_client import LlmClient
from cloud.src.models.embeddings import Vectors, unit
from cloud.src.naming.ask import GroupToName, Name, ToName, TopicToName
from cloud.src.naming.namer import LlmNamer
from tests.component.worker_quarter import embedder

Result = TypeVar("Result")

# Of one test with a real model on a busy machine. What waits for something that never comes fails then.
LONGEST_WORK_S = 600

TOPICS = [
    TopicToName(
        ["wildfire", "claims", "catastrophe", "reinsurance"],
        [
            "Wildfire claims added 4 points to our combined ratio.",
            "Reinsurance covered half of the catastrophe losses.",
        ],
    ),
    TopicToName(
        ["battery", "plant", "cells", "construction"],
        ["Construction of the second battery plant is on schedule.", "We will make cells for 200,000 cars a year."],
    ),
    TopicToName(
        ["pilots", "training", "simulators", "attrition"],
        ["All simulators are booked through the summer.", "We cut 6% of flights because we lack trained pilots."],
    ),
]


@dataclass(frozen=True)
class Named:
    names: list[Name]
    tally: dict[str, int]


def name_topics(base_url: str, topics: list[TopicToName], model: str = "m", **options: Any) -> Named:
    """Name a firm's topics as a map job does."""
    return _named(LlmNamer.start_topics, base_url, topics, model, options)


def name_themes(base_url: str, themes: list[TopicToName], model: str = "m", **options: Any) -> Named:
    """Name a quarter's themes, which are in no family, as the reduce job does."""

    def start(namer: LlmNamer, topics: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        groups = [GroupToName(topic.keywords, topic.examples, topic.labels) for topic in topics]
        started = namer.start_themes(ToName([], centroids[:0]), ToName(groups, centroids), book)
        names: Future[list[Name]] = Future()
        started.add_done_callback(lambda done: names.set_result(done.result().themes))
        return names

    return _named(start, base_url, themes, model, options)


def with_client(base_url: str, work: Callable[[LlmClient], Awaitable[Result]], model: str, **options: Any) -> Result:
    """Do some work with a client, in an event loop of its own."""

    async def run() -> Result:
        client = LlmClient(base_url, model, **options)
        try:
            async with asyncio.timeout(LONGEST_WORK_S):
                return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())


def centroids_of(topics: Sequence[TopicToName]) -> Vectors:
    """As if the examples were all sentences."""
    return np.stack([unit(embedder().embed(list(topic.examples)).mean(axis=0)) for topic in topics])


Start = Callable[[LlmNamer, list[TopicToName], Vectors, AnswerBook], Future[list[Name]]]


def _named(start: Start, base_url: str, topics: list[TopicToName], model: str, options: dict[str, Any]) -> Named:
    book = options.pop("book", None)
    with start_blocking_portal() as portal:
        namer = LlmNamer(LlmClient(base_url, model, **options), embedder(), portal)
        names = start(namer, topics, centroids_of(topics), AnswerBook() if book is None else book)
        return Named(names.result(timeout=300), namer.tally())
