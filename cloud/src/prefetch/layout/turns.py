"""Finds the turns in a text that carries its own structure: speakers alone on a line, or ``Name: text``.

Headings, lists of participants, rules and page marks are no sentences and are left out. A text without such structure
is prose, and is one turn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from cloud.src.prefetch.calls import Turn
from cloud.src.prefetch.layout.lines import unwrapped, width_of, without_page_marks
from cloud.src.prefetch.layout.marks import undecorated
from cloud.src.prefetch.layout.names import SpeakerName, is_operator, is_title, read_name

# A dot belongs to a name only behind an initial or a title ("Timothy D. Cook", "Mr. Smith", "Ken Dow, Jr.").
_INLINE = re.compile(
    r"(?P<name>(?:[^:.?!]|(?<=\b[A-Z])\.|(?<=\b[DMJS]r)\.|(?<=\bM[rs]s)\.|(?<=\bMs)\.){2,80}):\s+(?P<text>\S.*)"
)
_RULE = re.compile(r"[-=_*.\u2013\u2014 ]{4,}")
_LIST = re.compile(
    r"(?P<who>(?:(?:company|corporate|other|conference|conference call|call|earnings call) )?participants"
    r"|(?:company|corporate) (?:representatives|executives)"
    r"|executives|management(?: participants)?|analysts|speakers)",
    re.IGNORECASE,
)
_PREPARED = re.compile(r"(?:(?:prepared|opening) remarks|presentation|management discussion(?: section)?)", re.I)
_QA = re.compile(
    r"(?:questions?[- ]*(?:and|&)[- ]*answers?|q ?(?:&|and) ?a)(?:[- ]*(?:session|section))?", re.IGNORECASE
)
_FOOT = re.compile(
    r"duration: .*|copyright (?:\u00a9|\(c\)).*|more .* analysis|all earnings call transcripts"
    r"|\[?end of (?:call|transcript)\]?",
    re.I,
)
_FIRM_END = re.compile(r"\b(?:Inc|Corp|Ltd|Co|LLC|plc|[A-Z]\.[A-Z])\.$")
_SENTENCE_END = re.compile(r"[.?!\u3002\uff01\uff1f][\"'\u201d\u2019)]*$")


@dataclass
class _Said:
    name: SpeakerName
    section: str | None
    lines: list[str] = field(default_factory=list)


def turns_in(turn: Turn) -> list[Turn]:
    """Return the turns of a text whose speaker the source does not tell; the turn itself when its text is prose."""
    lines = undecorated(without_page_marks(turn.text.splitlines()))
    width = width_of("\n".join(lines))
    listed = _listed(lines)
    speakers = _speakers(lines, listed)
    if not speakers:
        text = turn.text if lines == turn.text.splitlines() else "\n".join(lines)
        return [replace(turn, text=unwrapped(text, width))]
    said = _said(lines, speakers)
    has_qa = any(_QA.fullmatch(_bare(line)) for line in lines)
    roles = {each.name.speaker: each.name.role for each in reversed(said) if each.name.role}  # told once is enough
    turns = []
    for each in said:
        text = unwrapped("\n".join(each.lines), width).strip()
        if text:
            section = each.section or ("prepared" if has_qa else turn.section)
            role, kind = roles.get(each.name.speaker), None
            if each.name.speaker in listed:
                kind, listed_role = listed[each.name.speaker]
                role = role or listed_role
            turns.append(Turn(text, section, each.name.speaker or None, kind, role))
    return turns


def _speakers(lines: list[str], listed: Collection[str]) -> set[str]:
    """The names that begin a turn somewhere; empty when the text is prose.

    It is structured when an operator, a name with its title, or a name that comes twice begins a turn.
    """
    inline = [name for line in lines if (found := _INLINE.match(line.strip())) and (name := read_name(found["name"]))]
    alone = [
        name
        for before, line in pairwise(["", *lines])
        if (name := _alone(line)) and not (is_title(line) and _alone(before))
    ]
    has_list = any(_LIST.fullmatch(_bare(line)) for line in lines)
    n_alone = Counter(name.speaker for name in alone)  # some vendors have only the operator in a line
    told = [name for name in alone if name.sure or name.speaker in listed or n_alone[name.speaker] > 1]
    mixed = [*inline, *told] if inline else []
    n_inline, n_told = (sum(not is_operator(name.speaker) for name in names) for names in (inline, told))
    # A heading with a colon may look like "Name: text" once, in a call whose speakers are alone on their lines.
    is_mixed = n_inline > n_told or any(is_operator(name.speaker) for name in inline)
    for names in (mixed, alone) if is_mixed else (alone, mixed):
        counts = Counter(name.speaker for name in names)
        is_sure = any(name.sure for name in names) or any(n > 1 for n in counts.values()) or has_list
        n_lines = sum(bool(line.strip()) for line in lines)
        # One name alone says who speaks only if it is sure; headings that look like names are many different ones.
        if is_sure and (len(counts) > 1 or any(name.sure for name in names)) and len(names) * 60 >= n_lines:
            speakers = _believed(counts, {name.speaker for name in names if name.sure}, listed, lines)
            # An operator who speaks alone is a layout that is not known: all would be taken for the operator's.
            return set() if all(map(is_operator, speakers)) else speakers
    return set()


def _believed(counts: Counter[str], sure: set[str], listed: Collection[str], lines: list[str]) -> set[str]:
    """Of the names that begin a turn those that are no headings: "Commercial Vehicles" comes once and is not listed.

    Nor does anybody else say it, as the operator does when an analyst's turn comes. Without a list, many names that
    come once are headings.
    """
    known = {_initial_and_surname(name) for name in listed}

    def is_believed(speaker: str) -> bool:
        if speaker in sure or counts[speaker] > 1:
            return True
        if not known:
            return len(counts) < 30
        return _initial_and_surname(speaker) in known or sum(speaker in line for line in lines) > 1

    return {speaker for speaker in counts if is_believed(speaker)}


def _initial_and_surname(name: str) -> tuple[str, str]:
    """What a name has in common with the same person's in another form: Timothy D. Cook, Tim Cook."""
    words = name.removesuffix(" Jr.").removesuffix(" Jr").rstrip(",").lower().split()
    return words[0][0], words[-1]


