"""The client and the namer with real vLLM, which is what names a quarter on AWS.

It is 2.5 GB to download, so these tests are skipped where it is not installed; ``python -m
tests.integration.llm.vllm_server`` installs it, in a folder outside the repository.
"""

from __future__ import annotations

import asyncio
import logging
import re
import urllib.request
from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from cloud.src.cli.__main__ import run
from cloud.src.llm import dialect
from cloud.src.llm.dialect import RESPONSE_FORMAT, STRUCTURED_OUTPUTS
from cloud.src.llm.errors import LlmBadAnswer, LlmMisconfigured
from cloud.src.llm.local_server import LocalLlm
from cloud.src.llm.xai_client import LlmClient
from cloud.src.naming import ask as naming
from cloud.src.naming.ask import Manner, Proposal, TopicToName
from cloud.src.naming.prompt import Objection
from tests.integration.llm import vllm_server
from tests.integration.llm.naming_peer import TOPICS, name_themes, name_topics, with_client
from tests.integration.llm.test_llm_hostile import (  # the test itself: all its cases are run here too
    RealModel,
    test_hostile_sentences_change_neither_the_answers_form_nor_name,  # noqa: F401
)
from tests.integration.llm.vllm_server import MODEL, VllmServer

pytestmark = pytest.mark.vllm

# More than the client may ask at once, so that it always has as many under way as it may.
N_QUESTIONS = 96
MAX_CONCURRENT = 32


@pytest.fixture(scope="module")
def server() -> Iterator[VllmServer]:
    cache = vllm_server.default_cache()
    if not vllm_server.is_installed(cache):
        pytest.skip(
            f"real vLLM is not in {cache} (FTM_VLLM_CACHE), so it is not tested: "
            "python -m tests.integration.llm.vllm_server installs it"
        )
    with vllm_server.vllm_server(cache) as started:
        yield started


@pytest.fixture(scope="module")
def model(server: VllmServer) -> Iterator[RealModel]:
    """What the tests with hostile sentences ask."""
    with start_blocking_portal() as portal:
        real = RealModel(LocalLlm(server.base_url), portal, MODEL)
        yield real
        portal.call(real.client.close)


def topic_of_its_own(number: int) -> TopicToName:
    return TopicToName(["freight", "rates"], [f"Freight rates from port {number} came down.", "We found new carriers."])


async def propose_many(client: LlmClient) -> list[Proposal]:
    topics = [topic_of_its_own(number) for number in range(N_QUESTIONS)]
    return await asyncio.gather(*(naming.propose_topic(client, None, topic) for topic in topics))


