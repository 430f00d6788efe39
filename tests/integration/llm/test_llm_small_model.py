"""The client and the namer with the real small model behind its real server."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cloud.src.llm.errors import LlmBadAnswer
from cloud.src.llm.local_server import LocalLlm, local_llm
from cloud.src.llm.xai_client import LlmClient
from cloud.src.models import packaged_models
from cloud.src.naming import ask as naming
from cloud.src.naming.ask import Manner, Proposal, TopicToName
from cloud.src.naming.prompt import Objection
from tests.integration.llm.naming_peer import TOPICS, name_themes, name_topics, with_client

MODEL = packaged_models.LLM
API_KEY = "of-both-servers"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalLlm]:
    with local_llm() as server:
        yield server


def test_names_topics_and_themes(server: LocalLlm) -> None:
    topics = name_topics(server.base_url, TOPICS, MODEL, api_key=server.api_key, max_concurrent=2)
    themes = name_themes(server.base_url, TOPICS, MODEL, api_key=server.api_key, max_concurrent=2)

    names = topics.names + themes.names
    for name in names:
        assert 0 < len(name.text) <= 48
        assert name.text.isprintable()
    # Which title it is depends on llama.cpp's version and on the requests before; that most are titles does not.
    assert sum(name.method == "llm" for name in names) >= 3
    assert all(name.because for name in names if name.method == "keywords")
    assert all(theme.description.startswith("Firms talk about") for theme in themes.names)
    assert topics.tally["answers"] >= len(TOPICS)


def test_the_server_is_asked_what_it_understands(server: LocalLlm, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        dialect = with_client(server.base_url, LlmClient.connect, MODEL, api_key=server.api_key)

    assert (dialect.schema_field, dialect.thinks) == ("response_format", False)
    assert f"LLM server {server.base_url}, model {MODEL}: JSON schema by response_format" in caplog.text


def test_the_longest_prompt_fits_into_the_context(server: LocalLlm) -> None:
    each_character_is_several_tokens = "\U0001f680" * 1000
    hardest = TopicToName([each_character_is_several_tokens] * 20, [each_character_is_several_tokens] * 20)
    objection = Objection(each_character_is_several_tokens, each_character_is_several_tokens)

    async def ask(client: LlmClient) -> Proposal | LlmBadAnswer:
        try:
            return await naming.propose_topic(client, None, hardest, Manner([objection] * 2))
        except LlmBadAnswer as error:
            return error

    answer = with_client(server.base_url, ask, MODEL, api_key=server.api_key)

    # What the model says to it is another matter; a prompt that is too long is refused.
    assert isinstance(answer, Proposal) or answer.case != "refused"


def test_a_server_killed_and_restarted_loses_nothing() -> None:
    first, port = start_server(0)
    servers = [first]

    async def work(client: LlmClient) -> list[Proposal]:
        await naming.propose_topic(client, None, TOPICS[0])
        asked = [topic_of_its_own(number) for number in range(8)]
        waiting = [asyncio.create_task(naming.propose_topic(client, None, topic)) for topic in asked]
        while client.tally["answers"] < 3:
            await asyncio.sleep(0.01)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(20)
        while client.tally["waits for the server"] == 0:
            await asyncio.sleep(0.01)
        servers.append(start_server(port)[0])
        return await asyncio.gather(*waiting)

    try:
        proposals = with_client(f"http://127.0.0.1:{port}/v1", work, MODEL, api_key=API_KEY, max_concurrent=4)
    finally:
        for server in servers:
            server.kill()
            server.communicate()

    assert len(proposals) == 8
    assert all(proposal.name for proposal in proposals)


def topic_of_its_own(number: int) -> TopicToName:
    return TopicToName(["freight", "rates"], [f"Freight rates from port {number} came down.", "We found new carriers."])


def start_server(port: int) -> tuple[subprocess.Popen[str], int]:
    """The server's process, once it serves, and its port."""
    command = [sys.executable, "-m", "cloud.src.llm.local_server", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LLM_API_KEY": API_KEY}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert server.stdout is not None
    base_url = server.stdout.readline().split('"')[3]
    return server, int(base_url.removesuffix("/v1").rpartition(":")[2])