def _alone(line: str) -> SpeakerName | None:
    line = line.strip()
    if not line or _SENTENCE_END.search(line) or _is_heading(line):
        return None
    return read_name(line)


def _said(lines: list[str], speakers: set[str]) -> list[_Said]:
    """What each says, in order. What is before the first name counts if it is a sentence."""
    section: str | None = None
    said = [_Said(SpeakerName("", None, sure=False), section)]
    in_list = False
    for raw in lines:
        line = raw.strip()
        bare = _bare(line)
        if _PREPARED.fullmatch(bare) or _QA.fullmatch(bare):
            section, in_list = "qa" if _QA.fullmatch(bare) else "prepared", False
            said.append(_Said(said[-1].name, section))
        elif _LIST.fullmatch(bare):
            in_list = True
        elif _RULE.fullmatch(line) or _FOOT.fullmatch(line):
            continue
        elif (inline := _INLINE.match(line)) and (name := read_name(inline["name"])) and name.speaker in speakers:
            said.append(_Said(name, section, [inline["text"]]))
            in_list = False
        elif _is_title_of(line, said[-1]):
            said[-1].name = said[-1].name._replace(role=line)
        elif (name := _alone(line)) and name.speaker in speakers:
            said.append(_Said(name, section))
        elif not line:
            said[-1].lines.append("")
        elif _is_said(line, said[-1], in_list):
            said[-1].lines.append(raw)
            in_list = False
    return said


def _is_title_of(line: str, said: _Said) -> bool:
    """Whether the line stands below a name, before anything is said."""
    return bool(said.name.speaker) and not said.name.role and not any(said.lines) and is_title(line)


def _is_said(line: str, said: _Said, in_list: bool) -> bool:
    """Lines of a list, and of the head of the document, are said by nobody unless they are sentences."""
    if said.name.speaker and not in_list:
        return True
    is_sentence = bool(_SENTENCE_END.search(line)) and not _FIRM_END.search(line)
    return is_sentence and len(line.split()) >= (3 if said.name.speaker else 6)


def _listed(lines: Iterable[str]) -> dict[str, tuple[str | None, str | None]]:
    """The participants in the lists at the top: name -> (kind, title or firm)."""
    listed: dict[str, tuple[str | None, str | None]] = {}
    kind, is_in, before = None, False, None
    for raw in lines:
        bare = _bare(raw)
        if found := _LIST.fullmatch(bare):
            who, is_in = found["who"].lower(), True
            kind = "executive" if who.startswith(("comp", "corp", "exec", "man")) else None
            kind = "analyst" if who.startswith(("conf", "anal", "other")) else kind
        elif _PREPARED.fullmatch(bare) or _QA.fullmatch(bare) or is_operator(bare):
            is_in = False
        elif is_in and before and listed[before][1] is None and is_title(bare):
            listed[before] = (kind, bare)
        elif is_in and (name := _alone(raw)):
            listed.setdefault(name.speaker, (kind, name.role))
            before = name.speaker
        elif is_in and before and bare and listed[before][1] is None:
            listed[before] = (kind, bare)
    return listed


def _bare(line: str) -> str:
    return line.strip().strip(":*=_-[]() ").strip()


def _is_heading(line: str) -> bool:
    bare = _bare(line)
    return any(form.fullmatch(bare) for form in (_LIST, _PREPARED, _QA, _FOOT))
