"""Whatever an LLM server answers, a question ends with a name or the reason why not, and so does ``ftm llm check``."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cloud.src.cli import llm_check
from cloud.src.cli.__main__ import EXIT_FAILED, EXIT_WRONG_INPUT, run
from cloud.src.contract.errors import FtmError
from cloud.src.llm import outage, xai_client
from cloud.src.llm.xai_client import LlmClient
from cloud.src.naming import ask
from cloud.src.worker import check_llm
from tests.chaos.campaign import campaign
from tests.integration.fake_llm import HANGS_UP, MODELS, Reply, completion, fails, fake_llm, says

LIMIT_S = 1  # of a question, and of an outage
# Seconds from the question to its end, on a busy machine: checks of the server's health come before it.
BOUND_S = 40

NAME = "Wildfire Claims"
ANSWER = json.dumps({"title": NAME})
PROBE_SAYS = "Hello!"


def contents(chance: random.Random) -> Any:
    """The content of a message: the answer in one of the ways in which servers pack it, or none."""
    thought = "I look at {topic} words"
    return chance.choice(
        [
            *(
                ANSWER,
                f"<think>{thought}</think>{ANSWER}",
                f"{thought}</think>{ANSWER}",
                f"[THINK]{thought}[/THINK]{ANSWER}",
            ),
            f"<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}",
            *(
                f"```json\n{ANSWER}\n```\nHope that helps {{you}}.",
                f"The name for {{topic}} is: {ANSWER}",
                f"[{ANSWER}]",
            ),
            *(
                ANSWER.replace('"', "'"),
                ANSWER[:12],
                ANSWER.replace("}", ', "confidence": 0.9}'),
                "",
                " ",
                None,
                7,
                True,
            ),
            *([{"type": "text", "text": ANSWER}], [ANSWER], [None], {"title": NAME}, {"text": ANSWER}, [], {}),
            *("[" * 100_000, '{"title": ' * 20_000, "x" * 1_000_000, "\x00\ud7ff", json.dumps({"title": ["a"]})),
        ]
    )


def usages(chance: random.Random) -> Any:
    return chance.choice([None, {}, [], "12", {"completion_tokens": "12"}, {"completion_tokens": -1}, {"x": None}])


def a_message(chance: random.Random) -> Reply:
    more = {"reasoning_content": ANSWER} if chance.random() < 0.2 else {}
    said = says("", chance.choice(["stop", "stop", "length", "tool_calls", "content_filter"]), **more)
    body: dict[str, Any] = dict(said.body)
    body["choices"][0]["message"]["content"] = contents(chance)
    return Reply(body=body | ({"usage": usages(chance)} if chance.random() < 0.3 else {}))


def an_error(chance: random.Random) -> Reply:
    said = chance.choice(
        [
            *("max_tokens is not supported, use max_completion_tokens", "temperature does not support 0, only 1"),
            *("System role not supported", "expected a value >= 16", "insufficient_quota", "Loading model", "\n\n"),
        ]
    )
    headers = {"retry_after": chance.choice(["0", "0.2", "soon", "-1"])} if chance.random() < 0.3 else {}
    return fails(chance.choice([400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503, 529]), said, **headers)


def a_page(chance: random.Random) -> Reply:
    body: Any = chance.choice(
        ["<html>login</html>", "", "data: {}\n\ndata: [DONE]", {}, [], None, 7, {"error": "busy"}, {"choices": None}]
    )
    return chance.choice([Reply(body=body), completion([]), completion([{"index": 0}]), HANGS_UP])


def reply(chance: random.Random) -> Reply:
    kinds: list[Callable[[random.Random], Reply]] = [a_message, a_message, an_error, a_page]
    return chance.choice(kinds)(chance)


def traits(chance: random.Random) -> dict[str, Any]:
    """Of a server: what it understands, what it refuses, and what it says of itself."""
    odd_models = [
        [{"id": "m1"}],
        {"data": [{"id": "a"}, {"id": "b"}]},
        {"data": None},
        {"models": ["m"]},
        "<html>",
        None,
    ]
    fields = ["response_format", "structured_outputs", "chat_template_kwargs", "temperature", "max_tokens"]
    found: dict[str, Any] = {
        "honours": frozenset(chance.sample(fields[:2], chance.randrange(3))),
        "refuses": frozenset(chance.sample(fields, chance.choice([0, 0, 0, 1, 2]))),
        "models": MODELS if chance.random() < 0.7 else Reply(body=chance.choice(odd_models)),
        "health": Reply(body="") if chance.random() < 0.7 else an_error(chance),
    }
    if chance.random() < 0.3:
        found["greeting"] = says(PROBE_SAYS) if chance.random() < 0.6 else reply(chance)
    return found


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that would only pass the time; what is waited for stays."""
    monkeypatch.setattr(xai_client, "_PAUSE_AFTER_429_S", 0.01)
    monkeypatch.setattr(xai_client, "_LONGEST_BACKOFF_S", 0.05)
    monkeypatch.setattr(outage, "FIRST_INTERVAL_S", 0.05)
    monkeypatch.setattr(outage, "SHORTEST_LOOK_S", 1.0)
    monkeypatch.setattr(llm_check, "PATIENCE_S", 0)


async def ask_once(base_url: str) -> str:
    client = LlmClient(base_url, "m", outage_limit_s=LIMIT_S, topic_limit_s=LIMIT_S)
    try:
        async with asyncio.timeout(BOUND_S):
            proposal = await ask.propose_topic(client, None, check_llm.TOPIC)
    except FtmError as error:
        return type(error).__name__
    finally:
        await client.close()
    assert proposal.name.isprintable()
    return "named"


def test_a_question_ends_in_time_with_name_or_reason(in_a_hurry: None) -> None:
    def attempt(chance: random.Random) -> str:
        replies = [reply(chance) for _ in range(chance.randrange(1, 5))]
        ever = threading.Event()
        if chance.random() < 0.05:
            replies.append(Reply(hangs_until=ever))
        with fake_llm(*replies, **traits(chance)) as llm:
            try:
                return asyncio.run(ask_once(llm.base_url))
            finally:
                ever.set()

    outcomes = campaign("answers of servers", attempt)
    assert set(outcomes) <= {"named", "LlmBadAnswer", "LlmUnavailable", "LlmMisconfigured"}


def test_llm_check_ends_with_what_it_found_or_one_line(
    in_a_hurry: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "LLM_API_KEY", "LLM_MODEL_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # the code under test changes them: put back after the test
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("LLM_TOPIC_LIMIT_S", str(LIMIT_S))

    def attempt(chance: random.Random) -> str:
        with fake_llm(*(reply(chance) for _ in range(chance.randrange(1, 5))), **traits(chance)) as llm:
            code = run(["llm", "check", "--url", llm.base_url])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        if code == 0:
            return "can name topics"
        assert code in (EXIT_FAILED, EXIT_WRONG_INPUT)
        assert said.err.splitlines()[-1].startswith("ftm: ")
        return "cannot, and says why"

    campaign("ftm llm check", attempt)
