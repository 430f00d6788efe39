"""Who named what: the cases counted under ``naming`` in progress files and tables, and what is too few names.

Standard library only: the Lambda functions use this module too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypedDict

NAMED_BY_LLM = "named by llm"
NAMED_BY_KEYWORDS = "named by keywords: "  # and the reason
# There are some ten. The state machine passes them on and the notification prints them, so they have to stay short.
MAX_REASONS_LISTED = 20

# Reasons that say nothing of the name: the server was away, or failed or timed out each time it was asked. The next
# run asks again. A name that was refused, or not asked for by plan, is not lost.
LOST = ("outage", "fails every time")
NOT_ASKED = "not asked by plan"  # the reason of names by keywords that the LLM was never asked for
# An execution with a smaller share of the names that the LLM was asked for ends as NamesIncomplete.
ENOUGH = 0.95


class NamesCount(TypedDict):
    """How many names are by the LLM, and by keywords for each reason, the most frequent first."""

    by_llm: int
    by_keywords: dict[str, int]


def reasons_for_keywords(naming: Mapping[str, int]) -> dict[str, int]:
    """Why names are by keywords, and how many for each reason."""
    return {
        case.removeprefix(NAMED_BY_KEYWORDS): count
        for case, count in naming.items()
        if case.startswith(NAMED_BY_KEYWORDS)
    }


def who_named(naming: Mapping[str, int]) -> NamesCount:
    """Count who named topics or themes."""
    reasons = Counter(reasons_for_keywords(naming))
    return {"by_llm": naming.get(NAMED_BY_LLM, 0), "by_keywords": dict(reasons.most_common(MAX_REASONS_LISTED))}


def asked(count: NamesCount) -> int:
    """How many names the LLM was asked for, whatever came of it."""
    by_keywords = count["by_keywords"]
    return count["by_llm"] + sum(by_keywords.values()) - by_keywords.get(NOT_ASKED, 0)


def lost(count: NamesCount) -> dict[str, int]:
    """How many names the LLM was asked for and could not give, for each reason."""
    return {reason: count["by_keywords"][reason] for reason in LOST if count["by_keywords"].get(reason)}


def is_enough(count: NamesCount) -> bool:
    """Whether the LLM gave nearly all names that it was asked for and could have given."""
    n_lost = sum(lost(count).values())
    return n_lost == 0 or count["by_llm"] / (count["by_llm"] + n_lost) >= ENOUGH
