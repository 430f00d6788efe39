"""How map and reduce count who made the names: in their progress files and tables, under ``naming``."""

from __future__ import annotations

from collections.abc import Mapping

NAMED_BY_LLM = "named by llm"
NAMED_BY_KEYWORDS = "named by keywords: "  # and the reason


def reasons_for_keywords(naming: Mapping[str, int]) -> dict[str, int]:
    """Why names are by keywords, and how many for each reason."""
    return {
        case.removeprefix(NAMED_BY_KEYWORDS): count
        for case, count in naming.items()
        if case.startswith(NAMED_BY_KEYWORDS)
    }
