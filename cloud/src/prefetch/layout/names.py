"""Recognises the name of a speaker, alone or with a title or firm behind it."""

from __future__ import annotations

import re
from typing import NamedTuple

_GENERIC = re.compile(
    r"(?:the )?(?:(?:conference|call|event|teleconference|telephone|webcast|chorus) ){0,2}"
    r"(?:operator|moderator|coordinator|facilitator)|host"
    r"|(?:unidentified|unknown|unverified) (?:company |corporate |audience )?"
    r"(?:analyst|speaker|participant|executive|representative|member|male|female|attendee)"
    r"(?: speaker| participant| voice| member)?"
    r"|(?:company |corporate )(?:speaker|representative|participant)|analyst|speaker [0-9]{1,2}|executives?|management",
    re.IGNORECASE,
)
_OPERATOR = re.compile(
    r"(?:the )?(?:(?:conference|call|event|teleconference|telephone|webcast|chorus) ){0,2}"
    r"(?:operator|moderator|coordinator|facilitator)",
    re.IGNORECASE,
)
_WORD = r"(?:[A-Z\u00c0-\u00de][\w'\u2019.-]*|d[aeiu]|del|der|van|von|bin|al|la|le|ten|ter|den|dos|y|\([A-Z][\w.]*\))"
_PERSON = re.compile(rf"(?:(?:Mr|Ms|Mrs|Dr|Sir)\.? )?{_WORD}(?: {_WORD}){{1,4}}")
_SURNAME_ONLY = re.compile(r"(?:Mr|Ms|Mrs|Dr|Sir)\.? [A-Z][\w'\u2019-]+")
# Words of headings and of short lines that are written like a name.
_NO_NAME = re.compile(
    r"\b(?:thank|thanks|good|morning|afternoon|evening|you|the|and|of|for|in|on|our|we|it|to|with|outlook|guidance|results?"
    r"|quarter|year|fiscal|revenues?|sales|earnings|costs?|growth|margins?|questions?|answers?|call|conference|remarks"
    r"|presentation|participants?|forward|looking|statements?|first|second|third|fourth|highlights?|summary|market"
    r"|cash|flow|balance|sheet|capital|dividends?|business|segment|update|overview|closing|opening|next|turning|finally"
    r"|now|also|yes|no|okay|well|sure|here|that|this|there|is|are|was|duration|inc|corp|ltd|llc|plc)\b",
    re.IGNORECASE,
)
_MARK = re.compile(r"\s+(?:--|[-\u2013\u2014|])\s+|\s*--\s*|\s*[\u2013\u2014]\s*|,\s+")
_NUMBER = re.compile(r"\s*\[[0-9]{1,3}\]\s*$|^[*\u2022]\s*")
_TITLE = re.compile(
    r"\b(?:C[EFOIT]O|chief|officer|president|chair(?:man|woman)?|director|founder|partner|head|manager|treasurer|analysts?"
    r"|investor relations|[ES]?VP|secretary|counsel|controller|executive|management|moderator)\b",
    re.IGNORECASE,
)


_RESEARCH = re.compile(r", (?:[\w ]+ )?Research Division$")  # how Capital IQ writes an analyst's firm
_LONGEST = 150  # characters of a name with its title
_SMALL = {"of", "and", "for", "the", "to", "in", "&", "-"}


class SpeakerName(NamedTuple):
    """Who speaks, with the title or firm behind the name; ``sure`` when it can hardly be anything else."""

    speaker: str
    role: str | None
    sure: bool


def is_operator(name: str) -> bool:
    """Whether the name is that of whoever runs the call."""
    return bool(_OPERATOR.fullmatch(name.strip()))


def read_name(text: str) -> SpeakerName | None:
    """Return the name that the line, or what is before a colon, consists of; None when it is something else."""
    text = text.strip()
    if not 2 <= len(text) <= _LONGEST:  # before any pattern sees it: they are slow on a line of 100,000 blanks
        return None
    text = _NUMBER.sub("", text).strip().rstrip(":").strip()
    if _GENERIC.fullmatch(text):
        return SpeakerName(text, None, sure=True)
    for mark in _MARK.finditer(text):
        name, role = text[: mark.start()].strip(), text[mark.end() :].strip()
        if _GENERIC.fullmatch(name) or (_is_person(name) and _is_role(role, mark[0])):
            return SpeakerName(name, role or None, sure=True)
        if _is_person(name):
            return SpeakerName(name, role, sure=False) if _could_be_role(role) else None
    bracket = re.fullmatch(r"(?P<name>[^()]+?)\s*[(\[](?P<role>[^()\[\]]+)[)\]]", text)
    if bracket and (_is_person(bracket["name"]) or _GENERIC.fullmatch(bracket["name"])):
        return SpeakerName(bracket["name"], bracket["role"], sure=bool(_TITLE.search(bracket["role"])))
    return SpeakerName(text, None, sure=False) if _is_person(text) else None


def split_title(speaker: str) -> tuple[str, str | None]:
    """Return the name and the title behind it: ``Tom Alder -- CFO``; the name as it is when there is no title."""
    if len(speaker) > _LONGEST:
        return speaker, None
    for mark in _MARK.finditer(speaker):
        role = speaker[mark.end() :].strip()
        if _TITLE.search(role):
            return speaker[: mark.start()].strip(), role
    return speaker, None


def is_title(line: str) -> bool:
    """Whether the line below a name is that person's title: ``Chief Executive Officer, Elm Tools, Inc.``."""
    if len(line) > _LONGEST:
        return False
    first = _MARK.split(line, maxsplit=1)[0]
    is_capital = all(word in _SMALL or not word[0].islower() for word in first.split())
    return is_capital and bool(_TITLE.search(first) or _RESEARCH.search(line))


def _is_person(text: str) -> bool:
    return bool(_PERSON.fullmatch(text) or _SURNAME_ONLY.fullmatch(text)) and not _NO_NAME.search(text)


def _is_role(text: str, mark: str) -> bool:
    return bool(_TITLE.search(text)) or ("--" in mark and bool(text))


def _could_be_role(text: str) -> bool:
    return bool(text) and not text.endswith((".", "?", "!")) and text[:1].isupper()
