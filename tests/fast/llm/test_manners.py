"""Answers of any shape, and fields that a server takes in another form."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from cloud.src.cli.llm_check import model_names
from cloud.src.contract.errors import InvalidInput
from cloud.src.llm.completion import LONGEST_ANSWER, Completion, read_answer, read_completion, without_thoughts
from cloud.src.llm.dialect import find_dialect
from cloud.src.llm.errors import LlmBadAnswer
from cloud.src.llm.llm_settings import check_base_url
from cloud.src.llm.manners import Manners

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}]
NO_MAX_TOKENS: dict[str, Any] = {"messages": CHAT, "temperature": 0}
BODY = {**NO_MAX_TOKENS, "max_tokens": 8}


class Title(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")
    title: str


def page(content: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "finish_reason": "stop"}], **more}


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": '{"title": "Freight"}'}],
        [{"type": "thinking", "thinking": [{"text": "{no}"}]}, {"type": "text", "text": '{"title": "Freight"}'}],
        ['{"title": ', '"Freight"}'],
        {"type": "text", "text": '{"title": "Freight"}'},
        {"title": "Freight"},
        'The name for {topic} is: {"title": "Freight"}',
        '<|channel|>analysis<|message|>{a}.<|end|><|start|>assistant<|channel|>final<|message|>{"title":"Freight"}',
        '[THINK]I look at {"title": "No"}[/THINK]{"title": "Freight"}',
        '<thinking>Hmm, {"title": "No"}</thinking>{"title": "Freight"}',
        '{"title": "Freight", "confidence": 0.9}',
        '[{"title": "Freight"}]',
        '{"answer": {"title": "Freight"}}',
        "{" * 50 + '{"title": "Freight"}',
    ],
)  # fmt: skip
def test_the_answer_is_found_wherever_it_is(content: Any) -> None:
    assert read_answer(read_completion(page(content)).text, Title) == Title(title="Freight")


@pytest.mark.parametrize(
    "content", [7, 0.5, True, [], [7], {}, None, "[" * 100_000, '{"a":' * 100_000, "{" * 1_000_000]
)
def test_what_is_no_answer_is_said_so_at_once(content: Any) -> None:
    start = time.perf_counter()
    with pytest.raises(LlmBadAnswer):
        read_answer(read_completion(page(content)).checked_text(), Title)
    assert time.perf_counter() - start < 2


def test_a_megabyte_is_cut_before_it_is_looked_at() -> None:
    start = time.perf_counter()
    assert len(read_completion(page("<think>" * 150_000)).text) <= LONGEST_ANSWER
    assert len(without_thoughts("</think" * 10_000)) == 70_000
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("usage", ["none", 7, [], {"completion_tokens_details": "none"}, {"completion_tokens": "7"}])
def test_usage_of_any_shape(usage: Any) -> None:
    assert read_completion(page("Freight", usage=usage)).text == "Freight"


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            {"messages": CHAT, "max_completion_tokens": 8, "temperature": 0},
        ),
        (
            "'temperature' does not support 0 with this model. Only the default (1) value is supported.",
            {"messages": CHAT, "max_tokens": 8},
        ),
        ("Invalid 'max_tokens': integer below minimum value. Expected a value >= 16", {**BODY, "max_tokens": 16}),
        ("System role not supported", {**BODY, "messages": [{"role": "user", "content": "Be brief.\n\nHi."}]}),
        ("Unrecognized request argument supplied: max_tokens", {**NO_MAX_TOKENS, "max_completion_tokens": 8}),
        ("Unknown parameter: chat_template_kwargs. Known: temperature, max_tokens", BODY),
        ("`temperature` (=0) has to be a strictly positive float", {"messages": CHAT, "max_tokens": 8}),
        ("`max_tokens` must be greater than 15", {**BODY, "max_tokens": 16}),
        ("max_tokens should be no less than 16", {**BODY, "max_tokens": 16}),
        ("max_tokens must not be greater than 4096", BODY),
        ("max_tokens cannot be larger than 2048", BODY),
        ("max_tokens cannot be greater than or equal to 2048", BODY),
        ("Requested max_tokens 5000 is more than 4096", BODY),
        ("The text is too long", BODY),
        ("Your request was rejected as a result of our safety system", BODY),  # of the text, not of its fields
        ("Refused: the text speaks of a high temperature", BODY),
    ],
)
def test_what_a_server_refuses_is_learned_once(refusal: str, expected: dict[str, Any]) -> None:
    manners = Manners()
    assert manners.learn(BODY, BODY, refusal) is (expected != BODY)
    assert manners.shaped(BODY) == expected
    assert manners.learn(BODY, manners.shaped(BODY), refusal) is False
    # Another request was under way in the old shape.
    assert manners.learn(BODY, BODY, refusal) is (expected != BODY)
    assert BODY["max_tokens"] == 8


def test_a_switch_that_empties_answers_is_wrong() -> None:
    async def send(body: dict[str, Any]) -> Completion:
        if "chat_template_kwargs" in body:
            return Completion("", "stop", has_thought=True)
        return Completion("Hello", "stop", has_thought=True)

    dialect = asyncio.run(find_dialect(send))
    assert "chat_template_kwargs" not in dialect.thinking_switch
    assert dialect.thinks


@pytest.mark.parametrize(
    "models",
    [
        [{"id": "m1"}],
        ["m1"],
        {"data": [{"id": "m1"}]},
        {"models": [{"name": "m1"}]},
        [{"id": "m1"}, {"object": "model"}],
    ],
)
def test_lists_of_models(models: object) -> None:
    assert model_names(models) == ["m1"]
    with pytest.raises(ValueError, match="page"):
        model_names("<html>page")


@pytest.mark.parametrize("page", ["chat/completions/", "completions", "responses"])
def test_a_pasted_page_is_named(page: str) -> None:
    with pytest.raises(InvalidInput, match="is the address of a single endpoint: use http://host/v1 instead"):
        check_base_url(f"http://host/v1/{page}")


def test_json_of_the_answer_stays_json() -> None:
    assert json.loads(read_completion(page({"title": "A"})).text) == {"title": "A"}
