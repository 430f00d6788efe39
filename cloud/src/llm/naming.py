"""Names that a reader sees: of a firm's topics and of the themes that firms share.

A name is a label and nothing else: which topics and themes exist never depends on it.
The sentences come from transcripts that anybody may have written: they reach the model as short quoted lines only.
"""

from __future__ import annotations

import functools
import logging
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cloud.src.llm import packaged_models
from cloud.src.llm.xai_client import LlmBadAnswer, LlmClient

BY_LLM = "llm"
BY_KEYWORDS = "keywords"

# The version is part of the file's name, so that a changed prompt gives another fingerprint and names are made anew.
TOPIC_PROMPT_VERSION = "topic_name_v1"
THEME_PROMPT_VERSION = "theme_name_v1"

MAX_NAME_LENGTH = 48
MAX_NAME_WORDS = 7
MAX_DESCRIPTION_LENGTH = 240

# What a prompt may hold; local_server.CONTEXT_TOKENS is made for it. In bytes, because a byte is at most one token,
# while a character may be four: a call in an unusual script would take the small model minutes.
_MAX_EXAMPLES = 5
_MAX_EXAMPLE_BYTES = 240
_MAX_KEYWORDS = 8
_MAX_KEYWORD_BYTES = 40

# Brackets, because models know their turns by marks such as <|im_end|>, </s> or [INST]; double quotes, because ours
# end with them; backslashes and braces, because the answer is JSON.
_UNSAFE_CHARACTERS = str.maketrans({character: " " for character in '<>[]{}|\\`"“”„'})

_ACRONYMS = frozenset("ai api covid cpi ebitda eps erp esg ev fda fx gaap gpu ip ipo it lng m&a nii r&d".split())

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TopicToName:
    """A firm's topic or a theme: its keywords and what is typical of it, the best first.

    ``examples``: sentences of a topic; names of the topics of a theme.
    """

    keywords: Sequence[str]
    examples: Sequence[str]


@dataclass(frozen=True)
class Name:
    """A name of at most 48 characters and how it was made: ``llm`` or ``keywords``. Topics have no description."""

    text: str
    method: str
    description: str = ""


class _TopicAnswer(BaseModel):
    # No lengths: not every server takes them in a schema, and we cut or refuse what is too long in any case.
    model_config = ConfigDict(extra="forbid")
    title: str


class _ThemeAnswer(_TopicAnswer):
    description: str


def name_topics(client: LlmClient, topics: Sequence[TopicToName]) -> list[Name]:
    """Name each topic, several at a time; one whose answer is unusable is named by its keywords.

    Raises LlmUnavailable when the server is: an outage must not look like a choice of names.
    """
    return _in_parallel(client, topics, lambda topic: Name(name_topic(client, topic), BY_LLM), topic_by_keywords)


def name_themes(client: LlmClient, themes: Sequence[TopicToName]) -> list[Name]:
    """Name and describe each theme; otherwise as ``name_topics``."""
    return _in_parallel(client, themes, lambda theme: _theme_by_llm(client, theme), theme_by_keywords)


def topic_by_keywords(topic: TopicToName) -> Name:
    """Name a topic without an LLM."""
    return Name(keyword_label(topic.keywords), BY_KEYWORDS)


def theme_by_keywords(theme: TopicToName) -> Name:
    """Name and describe a theme without an LLM."""
    return Name(keyword_label(theme.keywords), BY_KEYWORDS, keyword_description(theme))


def name_topic(client: LlmClient, topic: TopicToName) -> str:
    """Return the LLM's name for a topic. Raises LlmBadAnswer when it has none, LlmUnavailable when there is no LLM."""
    answer = client.ask(_chat(TOPIC_PROMPT_VERSION, topic), _TopicAnswer, max_tokens=64)
    return _checked_name(answer.title)


def name_theme(client: LlmClient, theme: TopicToName) -> tuple[str, str]:
    """Return the LLM's name for a theme and one sentence about it. Raises as ``name_topic``."""
    if client.model == packaged_models.LLM:
        # 135 million parameters are enough for a name, but of 20 descriptions 8 said what no sentence says (ADR-004).
        return name_topic(client, theme), keyword_description(theme)
    answer = client.ask(_chat(THEME_PROMPT_VERSION, theme), _ThemeAnswer, max_tokens=200)
    description = _cut(_one_line(answer.description), MAX_DESCRIPTION_LENGTH)
    return _checked_name(answer.title), description or keyword_description(theme)


