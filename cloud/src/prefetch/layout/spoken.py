"""The turns of a call as they were spoken: without markup, and split by speaker where the source has not done it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cloud.src.prefetch.calls import Turn
from cloud.src.prefetch.layout.lines import unwrapped, width_of
from cloud.src.prefetch.layout.markup import plain_text
from cloud.src.prefetch.layout.names import split_title
from cloud.src.prefetch.layout.turns import turns_in


def spoken_turns(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the call's turns; those of a source that tells who speaks keep their number and order."""
    plain = [replace(turn, text=plain_text(turn.text)) for turn in turns]
    whole = _whole(plain)
    if any(turn.speaker or turn.speaker_type or turn.role for turn in plain):
        return tuple(_named(turn) for turn in _unwrapped(plain, whole))
    found = turns_in(whole)
    if len(plain) == 1 or any(turn.speaker for turn in found):
        return tuple(found)
    return tuple(_unwrapped(plain, whole))


def _unwrapped(turns: list[Turn], whole: Turn) -> list[Turn]:
    width = width_of(whole.text)
    return [replace(turn, text=unwrapped(turn.text, width)) for turn in turns] if width else turns


def _whole(turns: list[Turn]) -> Turn:
    """All of the call in one text: one row may have the name and the next what is said."""
    sections = {turn.section for turn in turns}
    return Turn("\n\n".join(turn.text for turn in turns), sections.pop() if len(sections) == 1 else None)


def _named(turn: Turn) -> Turn:
    """The turn with the title taken from behind the name, where the source has none."""
    if not turn.speaker or turn.role:
        return turn
    name, title = split_title(turn.speaker)
    return replace(turn, speaker=name, role=title) if title else turn
