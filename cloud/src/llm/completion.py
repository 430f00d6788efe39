"""Extracts the answer from a server's reply to a chat."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cloud.src.llm.errors import EMPTY, NOT_THE_FORM, REFUSED, TRUNCATED, LlmBadAnswer

Answer = TypeVar("Answer", bound=BaseModel)


class NoCompletion(ValueError):
    """The reply is not a chat completion at all."""


@dataclass(frozen=True)
class Completion:
    """``text`` is what the model says, without its thoughts."""

    text: str
    finish_reason: str
    has_thought: bool

    def checked_text(self) -> str:
        """Return the text; raise LlmBadAnswer if it was cut off."""
        if self.finish_reason == "length":
            raise LlmBadAnswer(f"the answer was cut off: {self.text!r:.200}", TRUNCATED)
        if self.finish_reason == "content_filter":
            raise LlmBadAnswer("the server's filter has refused the text", REFUSED)
        if not self.text:
            raise LlmBadAnswer("the answer is empty", EMPTY)
        return self.text


@functools.cache
def schema_of(answer_type: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of an answer; cached, because making it takes as long as half a request."""
    return answer_type.model_json_schema()


def read_completion(page: Any) -> Completion:
    """Read the JSON document of a chat completion; raise NoCompletion if it is not one."""
    try:
        choice = page["choices"][0]
        message = choice["message"]
        said = message.get("content") or ""
        usage = page.get("usage") or {}
        details = usage.get("completion_tokens_details") or {}
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise NoCompletion(f"{page!r:.200}") from error
    thoughts = message.get("reasoning_content") or message.get("reasoning") or details.get("reasoning_tokens")
    text = without_thoughts(said)
    finish_reason = "content_filter" if message.get("refusal") else choice.get("finish_reason") or ""
    return Completion(text, finish_reason, has_thought=bool(thoughts) or text != said.strip())


def without_thoughts(said: str) -> str:
    """Remove ``<think>...</think>``, even if one of the two marks is missing."""
    answer = said.rpartition("</think>")[2]
    return re.sub(r"<think>.*", "", answer, flags=re.DOTALL).strip()


def read_answer(text: str, answer_type: type[Answer]) -> Answer:
    """Read the first JSON object of the requested type in the text; raise LlmBadAnswer if the text holds none.

    Servers without structured output wrap it in words or in a Markdown block.
    """
    try:
        document, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
        return answer_type.model_validate(document, strict=True)
    except (ValueError, ValidationError) as error:
        raise LlmBadAnswer(f"the answer has not the form asked for: {text!r:.200}", NOT_THE_FORM) from error
