"""Names that a reader sees: of a firm's topics and of the themes that firms share.

A name is a label and nothing else: which topics and themes exist never depends on it. Here the model is asked for one;
whether it is taken is decided in worker/names.py, because that needs embeddings.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from cloud.src.contract.text import one_line
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Vectors
from cloud.src.naming import description_rules
from cloud.src.naming.name_rules import tidy, title_case
from cloud.src.naming.prompt import MAX_KEYWORD_BYTES, Objection, chat, clean, cut

if TYPE_CHECKING:
    from cloud.src.llm.xai_client import LlmClient  # brings openai, for which no job without an LLM should wait

BY_LLM = "llm"
BY_KEYWORDS = "keywords"

# The version is part of the file's name, so that a changed prompt gives another fingerprint and names are made again.
TOPIC_PROMPT_VERSION = "topic_name_v2"
THEME_PROMPT_VERSION = "theme_name_v3"

# Measured: the 193 topics of the bundled quarter took SmolLM2-135M 815 answers, because names that are refused are
# asked for again. No larger model was measured; each refused name costs four answers (worker/name_search.py).
SMALL_MODELS_ANSWERS_PER_NAME = 815 / 193

MAX_NAME_LENGTH = 48

_TOPIC_TOKENS = 64
_THEME_TOKENS = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TopicToName:
    """A firm's topic, or a theme or family: its keywords and sentences that are typical of it, the best first.

    ``labels``: names made without an LLM (labels.py, theme_names.py). ``firm``: what the firm is called, which its
    topics' names must not say. ``said``: all text that a name stands for, where that is more than keywords and
    examples. ``family``: what the family of a theme is called; the theme's name has to say more.
    """

    keywords: Sequence[str]
    examples: Sequence[str]
    labels: Sequence[str] = ()
    firm: Sequence[str] = ()
    said: str = ""
    family: str = ""

    def all_words(self) -> str:
        """What was said, for comparing words; without it, the keywords and examples."""
        return self.said or " ".join([*self.keywords, *self.examples])


@dataclass(frozen=True)
class GroupToName:
    """A theme or a family.

    ``phrases``: its dictionary, the best first. ``sentences``: those that count for it, one of each firm, the nearest
    first. ``labels``: see theme_names.py. ``family``: the place of a theme's family among the families.
    """

    phrases: Sequence[str]
    sentences: Sequence[str]
    labels: Sequence[str] = ()
    family: int | None = None

    def as_topic(self, families: Sequence[str] = ()) -> TopicToName:
        """With the name of its family, where the families have names already."""
        family = "" if self.family is None or not families else families[self.family]
        return TopicToName(self.phrases, self.sentences, self.labels, family=family)


@dataclass(frozen=True)
class ToName:
    """All themes, or all families, the most important first; ``centroids`` are their unit vectors in that order."""

    groups: Sequence[GroupToName]
    centroids: Vectors


@dataclass(frozen=True)
class Name:
    """A name of at most 48 characters and how it was made: ``llm`` or ``keywords``. Topics have no description.

    ``because``: why it is not by the LLM, for the summary; empty where nobody asked one. ``refused``: the LLM's names
    that were not taken.
    """

    text: str
    method: str
    description: str = ""
    because: str = ""
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What the model proposes, as one printable line each; nothing has been judged yet."""

    name: str
    description: str = ""


@dataclass(frozen=True)
class Manner:
    """How a name is asked for. ``objections``: what was wrong with the model's earlier names, in their order.

    ``sample`` numbers several answers to one question, which differ where ``temperature`` is above 0.
    """

    objections: Sequence[Objection] = ()
    temperature: float = 0
    sample: int = 0


FIRST_TIME = Manner()


class _TopicAnswer(BaseModel):
    # No lengths: not every server takes them in a schema, and we cut or refuse what is too long in any case.
    model_config = ConfigDict(extra="forbid")
    title: str


class _ThemeAnswer(_TopicAnswer):
    description: str