def metric(server: VllmServer, name: str) -> float:
    """The sum of a counter or gauge of /metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as page:
        lines = page.read().decode().splitlines()
    values = [float(line.rpartition(" ")[2]) for line in lines if re.match(re.escape(name) + r"[{ ]", line)]
    assert values, f"vLLM has no metric {name}"
    return sum(values)


def test_names_topics_and_themes(server: VllmServer) -> None:
    topics = name_topics(server.base_url, TOPICS, MODEL)
    themes = name_themes(server.base_url, TOPICS, MODEL)

    names = topics.names + themes.names
    for name in names:
        assert 0 < len(name.text) <= 48
        assert name.text.isprintable()
    # Which names a small model finds is its own matter; that it finds some, and that the others have a reason, is ours.
    assert sum(name.method == "llm" for name in names) >= 2
    assert all(name.because for name in names if name.method == "keywords")
    assert all(theme.description for theme in themes.names)


@pytest.mark.parametrize("fields", [(RESPONSE_FORMAT,), (STRUCTURED_OUTPUTS,)])
def test_both_fields_for_structured_output_are_honoured(
    server: VllmServer, fields: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dialect, "SCHEMA_FIELDS", fields)

    async def work(client: LlmClient) -> Proposal:
        return await naming.propose_theme(client, None, TOPICS[0])

    with caplog.at_level(logging.INFO):
        proposal = with_client(server.base_url, work, MODEL)

    assert f"JSON schema by {fields[0]}" in caplog.text
    assert proposal.name
    assert proposal.description


def test_the_prompts_examples_are_computed_once(server: VllmServer) -> None:
    """What all prompts have in common comes from the prefix cache, as vLLM counts it.

    In whole blocks, of 128 tokens on a CPU: two of them of about 355. On a GPU a block has 16.
    """
    queries, hits = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"

    async def work(client: LlmClient) -> tuple[float, float]:
        await naming.propose_topic(client, None, topic_of_its_own(-1))
        before = metric(server, queries), metric(server, hits)
        await propose_many(client)
        return metric(server, queries) - before[0], metric(server, hits) - before[1]

    tokens, cached = with_client(server.base_url, work, MODEL, max_concurrent=MAX_CONCURRENT)

    print(f"prefix cache: {cached:.0f} of {tokens:.0f} tokens of {N_QUESTIONS} prompts ({cached / tokens:.0%})")
    assert cached / tokens > 0.6


def test_as_many_requests_as_allowed_are_under_way(server: VllmServer) -> None:
    most = 0.0

    async def work(client: LlmClient) -> list[Proposal]:
        nonlocal most
        await client.connect()
        asked = asyncio.ensure_future(propose_many(client))
        while not asked.done():
            now = await asyncio.to_thread(metric, server, "vllm:num_requests_running")
            waiting = await asyncio.to_thread(metric, server, "vllm:num_requests_waiting")
            most = max(most, now + waiting)
            await asyncio.sleep(0.02)
        assert client.tally["answers"] == N_QUESTIONS
        return await asked

    proposals = with_client(server.base_url, work, MODEL, max_concurrent=MAX_CONCURRENT)

    print(f"requests at vLLM at the same time: at most {most:.0f}")
    assert len(proposals) == N_QUESTIONS
    assert all(proposal.name for proposal in proposals)
    assert MAX_CONCURRENT / 2 < most <= MAX_CONCURRENT


def test_the_same_question_is_asked_once(server: VllmServer) -> None:
    async def work(client: LlmClient) -> list[Proposal]:
        proposals = await asyncio.gather(*(naming.propose_topic(client, None, TOPICS[0]) for _ in range(20)))
        assert client.tally["identical"] == 19
        return proposals

    served = metric(server, "vllm:request_success_total")
    with_client(server.base_url, LlmClient.connect, MODEL)
    probes = metric(server, "vllm:request_success_total") - served
    proposals = with_client(server.base_url, work, MODEL)

    assert len({proposal.name for proposal in proposals}) == 1
    assert metric(server, "vllm:request_success_total") - served == 2 * probes + 1


def test_the_longest_prompt_fits_into_the_context(server: VllmServer) -> None:
    each_character_is_several_tokens = "\U0001f680" * 1000
    hardest = TopicToName([each_character_is_several_tokens] * 20, [each_character_is_several_tokens] * 20)
    objection = Objection(each_character_is_several_tokens, each_character_is_several_tokens)

    async def ask(client: LlmClient) -> Proposal | LlmBadAnswer:
        try:
            return await naming.propose_topic(client, None, hardest, Manner([objection] * 2))
        except LlmBadAnswer as error:
            return error

    answer = with_client(server.base_url, ask, MODEL)

    # What the model says to it is another matter; a prompt that is too long is refused.
    assert isinstance(answer, Proposal) or answer.case != "refused"


def test_a_model_that_is_not_there_is_no_outage(server: VllmServer) -> None:
    with pytest.raises(LlmMisconfigured, match="it answers 404: .*some/other"):
        with_client(server.base_url, propose_many, "some/other")


def test_ftm_llm_check_knows_it(
    server: VllmServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLM_MODEL_NAME", raising=False)

    assert run(["llm", "check", "--url", server.base_url]) == 0

    shown = capsys.readouterr().out
    print(shown)
    assert f"{MODEL}, its only one" in shown
    assert "yes: JSON schema by response_format" in shown
    assert re.search(r"^speed +\d+ tokens/s", shown, re.MULTILINE)


def test_killed_in_the_middle_and_started_again_loses_nothing(server: VllmServer) -> None:
    """Last, because the server is another one afterwards."""

    async def work(client: LlmClient) -> list[Proposal]:
        await client.connect()
        asked = asyncio.ensure_future(propose_many(client))
        while client.tally["answers"] < MAX_CONCURRENT:
            await asyncio.sleep(0.01)
        server.kill()
        answered = client.tally["answers"]
        while client.tally["waits for the server"] == 0:
            await asyncio.sleep(0.01)
        server.start()
        proposals = await asked
        print(f"killed after {answered} of {N_QUESTIONS} answers; {dict(client.tally)}")
        assert client.tally["answers"] == N_QUESTIONS
        assert client.tally["waits for the server"] == 1
        return proposals

    proposals = with_client(server.base_url, work, MODEL, max_concurrent=MAX_CONCURRENT)

    assert len(proposals) == N_QUESTIONS
    assert all(proposal.name for proposal in proposals)