def keyword_label(keywords: Sequence[str]) -> str:
    """Return a readable name made of the first keywords, for example ``Freight / Logistics / Ocean``."""
    words = [set(keyword.lower().split()) for keyword in keywords]
    # "price" says nothing beside "price increases".
    telling = [keyword for keyword, own in zip(keywords, words, strict=True) if not any(own < other for other in words)]
    label = ""
    for keyword in list(dict.fromkeys(telling))[:3]:
        longer = f"{label} / {_title_case(keyword)}" if label else _title_case(keyword)
        if len(longer) > MAX_NAME_LENGTH:
            break
        label = longer
    return label or (_cut(_title_case(telling[0]), MAX_NAME_LENGTH) if telling else "") or "Other"


def keyword_description(theme: TopicToName) -> str:
    """Return a sentence about a theme that cannot be wrong: its keywords and the names of its first topics."""
    keywords = [_clean(keyword, _MAX_KEYWORD_BYTES) for keyword in theme.keywords[:3]]
    names = [f"“{_clean(name, MAX_NAME_LENGTH)}”" for name in list(dict.fromkeys(theme.examples))[:3]]
    about = f"Firms talk about {_enumeration(keywords)}" if keywords else "Firms talk about the same subject"
    return f"{about}, in topics such as {_enumeration(names)}." if names else f"{about}."


def _in_parallel(
    client: LlmClient,
    topics: Sequence[TopicToName],
    by_llm: Callable[[TopicToName], Name],
    by_keywords: Callable[[TopicToName], Name],
) -> list[Name]:
    def name(topic: TopicToName) -> Name:
        try:
            return by_llm(topic)
        except LlmBadAnswer as error:
            log.warning("named by keywords: %s", error)
            return by_keywords(topic)

    with ThreadPoolExecutor(client.max_concurrent) as pool:
        return list(pool.map(name, topics))


def _theme_by_llm(client: LlmClient, theme: TopicToName) -> Name:
    text, description = name_theme(client, theme)
    return Name(text, BY_LLM, description)


def _chat(prompt_version: str, topic: TopicToName) -> list[dict[str, str]]:
    *solved, question = _prompt(prompt_version)
    examples = [_clean(example, _MAX_EXAMPLE_BYTES) for example in topic.examples[:_MAX_EXAMPLES]]
    keywords = [_clean(keyword, _MAX_KEYWORD_BYTES) for keyword in topic.keywords[:_MAX_KEYWORDS]]
    # Only the last turn has places to fill, and what is put there is not read as a prompt again.
    content = question["content"].format(
        examples="\n".join(f'- "{example}"' for example in examples), keywords=", ".join(keywords)
    )
    return [*solved, {"role": "user", "content": content}]


@functools.cache
def _prompt(version: str) -> list[dict[str, str]]:
    """Read a prompt: turns of a chat, each after a line ``=== role``; the last one has the places to fill."""
    text = (Path(__file__).with_name("prompts") / f"{version}.txt").read_text(encoding="utf-8")
    turns = [turn.split("\n", 1) for turn in text.split("=== ")[1:]]
    return [{"role": role, "content": content.rstrip("\n")} for role, content in turns]


def _clean(text: str, max_bytes: int) -> str:
    """Make text safe to quote in a prompt: one line, no marks of structure, of at most ``max_bytes``."""
    line = _one_line(unicodedata.normalize("NFKC", text).translate(_UNSAFE_CHARACTERS))
    return _cut(line, len(line.encode()[:max_bytes].decode(errors="ignore")))


def _one_line(text: str) -> str:
    # Control characters and invisible ones (zero width, direction marks) are category C.
    visible = "".join(" " if unicodedata.category(character).startswith("C") else character for character in text)
    return " ".join(visible.split())


def _cut(text: str, length: int) -> str:
    """Cut at the end of a word."""
    return text if len(text) <= length else text[: length + 1].rsplit(" ", 1)[0][:length]


def _checked_name(title: str) -> str:
    name = _cut(_one_line(title).strip(" .,:;-\"'"), MAX_NAME_LENGTH)
    if not any(character.isalpha() for character in name):
        raise LlmBadAnswer(f"the answer {title!r:.100} has no letters")
    if len(name.split()) > MAX_NAME_WORDS:
        # Small models copy a sentence when they find no name, and the cut at 48 characters makes nonsense of it.
        raise LlmBadAnswer(f"the answer {title!r:.100} is a sentence and not a name")
    return name


def _enumeration(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _title_case(keyword: str) -> str:
    return " ".join(word.upper() if word in _ACRONYMS else word[:1].upper() + word[1:] for word in keyword.split())
