"""What a theme's description looks like: one or two sentences that only say what the theme's topics say."""

from __future__ import annotations

import re

from cloud.src.naming.said import share_said

MAX_SENTENCES = 2
MAX_LENGTH = 240
# Of 28 descriptions by the small model, graded by hand, 16 of 17 that add nothing have at least this share of their
# words in the topics' names and keywords, and 5 of 11 that add something (docs/measurements/names.md).
MIN_SHARE_SAID = 0.8

# What descriptions are made of besides what they tell.
_FRAME = frozenset(
    "about also and are be both can companies company describe discuss firm firms have how including is it its mention "
    "more other others say some such talk talks than that their them these they this those what which".split()
)
_END_OF_SENTENCE = re.compile(r"[.!?](?=\s|$)")
_NUMBER = re.compile(r"\d[\d.,]*")


def why_refused(description: str, said: str) -> str | None:
    """Why this is no description of a theme; None when it is one. ``said``: the names and keywords of its topics."""
    if len(description) > MAX_LENGTH or not description.isprintable():
        return "it is too long or not one line"
    if not 1 <= len(_END_OF_SENTENCE.findall(description)) <= MAX_SENTENCES or description[-1] not in ".!?":
        return f"it is not one to {MAX_SENTENCES} sentences"
    if set(_NUMBER.findall(description)) - set(_NUMBER.findall(said)):
        return "it has figures"
    if share_said(description, said, _FRAME) < MIN_SHARE_SAID:
        return "it says more than the topics"
    return None
