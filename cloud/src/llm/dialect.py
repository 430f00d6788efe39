"""How a server wants to be asked, found out by asking it: servers share the OpenAI protocol, but not all of its fields.

Two things differ, and a field that a server does not know it may refuse or silently ignore:
the field that holds the JSON schema of the answer, and the one that stops a model from thinking aloud.
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
IN_THE_PROMPT = "the prompt's examples"  # no field: the solved examples of our prompts show the form
SCHEMA_FIELDS = (RESPONSE_FORMAT, STRUCTURED_OUTPUTS)

# The first that the server takes and the model obeys. Qwen3's chat template has a switch (vLLM and llama.cpp hand it
# on), Grok's later models know an effort "none", grok-3-mini only "low", and most models have nothing to switch off.
THINKING_SWITCHES: tuple[Mapping[str, Any], ...] = (
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"reasoning_effort": "none"},
    {"reasoning_effort": "low"},
    {},
)

# What a model that thinks in spite of all may write before it answers.
TOKENS_FOR_THINKING = 4096

# The marks around a turn, in any chat template that we know.
_TOKENS_OF_A_TURN = 8

# No model says this by itself, so who answers so has been given the schema.
_SECRET = "ftm-probe-7421"
_SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string", "enum": [_SECRET]}},
    "required": ["word"],
    "additionalProperties": False,
}
PROBE_CHAT = [{"role": "user", "content": "Greet me with one word."}]
_PROBE_TOKENS = 64  # three times what the answer needs: some models put blanks into their JSON

# Sends one request's body; raises LlmBadAnswer where the server does not take its fields.
Send = Callable[[dict[str, Any]], Awaitable[Completion]]


@dataclass(frozen=True)
class Dialect:
    """``schema_field``: where the answer's JSON schema goes. ``thinking_switch``: fields that switch thinking off."""

    schema_field: str
    thinking_switch: Mapping[str, Any]
    thinks: bool = False  # it cannot be switched off: answers need room for it
    context_tokens: int | None = None  # of prompt and answer together, where the server says so

    def fields(self, answer_type: type[BaseModel]) -> dict[str, Any]:
        """What a request has besides model, messages, temperature and max_tokens."""
        return {**self.thinking_switch, **schema_fields(self.schema_field, schema_of(answer_type))}

    def max_tokens(self, of_answer: int, chat: list[dict[str, str]]) -> int:
        """What to allow for an answer of at most ``of_answer`` tokens, and for the thoughts before it.

        vLLM refuses a request whose prompt and answer might not fit into its context. The prompt is counted in bytes,
        which no tokenizer makes more tokens of (prompt.py).
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
    """Try what there is, in small requests, and keep what the server honours.

    ``context_tokens``: see Dialect.
    Raises what ``send`` raises, LlmBadAnswer only when the server refuses a request without any special field.
    """
    switch, thinks = await _find_thinking_switch(send)
    for field in SCHEMA_FIELDS:
        dialect = Dialect(field, switch, thinks, context_tokens)
        if await _honours(send, dialect):
            return dialect
    return Dialect(IN_THE_PROMPT, switch, thinks, context_tokens)


def stated_context(model: str, models: Any, properties: Any) -> int | None:
    """The context's length by the pages /v1/models (vLLM) and /props (llama.cpp); None where neither tells it.

    The pages are whatever JSON came, None where none did.
    """
    settings = _field(properties, "default_generation_settings")
    of_models = _field(models, "data")
    ours = [entry for entry in of_models if _field(entry, "id") == model] if isinstance(of_models, list) else []
    for stated in (*(_field(entry, "max_model_len") for entry in ours), _field(settings, "n_ctx")):
        if isinstance(stated, int) and stated > 0:
            return stated
    return None


def _field(page: Any, name: str) -> Any:
    return page.get(name) if isinstance(page, dict) else None


def schema_fields(schema_field: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field of a request that asks for JSON of this schema."""
    if schema_field == RESPONSE_FORMAT:
        named = {"name": "answer", "strict": True, "schema": schema}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if schema_field == STRUCTURED_OUTPUTS:
        return {"structured_outputs": {"json": schema}}
    return {}


async def _find_thinking_switch(send: Send) -> tuple[Mapping[str, Any], bool]:
    """The switch, and whether the model thinks in spite of it."""
    taken: list[Mapping[str, Any]] = []
    for switch in THINKING_SWITCHES:
        try:
            completion = await send({"messages": PROBE_CHAT, "max_tokens": _PROBE_TOKENS, **switch})
        except LlmBadAnswer:
            if not switch:
                raise
            continue
        if not completion.has_thought:
            return switch, False
        taken.append(switch)
    return taken[0], True


async def _honours(send: Send, dialect: Dialect) -> bool:
    max_tokens = dialect.max_tokens(_PROBE_TOKENS, PROBE_CHAT)
    body = {"messages": PROBE_CHAT, "max_tokens": max_tokens, **dialect.thinking_switch}
    try:
        completion = await send({**body, **schema_fields(dialect.schema_field, _SCHEMA)})
        return bool(json.loads(completion.text) == {"word": _SECRET})
    except (LlmBadAnswer, ValueError):
        return False
