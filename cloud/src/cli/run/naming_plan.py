"""Plans a run's naming: how many topics the local language model would have to name, and how long it would take."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.src.cli.screen import duration
from cloud.src.topics.find_topics import expected_topics

LLM, KEYWORDS = "llm", "keywords"  # who names

# Measured on 149 real calls and 36 samples: names for themes, in addition to those for topics.
THEMES_PER_TOPIC = 0.06
# Above this, a local run spends the language model on themes only.
LONGEST_LOCAL_NAMING_S = 5 * 60


@dataclass(frozen=True)
class NamingPlan:
    """Who names topics and themes (fields of the state machine's input), and one line with the reason."""

    topic_naming: str  # LLM or KEYWORDS
    theme_naming: str
    reason: str


def plan_naming(
    n_firms: int, n_sentences: int, names_per_second: float | None, llm_topics: bool, no_llm: bool = False
) -> NamingPlan:
    """Decide who names the topics and themes of a quarter with ``n_sentences`` sentences from ``n_firms`` firms.

    ``names_per_second``: speed of the language model on this machine, None for a server. ``llm_topics``: the user wants
    the language model to name every topic, however long it takes; ``no_llm``: the user wants it to name nothing.
    """
    n_topics = n_firms * expected_topics(round(n_sentences / n_firms))
    about = f"{n_sentences:,} sentences of {n_firms:,} firms make up to {n_topics:,} topics"
    if no_llm:
        return NamingPlan(KEYWORDS, KEYWORDS, f"{about}; topics and themes are named by their keywords")
    if names_per_second is None:
        return NamingPlan(LLM, LLM, f"{about}, each named by the LLM")
    seconds = n_topics * (1 + THEMES_PER_TOPIC) / names_per_second
    naming = f"naming them and the themes takes the local LLM about {duration(seconds)}"
    if seconds <= LONGEST_LOCAL_NAMING_S or llm_topics:
        return NamingPlan(LLM, LLM, f"{about}; {naming}")
    return NamingPlan(
        KEYWORDS,
        LLM,
        f"{about}; {naming}, so the LLM names the themes only and topics are named by their keywords "
        "(--llm-topics: name every topic by the LLM anyway; --llm-url URL: use a faster LLM)",
    )
