"""Prompts: texts in files, filled with sentences and keywords of transcripts that anybody may have written.

What comes from transcripts reaches the model as short quoted lines in the last turn only. Everything before it is the
same in all requests, so that servers keep it in their caches.
"""

from __future__ import annotations

import functools
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud.src.contract.text import one_line

# What a prompt may hold; local_server.CONTEXT_TOKENS is made for it. Counted in bytes, which bounds the tokens whatever
# the model's tokenizer is: a token is at least one byte long. A character may be four tokens, so that a call in an
# unusual script would fill the context; asking each server for a count would double the requests.
MAX_EXAMPLES = 5
MAX_EXAMPLE_BYTES = 240
MAX_KEYWORDS = 8
MAX_KEYWORD_BYTES = 40
MAX_OBJECTION_BYTES = 200

# Brackets, because models know their turns by marks such as <|im_end|>, </s> or [INST]; double quotes, because ours
# end with them; backslashes and braces, because the answer is JSON.
_UNSAFE_CHARACTERS = str.maketrans({character: " " for character in '<>[]{}|\\`"“”„'})

# Sent with the model's own answer when it is asked again.
AGAIN_PROMPT_VERSION = "again_v1"

_FOLDER = Path(__file__).with_name("prompts")


@dataclass(frozen=True)
class Objection:
    """What is wrong with a name that the model has given before; ``name`` is empty when it gave none."""

    name: str
    reason: str


def chat(
    version: str, keywords: Sequence[str], examples: Sequence[str], objections: Sequence[Objection] = ()
) -> list[dict[str, str]]:
    """The turns of a request: the prompt's own, the question, and for each objection the old answer and the reason."""
    *solved, question = _prompt(version)
    quoted = [clean(example, MAX_EXAMPLE_BYTES) for example in examples[:MAX_EXAMPLES]]
    # Only the last turn has places to fill, and what is put there is not read as a prompt again.
    content = question["content"].format(
        examples="\n".join(f'- "{example}"' for example in quoted),
        keywords=", ".join(clean(keyword, MAX_KEYWORD_BYTES) for keyword in keywords[:MAX_KEYWORDS]),
    )
    turns = [*solved, {"role": "user", "content": content}]
    for objection in objections:
        answer = json.dumps({"title": clean(objection.name, MAX_OBJECTION_BYTES)}, ensure_ascii=False)
        reason = _again().format(reason=clean(objection.reason, MAX_OBJECTION_BYTES))
        turns += [{"role": "assistant", "content": answer}, {"role": "user", "content": reason}]
    return turns


def clean(text: str, max_bytes: int) -> str:
    """Make text safe to quote in a prompt: one line, no marks of structure, of at most ``max_bytes``."""
    line = one_line(unicodedata.normalize("NFKC", text).translate(_UNSAFE_CHARACTERS))
    return cut(line, len(line.encode()[:max_bytes].decode(errors="ignore")))


def cut(text: str, length: int) -> str:
    """Cut at the end of a word."""
    return text if len(text) <= length else text[: length + 1].rsplit(" ", 1)[0][:length]


def file_of(version: str) -> Path:
    """The file of this version of a prompt."""
    return _FOLDER / f"{version}.txt"


@functools.cache
def _prompt(version: str) -> list[dict[str, str]]:
    """Read a prompt: turns of a chat, each after a line ``=== role``; the last one has the places to fill."""
    turns = [turn.split("\n", 1) for turn in file_of(version).read_text(encoding="utf-8").split("=== ")[1:]]
    return [{"role": role, "content": content.rstrip("\n")} for role, content in turns]


@functools.cache
def _again() -> str:
    return file_of(AGAIN_PROMPT_VERSION).read_text(encoding="utf-8").strip()
