from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from cloud.src.llm.completion import NoCompletion, read_answer, read_completion, without_thoughts


def page(content: str | None, usage: Any = None, **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": "stop"}], "usage": usage}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Freight", "Freight"),
        ("<think>Rates?</think>Freight", "Freight"),
        ("<think>\nRates?\n</think>\n\nFreight\n", "Freight"),
        ("<think></think>Freight", "Freight"),
        ("<think>One.</think><think>Two.</think>Freight", "Freight"),
        ("Rates?</think>Freight", "Freight"),
        ("<think>Rates", ""),
        ("Freight<think>Rates", "Freight"),
        ("", ""),
    ],
)
def test_thoughts_are_not_an_answer(said: str, answer: str) -> None:
    assert without_thoughts(said) == answer
    completion = read_completion(page(said))
    assert completion.text == answer
    assert completion.has_thought is ("think>" in said)


class Title(BaseModel):
    """An answer."""

    title: str


DRAFT, ANSWER = '{"title": "Rates"}', '{"title": "Freight"}'


@pytest.mark.parametrize(
    "said",
    [
        f"\u25c1think\u25b7{DRAFT}\u25c1/think\u25b7{ANSWER}",  # Kimi
        f"<|START_THINKING|>{DRAFT}<|END_THINKING|><|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",  # Cohere
        f"<seed:think>{DRAFT}</seed:think>{ANSWER}",
        f"<|begin_of_thought|>{DRAFT}<|end_of_thought|><|begin_of_solution|>{ANSWER}<|end_of_solution|>",  # OpenThinker
        f"<unused94>thought {DRAFT}<unused95>{ANSWER}",  # Gemma
        f"<reasoning_process>{DRAFT}</reasoning_process>{ANSWER}",
        f"<scratchpad>{DRAFT}</scratchpad>{ANSWER}",
        f"<internal_monologue>{DRAFT}</internal_monologue>{ANSWER}",
        f"<think >{DRAFT}</think >{ANSWER}",
        f"<answer>{ANSWER}</answer>",
        '<tool_call>{"name": "answer", "arguments": {"title": "Freight"}}</tool_call>',
        '{"Title": "Freight"}',
        '"{\\"title\\": \\"Freight\\"}"',
        '"{\n  \\"title\\": \\"Freight\\"\n}"',
    ],
)
def test_drafts_in_thoughts_and_packing_are_not_the_answer(said: str) -> None:
    assert read_answer(read_completion(page(said)).text, Title).title == "Freight"


@pytest.mark.parametrize("title", ["Freight", "Freight\nand Fuel", 'The "Blue" Line', "Caf\u00e9 Rents", "a\\b"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_answer_encoded_twice_is_decoded_twice(title: str, indent: int | None) -> None:
    said = json.dumps(json.dumps({"title": title}, indent=indent))
    assert read_answer(said, Title).title == title


@pytest.mark.parametrize("said", ['{"title": "Freight", "TITLE": 5}', '{"TITLE": 5, "title": "Freight"}'])
def test_the_key_asked_for_goes_before_capitals(said: str) -> None:
    assert read_answer(said, Title).title == "Freight"


@pytest.mark.parametrize(
    "thought",
    [
        page("Freight", reasoning_content="Rates?"),
        page("Freight", reasoning="Rates?"),
        page("Freight", usage={"completion_tokens_details": {"reasoning_tokens": 12}}),
    ],
)
def test_thoughts_that_come_apart_from_the_answer(thought: dict[str, Any]) -> None:
    assert read_completion(thought).has_thought
    assert read_completion(thought).text == "Freight"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 300, "completion_tokens": 12}, (300, 12)),
        ({"prompt_tokens": 300}, (300, 0)),
        ({"prompt_tokens": "300", "completion_tokens": -1}, (0, 0)),
        (None, (0, 0)),
        ("much", (0, 0)),
    ],
)
def test_tokens_are_those_that_the_server_counts(usage: Any, tokens: tuple[int, int]) -> None:
    completion = read_completion(page("Freight", usage))
    assert (completion.prompt_tokens, completion.answer_tokens) == tokens


@pytest.mark.parametrize(
    "usage", [None, {}, {"completion_tokens_details": None}, {"completion_tokens_details": {"reasoning_tokens": 0}}]
)
def test_no_thoughts(usage: Any) -> None:
    assert not read_completion(page("Freight", usage, reasoning_content="")).has_thought


@pytest.mark.parametrize(
    "document", [None, "", "<html>", [], {}, {"choices": []}, {"choices": None}, {"choices": [{}]}, {"choices": ["a"]}]
)
def test_other_json_is_not_a_completion(document: Any) -> None:
    with pytest.raises(NoCompletion):
        read_completion(document)
