"""Extracts the answer from a server's reply to a chat."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from cloud.src.llm.errors import EMPTY, NOT_THE_FORM, REFUSED, TRUNCATED, LlmBadAnswer

Answer = TypeVar("Answer", bound=BaseModel)

# Characters of an answer that are looked at: four times what TOKENS_FOR_THINKING and a name come to.
LONGEST_ANSWER = 65_536
_MOST_BRACES = 100
_TEXT_PARTS = ("text", "output_text")

# What models put around their thoughts: Qwen and DeepSeek, Mistral, gpt-oss; Kimi, Seed, Cohere, OpenThinker, Gemma.
_THOUGHT = (
    r"(?:seed:)?(?:think|thinking|thoughts?|reasoning(?:_process)?|reflection|analysis|scratchpad|(?:inner_|internal_)?"
    r"monologue) ?\|?[>\u25b7]"
)
_END_OF_THOUGHTS = re.compile(
    rf"[<\u25c1](?:/|\|/|\|END_|\|end_of_){_THOUGHT}|\[/THINK\]|<\|channel\|>final(?:<\|message\|>)?|<unused95>",
    re.IGNORECASE,
)
_THOUGHTS = re.compile(
    rf"(?:[<\u25c1]\|?(?:START_|begin_of_)?{_THOUGHT}|\[THINK\]|<\|channel\|>(?:analysis|commentary)|<unused94>).*",
    re.IGNORECASE | re.DOTALL,
)
_CHANNEL_MARK = re.compile(r"<\|[a-z_]{2,20}\|>(?:assistant)?")


class NoCompletion(ValueError):
    """The reply is not a chat completion at all."""


@dataclass(frozen=True)
class Completion:
    """``text`` is what the model says, without its thoughts. The server counts the tokens; 0: it does not."""

    text: str
    finish_reason: str
    has_thought: bool
    prompt_tokens: int = 0
    answer_tokens: int = 0

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
        said, thought_aloud = _said(message.get("content"))
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise NoCompletion(f"{page!r:.200}") from error
    thoughts = (
        message.get("reasoning_content") or message.get("reasoning") or thought_aloud or _tokens_of_thoughts(page)
    )
    text = without_thoughts(said)
    finish_reason = "content_filter" if message.get("refusal") else str(choice.get("finish_reason") or "")
    has_thought = bool(thoughts) or text != said.strip()
    return Completion(
        text, finish_reason, has_thought, _tokens(page, "prompt_tokens"), _tokens(page, "completion_tokens")
    )


def _said(content: Any) -> tuple[str, bool]:
    """The text of a message's content, whatever holds it, up to LONGEST_ANSWER, and whether it has thoughts."""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, str | dict)]
        spoken = [_said(part)[0] for part in parts if isinstance(part, str) or part.get("type") in (None, *_TEXT_PARTS)]
        return "".join(spoken)[:LONGEST_ANSWER], len(spoken) < len(parts)
    if isinstance(content, dict):  # a part, or the answer itself, already read from its JSON
        text = content.get("text")
        return (text if isinstance(text, str) else json.dumps(content))[:LONGEST_ANSWER], False
    return "" if content is None else str(content)[:LONGEST_ANSWER], False


def _tokens(page: dict[str, Any], name: str) -> int:
    usage = page.get("usage")
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count > 0 else 0


def _tokens_of_thoughts(page: dict[str, Any]) -> Any:
    usage = page.get("usage")
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    return details.get("reasoning_tokens") if isinstance(details, dict) else None


def without_thoughts(said: str) -> str:
    """Remove thoughts between any model's marks, such as ``<think>...</think>``, even if one of the two is missing."""
    *_, answer = _END_OF_THOUGHTS.split(said)
    return _CHANNEL_MARK.sub("", _THOUGHTS.sub("", answer)).strip()


def read_answer(text: str, answer_type: type[Answer]) -> Answer:
    """Read the first JSON object of the requested type in the text; raise LlmBadAnswer if the text holds none.

    Servers without structured output wrap it in words or in a Markdown block, add keys or write them in capitals, and
    some encode it twice.
    """
    if text.startswith('"{'):
        with contextlib.suppress(ValueError):
            text, _ = json.JSONDecoder(strict=False).raw_decode(text)
    decoder = json.JSONDecoder()
    for brace in itertools.islice(re.finditer("{", text[:LONGEST_ANSWER]), _MOST_BRACES):
        try:
            document, _ = decoder.raw_decode(text, brace.start())
            values = {name.lower(): value for name, value in document.items()} | document
            known = {name: values[name] for name in answer_type.model_fields if name in values}
            return answer_type.model_validate(known, strict=True)
        except (ValueError, RecursionError):  # a pydantic.ValidationError is a ValueError
            continue
    raise LlmBadAnswer(f"the answer has not the form asked for: {text[:200]!r}", NOT_THE_FORM)
