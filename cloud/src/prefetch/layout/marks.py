"""Takes from a call's lines what transcribers and programs put around a name: times, ``Q -``, marks of Markdown."""

from __future__ import annotations

import re

from cloud.src.prefetch.layout.names import read_name

_CLOCK = r"(?:[0-9]{1,2}:)?[0-9]{1,2}:[0-9]{2}(?:\.[0-9]+)?"
# Lines are as long as anybody writes them: a pattern takes all of a run (``++``) where it could try each part of it.
_ANYWHERE = re.compile(r"\{BIO [0-9]+ <GO>\}|\*\*")  # of Bloomberg, of Markdown
_BEFORE = re.compile(rf"\s*+(?:(?:>>+|#{{1,6}}|\[{_CLOCK}\]|\({_CLOCK}\))\s++)+")
_TIME_BEHIND = re.compile(rf"\s(?:[\[(]{_CLOCK}[\])]|{_CLOCK}(?: ?[AaPp][Mm])?(?=$))(?P<rest>:.*|$)")
# 12. Ada Byrne: ..., - Ada Byrne: ..., Speaker: Ada Byrne
_BEFORE_NAME = re.compile(
    r"(?:[0-9]{1,3}[.)]|[\u2013\u2014-]|(?:speaker|name):)\s++(?P<rest>(?P<name>[^:]{2,80})(?::\s.*|:?))", re.I
)
_TIME = re.compile(rf"[\[(]?{_CLOCK}[\])]?|(?:[0-9]+ hours? )?(?:[0-9]+ minutes? )?[0-9]+ seconds?")
# <Q - Raj Patel - Birch Bank>: Why ...
_ASKED = re.compile(r"<?(?P<who>[QA])\s*+[-\u2013\u2014]\s*+(?P<name>[^<>:]++)>?\s*+(?P<rest>:\s.*|:?)")
_FIRM_BEHIND = re.compile(r"\s[-\u2013\u2014]\s")
_LETTER = re.compile(r"(?P<who>Q|A|Question|Answer)(?::|\.)\s+(?P<text>\S.*)")
_WHO = {"Q": "Analyst", "A": "Executive"}


def undecorated(lines: list[str]) -> list[str]:
    """The lines without such marks; who asks and who answers is then told by words."""
    plain = [_plain(line) for line in lines]
    asked = [_LETTER.fullmatch(line.strip()) for line in plain]
    if len({one["who"][0] for one in asked if one}) < 2:
        return plain
    return [f"{_WHO[one['who'][0]]}: {one['text']}" if one else line for one, line in zip(asked, plain, strict=True)]


def _plain(line: str) -> str:
    line = _ANYWHERE.sub("", line)
    if before := _BEFORE.match(line):
        line = line[before.end() :]
    bare = line.strip()
    if bare in ("Q", "A") or _TIME.fullmatch(bare):
        return ""
    behind = _TIME_BEHIND.search(line)
    if behind and read_name(name := line[: behind.start()].rstrip(" \t,\u2013\u2014-")):
        return f"{name}{behind['rest']}"
    named = _BEFORE_NAME.fullmatch(bare)
    if named and read_name(named["name"]):
        return named["rest"]
    asked = _ASKED.fullmatch(bare)
    if asked and read_name(name := _FIRM_BEHIND.split(asked["name"], maxsplit=1)[0].strip()):
        return f"{name}{' -- Analyst' if asked['who'] == 'Q' else ''}{asked['rest']}"
    return line
