"""A server that is away: before the first question, in the middle, for too long."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cloud.src.llm import outage
from cloud.src.llm.errors import LlmMisconfigured, LlmUnavailable
from cloud.src.llm.xai_client import LlmClient
from tests.integration.fake_llm import HANGS_UP, MODELS, FakeLlm, Reply, fails, fake_llm, says
from tests.integration.llm.test_llm_client import no_server_url, title, titles, use

FREIGHT = says('{"title": "Freight"}')
N_QUESTIONS = 20


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "FIRST_INTERVAL_S", 0.01)
    monkeypatch.setattr(outage, "LONGEST_INTERVAL_S", 0.05)


@contextmanager
def hanging() -> Iterator[Reply]:
    """A reply that does not come before the block ends."""
    end = threading.Event()
    try:
        yield Reply(hangs_until=end)
    finally:
        end.set()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def mended_in_the_middle(llm: FakeLlm, failure: Reply) -> Callable[[LlmClient], Awaitable[list[str]]]:
    """Ask, with a failure of the server that is mended once the client has noticed it."""

    async def work(client: LlmClient) -> list[str]:
        await title(client)
        llm.failure = failure
        waiting = asyncio.create_task(titles(client, N_QUESTIONS))
        await until(lambda: client.tally["waits for the server"] > 0)
        llm.failure = None
        answers = await waiting
        assert client.tally["waits for the server"] == 1
        assert client.tally["answers"] == 1 + N_QUESTIONS
        return answers

    return work


@pytest.mark.parametrize("failure", [fails(500), fails(502), fails(503), fails(429), HANGS_UP])
def test_all_wait_together_and_nothing_is_lost(failure: Reply, caplog: pytest.LogCaptureFixture) -> None:
    with fake_llm(FREIGHT) as llm, caplog.at_level(logging.INFO):
        answers = use(llm, mended_in_the_middle(llm, failure), max_concurrent=N_QUESTIONS)

    assert answers == ["Freight"] * N_QUESTIONS
    assert caplog.text.count("waiting for it, at most 900 s") == 1
    assert caplog.text.count("serves after") == 1


def test_a_server_that_does_not_answer_any_more() -> None:
    with hanging() as nothing, fake_llm(FREIGHT) as llm:
        answers = use(llm, mended_in_the_middle(llm, nothing), max_concurrent=N_QUESTIONS, timeout_s=1)

    assert answers == ["Freight"] * N_QUESTIONS


def test_one_probe_for_all() -> None:
    looks: list[float] = []

    async def work(client: LlmClient) -> None:
        await title(client)
        llm.failure = fails(503)
        n_before = len(llm.probes)
        waiting = asyncio.create_task(titles(client, N_QUESTIONS))
        await until(lambda: len(llm.probes) >= n_before + 10)
        looks.extend(probe.time for probe in llm.probes[n_before:])
        llm.failure = None
        await waiting

    with fake_llm(FREIGHT) as llm:
        use(llm, work, max_concurrent=N_QUESTIONS)

    # One after the other, each after a longer pause: not one for each of the questions.
    assert sorted(looks) == looks
    assert looks[9] - looks[0] >= 0.01 + 0.02 + 0.04 + 6 * 0.05


@pytest.mark.parametrize("not_ready", ["health", "models", "greeting"])
def test_a_server_that_comes_up_in_steps(not_ready: str) -> None:
    ready: dict[str, Any] = {"health": Reply(body=""), "models": MODELS, "greeting": None}

    async def work(client: LlmClient) -> str:
        waiting = asyncio.create_task(title(client))
        await until(lambda: client.tally["waits for the server"] > 0)
        assert llm.requests == []
        setattr(llm, not_ready, ready[not_ready])
        return await waiting

    with fake_llm(FREIGHT, **{not_ready: fails(503)}) as llm:
        assert use(llm, work) == "Freight"


def test_after_the_limit_nobody_waits_any_more(caplog: pytest.LogCaptureFixture) -> None:
    async def work(client: LlmClient) -> None:
        await title(client)
        llm.failure = fails(503)
        answers = await asyncio.gather(*(title(client, str(n)) for n in range(N_QUESTIONS)), return_exceptions=True)
        assert all(isinstance(answer, LlmUnavailable) for answer in answers)
        assert "does not serve: it answers 503" in str(answers[0])
        n_sent = len(llm.requests) + len(llm.probes)
        with pytest.raises(LlmUnavailable):
            await title(client, "One more?")
        assert len(llm.requests) + len(llm.probes) == n_sent

    with fake_llm(FREIGHT) as llm, caplog.at_level(logging.INFO):
        use(llm, work, max_concurrent=4, outage_limit_s=0.1)

    assert caplog.text.count("does not serve: it answers 503") == 1


def test_an_abandoned_server_is_used_once_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(client: LlmClient) -> str:
        llm.failure = fails(503)
        with pytest.raises(LlmUnavailable):
            await title(client)
        monkeypatch.setattr(outage, "SECOND_CHANCE_S", 0)
        n_looks = len(llm.probes)
        with pytest.raises(LlmUnavailable):
            await title(client)
        assert len(llm.probes) == n_looks + 1  # looked at, not waited for
        llm.failure = None
        return await title(client)

    with fake_llm(FREIGHT) as llm:
        assert use(llm, work, outage_limit_s=0.05) == "Freight"


def test_a_requested_pause_counts_towards_the_limit() -> None:
    with (
        fake_llm(fails(429, retry_after="3600")) as llm,
        pytest.raises(LlmUnavailable, match="it asks for a pause; waited for it, at most 0 s"),
    ):
        use(llm, title, outage_limit_s=0.2)


@pytest.mark.parametrize("page", ["health", "models", "greeting"])
def test_one_look_takes_no_longer_than_there_is_patience(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "SHORTEST_LOOK_S", 0.1)

    async def work(client: LlmClient) -> None:
        async with asyncio.timeout(5):  # less than a page is waited for, and than a request
            with pytest.raises(LlmUnavailable, match="no answer within 0 s; waited for it, at most 0 s"):
                await client.wait_until_ready(timeout_s=0.2)

    with hanging() as nothing, fake_llm(FREIGHT, **{page: nothing}) as llm:
        use(llm, work)


def test_a_look_is_short_however_much_patience_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST_LOOK_S", 0.1)

    async def work(client: LlmClient) -> str:
        waiting = asyncio.create_task(title(client))
        await until(lambda: client.tally["waits for the server"] > 0)
        llm.greeting = None
        return await waiting

    with hanging() as nothing, fake_llm(FREIGHT, greeting=nothing) as llm:
        assert use(llm, work, outage_limit_s=900) == "Freight"


def test_a_key_that_is_withdrawn_in_the_middle() -> None:
    async def work(client: LlmClient) -> None:
        await title(client)
        llm.failure = fails(401)
        with pytest.raises(LlmMisconfigured, match="it answers 401"):
            await titles(client, 3)

    with fake_llm(FREIGHT) as llm:
        use(llm, work)


def test_no_server() -> None:
    llm = FakeLlm([], base_url=no_server_url())

    with pytest.raises(LlmUnavailable, match="does not serve: .*(refused|failed)"):
        use(llm, title, outage_limit_s=0.1)
    with pytest.raises(LlmUnavailable):
        use(llm, lambda client: client.wait_until_ready(timeout_s=0.1))
