"""What a server refuses of requests that others accept, learned from its refusals and remembered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_LEAST = re.compile(
    r"(?:>=|at least|not? less than|minimum(?: value)?(?: of| is)?|(?<!not be )greater than or equal to)"
    r"\D{0,20}([0-9]{1,5})",
    re.IGNORECASE,
)
# Not "must not be greater than" or "is more than": these name the most.
_MORE_THAN = re.compile(r"(?:must|should|has to) be (?:greater|larger|more) than ([0-9]{1,5})", re.IGNORECASE)
_NO_MAX_TOKENS = re.compile(r"(?:unrecognized|unknown|unsupported)[\w ]{0,40}[:'\" ]{1,3}max_tokens\b", re.IGNORECASE)
# Of fields, not of what a text says: "rejected by our safety system" is about the text.
_NO_TEMPERATURE = re.compile(
    r"temperature\b.{0,80}\b(?:support|unsupported|allowed|permitted|only|default|must|has to|invalid)"
    r"|(?:support|unsupported|allowed|permitted|only|invalid)\w*\b.{0,80}\btemperature",
    re.IGNORECASE | re.DOTALL,
)
_NO_SYSTEM_TURN = re.compile(
    r"\b(?:system|developer)\W{1,3}(?:role|message|prompt|turn|instruction)s?\b|\broles?\b", re.IGNORECASE
)
_MOST_LEAST_TOKENS = 4096  # a server that asks for more is not asking for that


@dataclass
class Manners:
    """How the server wants the fields that all requests have; ``shaped`` applies it, ``learn`` finds it out."""

    tokens_field: str = "max_tokens"
    least_tokens: int = 0
    has_temperature: bool = True
    has_system_turn: bool = True

    def shaped(self, body: dict[str, Any]) -> dict[str, Any]:
        """The request as this server takes it."""
        shaped = dict(body)
        if "max_tokens" in shaped:
            shaped[self.tokens_field] = max(shaped.pop("max_tokens"), self.least_tokens)
        if not self.has_temperature:
            shaped.pop("temperature", None)
        if not self.has_system_turn:
            shaped["messages"] = _without_system_turn(shaped["messages"])
        return shaped

    def learn(self, body: dict[str, Any], sent: dict[str, Any], refusal: str) -> bool:
        """Change what the refusal of ``body``, ``sent`` in this shape, complains about.

        Return whether another shape is worth sending; another request may have learned it in the meantime.
        """
        text = refusal.lower()
        if ("max_completion_tokens" in text and "max_tokens" in text) or _NO_MAX_TOKENS.search(refusal):
            self.tokens_field = "max_completion_tokens"
        elif "max_" in text and 0 < (least := _least(refusal)) <= _MOST_LEAST_TOKENS:
            self.least_tokens = max(self.least_tokens, least)
        elif _NO_TEMPERATURE.search(refusal):
            self.has_temperature = False
        elif _NO_SYSTEM_TURN.search(refusal):
            self.has_system_turn = False
        return self.shaped(body) != sent


def _least(refusal: str) -> int:
    """The least number that a refusal names; 0 where it names none."""
    if found := _LEAST.search(refusal):
        return int(found[1])
    found = _MORE_THAN.search(refusal)
    return int(found[1]) + 1 if found else 0


def _without_system_turn(chat: list[dict[str, str]]) -> list[dict[str, str]]:
    """The chat with the system's text at the head of the first user's turn."""
    system = "\n\n".join(turn["content"] for turn in chat if turn["role"] == "system")
    others = [turn for turn in chat if turn["role"] != "system"]
    if not system or not others:
        return chat
    return [{**others[0], "content": f"{system}\n\n{others[0]['content']}"}, *others[1:]]
