"""What was counted while names were asked for, in words."""

from __future__ import annotations

from collections.abc import Mapping


def in_words(tally: Mapping[str, int]) -> str:
    """One line, cases in the order of their names: "12 answers, 2 asked again: off topic, 14 requests"."""
    return ", ".join(f"{count:,} {case}" for case, count in sorted(tally.items()) if count) or "nothing asked"
