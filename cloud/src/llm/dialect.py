"""Finds out how a server wants to be asked: servers share the OpenAI protocol, but not all of its fields.

Two fields differ: the one that holds the JSON schema of the answer, and the one that stops a model from thinking aloud.
A server may refuse a field that it does not know, or silently ignore it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cloud.src.llm.completion import Completion, schema_of
from cloud.src.llm.errors import LlmBadAnswer

RESPONSE_FORMAT = "response_format"  # OpenAI's own: Grok, llama.cpp, vLLM
STRUCTURED_OUTPUTS = "structured_outputs"  # vLLM's
IN_THE_PROMPT = "the prompt's examples"  # no field: the worked examples in our prompts show the form
SCHEMA_FIELDS = (RESPONSE_FORMAT, STRUCTURED_OUTPUTS)

# Tried in this order until the server accepts one and the model obeys it. Qwen3's chat template has a switch (vLLM and
# llama.cpp pass it on), Grok's later models know the effort "none", grok-3-mini only "low", and most models have
# nothing to switch off.
THINKING_SWITCHES: tuple[Mapping[str, Any], ...] = (
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"reasoning_effort": "none"},
    {"reasoning_effort": "low"},
    {},
)

# Tokens that a model which thinks regardless may write before it answers.
TOKENS_FOR_THINKING = 4096

# The marks around a turn in the chat templates that we know.
_TOKENS_OF_A_TURN = 8

# No model says this unprompted, so a model that does has been given the schema.
_SECRET = "ftm-probe-7421"
_SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string", "enum": [_SECRET]}},
    "required": ["word"],
    "additionalProperties": False,
}
# As a run asks: with a system turn and a temperature.
PROBE_CHAT = [
    {"role": "system", "content": "You answer briefly."},
    {"role": "user", "content": "Greet me with one word."},
]
_PROBE_TOKENS = 64  # three times what the answer needs: some models pad their JSON with blanks

# Sends the body of one request; raises LlmBadAnswer if the server does not accept its fields.
Send = Callable[[dict[str, Any]], Awaitable[Completion]]


@dataclass(frozen=True)
class Dialect:
    """``schema_field``: where the answer's JSON schema goes. ``thinking_switch``: fields that switch thinking off."""

    schema_field: str
    thinking_switch: Mapping[str, Any]
    thinks: bool = False  # thinking cannot be switched off, so answers need room for it
    context_tokens: int | None = None  # of prompt and answer together, if the server states it

    def fields(self, answer_type: type[BaseModel]) -> dict[str, Any]:
        """The fields of a request besides model, messages, temperature and max_tokens."""
        return {**self.thinking_switch, **schema_fields(self.schema_field, schema_of(answer_type))}

    def max_tokens(self, of_answer: int, chat: list[dict[str, str]]) -> int:
        """The limit for an answer of at most ``of_answer`` tokens and the thoughts before it.

        vLLM refuses a request whose prompt and answer might not fit into its context. The prompt is counted in bytes,
        because no tokenizer makes more tokens than bytes (prompt.py).
        """
        if not self.thinks:
            return of_answer
        if self.context_tokens is None:
            return of_answer + TOKENS_FOR_THINKING
        of_prompt = sum(len(turn["content"].encode()) + _TOKENS_OF_A_TURN for turn in chat)
        return of_answer + min(TOKENS_FOR_THINKING, max(0, self.context_tokens - of_prompt - of_answer))

    def __str__(self) -> str:
        switch = json.dumps(dict(self.thinking_switch)) if self.thinking_switch else "nothing to switch off"
        thinking = "it thinks and cannot be stopped" if self.thinks else f"thinking off by {switch}"
        return f"JSON schema by {self.schema_field}, {thinking}"


async def find_dialect(send: Send, context_tokens: int | None = None) -> Dialect:
    """Try the known fields in small requests and keep those that the server honours.

    ``context_tokens``: see Dialect. Raises what ``send`` raises, but LlmBadAnswer only if the server refuses even a
    request without special fields.
    """
    switch, thinks = await _find_thinking_switch(send)
    for field in SCHEMA_FIELDS:
        dialect = Dialect(field, switch, thinks, context_tokens)
        if await _honours(send, dialect):
            return dialect
    return Dialect(IN_THE_PROMPT, switch, thinks, context_tokens)


def stated_context(model: str, models: Any, properties: Any) -> int | None:
    """The length of the context according to /v1/models (vLLM) or /props (llama.cpp); None if neither states it.

    Each page is whatever JSON was returned, None if there was none.
    """
    settings = _field(properties, "default_generation_settings")
    of_models = models if isinstance(models, list) else _field(models, "data")
    ours = [entry for entry in of_models if _field(entry, "id") == model] if isinstance(of_models, list) else []
    for stated in (*(_field(entry, "max_model_len") for entry in ours), _field(settings, "n_ctx")):
        if isinstance(stated, int) and stated > 0:
            return stated
    return None


def _field(page: Any, name: str) -> Any:
    return page.get(name) if isinstance(page, dict) else None


def schema_fields(schema_field: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The request's field that asks for JSON of this schema."""
    if schema_field == RESPONSE_FORMAT:
        named = {"name": "answer", "strict": True, "schema": schema}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if schema_field == STRUCTURED_OUTPUTS:
        return {"structured_outputs": {"json": schema}}
    return {}


async def _find_thinking_switch(send: Send) -> tuple[Mapping[str, Any], bool]:
    """The switch, and whether the model thinks regardless of it."""
    taken: list[Mapping[str, Any]] = []
    for switch in THINKING_SWITCHES:
        try:
            body = {"messages": PROBE_CHAT, "max_tokens": _PROBE_TOKENS, "temperature": 0}
            completion = await send({**body, **switch})
        except LlmBadAnswer:
            if not switch:
                raise
            continue
        if completion.text and not completion.has_thought:
            return switch, False
        if completion.text or completion.finish_reason == "length":  # else the switch has emptied the answer
            taken.append(switch)
    return (taken or [{}])[0], True


async def _honours(send: Send, dialect: Dialect) -> bool:
    max_tokens = dialect.max_tokens(_PROBE_TOKENS, PROBE_CHAT)
    body = {"messages": PROBE_CHAT, "max_tokens": max_tokens, "temperature": 0, **dialect.thinking_switch}
    try:
        completion = await send({**body, **schema_fields(dialect.schema_field, _SCHEMA)})
        return bool(json.loads(completion.text) == {"word": _SECRET})
    except (LlmBadAnswer, ValueError):
        return False
