"""Takes what is said from subtitles (WebVTT, SubRip, YouTube's SBV), which cut it into pieces with a time each."""

from __future__ import annotations

import re

_CLOCK = r"(?:\d+:)?\d{1,2}:\d{2}[.,]\d{3}"
_TIME = re.compile(rf"{_CLOCK}(?:\s+-->\s|,{_CLOCK}\s*$)", re.MULTILINE)
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s++(?P<name>[^<>]+)>")
_TAG = re.compile(r"</?[a-z][^<>]*>|<[\d:.]+>")
_OTHER_BLOCKS = ("WEBVTT", "NOTE", "STYLE", "REGION")


def is_subtitles(text: str) -> bool:
    """Whether the text is WebVTT, SubRip or SBV."""
    return text.lstrip("\ufeff \r\n").startswith("WEBVTT") or bool(_TIME.search(text[:500]))


def without_times(text: str) -> str:
    """Return a line for what each voice says at a stretch: ``Name: text``, or the text alone where none is named."""
    turns: list[tuple[str, list[str]]] = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").lstrip("\ufeff")):
        lines = block.strip().splitlines()
        time = next((place for place, line in enumerate(lines) if _TIME.match(line)), None)
        if time is None or lines[0].startswith(_OTHER_BLOCKS):
            continue
        for line in lines[time + 1 :]:
            voice = _VOICE.match(line)
            name = voice["name"].strip() if voice else ""
            if not turns or (name and name != turns[-1][0]):
                turns.append((name, []))
            turns[-1][1].append(_TAG.sub("", line).strip())
    return "\n".join(f"{name}: {' '.join(said)}" if name else " ".join(said) for name, said in turns)