async def propose_topic(
    client: LlmClient, book: AnswerBook | None, topic: TopicToName, manner: Manner = FIRST_TIME
) -> Proposal:
    """Ask for a topic's name. ``book``: see ``LlmClient.ask``.

    Raises LlmBadAnswer when it has none, LlmUnavailable when there is no LLM, LlmMisconfigured when there cannot be.
    """
    turns = chat(TOPIC_PROMPT_VERSION, topic.keywords, topic.examples, manner.objections)
    answer = await client.ask(turns, _TopicAnswer, _TOPIC_TOKENS, manner.temperature, manner.sample, book)
    return Proposal(tidy(answer.title))


async def propose_theme(
    client: LlmClient, book: AnswerBook | None, theme: TopicToName, manner: Manner = FIRST_TIME
) -> Proposal:
    """Ask for a theme's name and a description of one or two sentences; otherwise as ``propose_topic``."""
    if client.model == packaged_models.LLM:
        # 135 million parameters are enough for a name, but not for a description (docs/measurements/models.md).
        return await propose_topic(client, book, theme, manner)
    turns = chat(THEME_PROMPT_VERSION, theme.keywords, theme.examples, manner.objections)
    answer = await client.ask(turns, _ThemeAnswer, _THEME_TOKENS, manner.temperature, manner.sample, book)
    description = one_line(answer.description)
    if reason := description_rules.why_refused(description, theme.all_words()):
        log.info("the description %r is left out: %s", description, reason)
        description = ""
    return Proposal(tidy(answer.title), description)


def topic_by_keywords(topic: TopicToName, because: str = "") -> Name:
    """Name a topic without an LLM."""
    return Name(label_of(topic), BY_KEYWORDS, because=because)


def theme_by_keywords(theme: TopicToName, because: str = "") -> Name:
    """Name and describe a theme without an LLM."""
    return Name(label_of(theme), BY_KEYWORDS, keyword_description(theme), because)


def label_of(topic: TopicToName) -> str:
    """The name that it has without an LLM."""
    return topic.labels[0] if topic.labels else keyword_label(topic.keywords)


def label_candidates(topic: TopicToName) -> list[str]:
    """All that a topic may be called without an LLM, best first; at least one."""
    first = label_of(topic)
    longer = [f"{first} / {title_case(keyword)}" for keyword in topic.keywords]
    made_up = [keyword_label(topic.keywords), *(label for label in longer if len(label) <= MAX_NAME_LENGTH)]
    return list(dict.fromkeys([first, *topic.labels, *made_up]))


def numbered(label: str) -> Iterator[str]:
    """The label with a number from 2 on, for topics that nothing else tells apart."""
    return (f"{cut(label, MAX_NAME_LENGTH - 5)} ({number})" for number in itertools.count(2))


def keyword_label(keywords: Sequence[str]) -> str:
    """Return a readable name made of the first keywords, for example ``Freight / Logistics / Ocean``."""
    telling = _telling(keywords)
    label = ""
    for keyword in telling[:3]:
        longer = f"{label} / {title_case(keyword)}" if label else title_case(keyword)
        if len(longer) > MAX_NAME_LENGTH:
            break
        label = longer
    return label or (cut(title_case(telling[0]), MAX_NAME_LENGTH) if telling else "") or "Other"


def _telling(keywords: Sequence[str]) -> list[str]:
    """Without those that say nothing beside another: "price" beside "price increases"."""
    words = [set(keyword.lower().split()) for keyword in keywords]
    telling = (keyword for keyword, own in zip(keywords, words, strict=True) if not any(own < other for other in words))
    return list(dict.fromkeys(telling))


def keyword_description(theme: TopicToName) -> str:
    """Return a sentence about a theme that cannot be wrong: its first keywords of which none is part of another."""
    keywords = [clean(keyword, MAX_KEYWORD_BYTES) for keyword in _telling(theme.keywords)[:3]]
    return f"Firms talk about {_enumeration(keywords)}." if keywords else "Firms talk about the same subject."


def _enumeration(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def in_words(tally: Mapping[str, int]) -> str:
    """One line, cases in the order of their names: "12 answers, 2 asked again: off topic, 14 requests"."""
    return ", ".join(f"{count:,} {case}" for case, count in sorted(tally.items()) if count) or "nothing asked"
