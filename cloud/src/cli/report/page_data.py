"""What the report's script works on: the quarter as numbers and lists that are small in JSON.

Firms, families, themes, speakers and sentences are named by their place in their lists, and a sentence is a list in a
fixed order, because a page has tens of thousands of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cloud.src.cli.report.contents import Firm, ReportData, ReportTheme, ReportTopic, Sentence
from cloud.src.cli.report.earlier import Earlier

FAMILIES_IN_HEADLINE = 4
QUOTATIONS = 3
MANAGEMENT = ("CEO", "CFO", "Executive")
# Characters of a sentence that is worth quoting: long enough to say something, short enough to be read.
SHORTEST_QUOTATION, LONGEST_QUOTATION = 60, 320
PHRASES = 10  # of a dictionary
_DIGITS = 4


@dataclass(frozen=True)
class Parts:
    """What a page must know of the files beside it (parts.py).

    ``hashes``: of the JSON in each file, by the file's name without its suffix. ``in_policy``: those of the files.
    ``part_of_firm``: the name of the file, by firm_id. ``sectors``: an empty one stands for unknown, the last.

    ``totals``: by theme_id, the number of firms and of sentences, for each speaker, section and sector (in this order,
    the first of speakers and sections being all of them).
    """

    sectors: list[str]
    totals: dict[str, list[int]]
    hashes: dict[str, str] = field(default_factory=dict)
    in_policy: list[str] = field(default_factory=list)
    part_of_firm: dict[str, str] = field(default_factory=dict)


def headline_families(report: ReportData) -> list[ReportTheme]:
    """The first families that are not general."""
    return [family for family in report.families if not family.general][:FAMILIES_IN_HEADLINE]


def quotations(report: ReportData, group: ReportTheme) -> list[Sentence]:
    """Sentences that show what a group is about: executives' first, each of another firm."""
    evidence = report.measured[group.theme_id].evidence
    examples = set(group.evidence_sentence_ids)

    def worth(sentence: Sentence) -> tuple[bool, bool, bool]:
        readable = SHORTEST_QUOTATION <= len(sentence.text) <= LONGEST_QUOTATION
        return sentence.speaker_type not in MANAGEMENT, not readable, sentence.sentence_id not in examples

    chosen: dict[str, Sentence] = {}
    for sentence in sorted(evidence, key=worth):
        chosen.setdefault(sentence.firm_id, sentence)
    return list(chosen.values())[:QUOTATIONS]


def page_data(report: ReportData, earlier: Earlier | None, parts: Parts | None = None) -> dict[str, Any]:
    """The whole of it, for ``tojson``; without what is in the files beside the page, where there are ``parts``."""
    rows = Rows({firm.firm_id: number for number, firm in enumerate(report.firms)})
    theme_number: dict[str | None, int] = {theme.theme_id: number for number, theme in enumerate(report.themes)}
    family_number = {family.theme_id: number for number, family in enumerate(report.families)}
    topics = [_topic(topic, rows, theme_number) for topic in report.topics]

    def group(each: ReportTheme) -> dict[str, Any]:
        in_full = _totals(parts, each) if parts else _evidence(report, each, rows)
        return _group(report, each, rows) | in_full | (_shares_before(earlier, each) if earlier else {})

    families = [group(family) for family in report.families]
    themes = [
        group(theme)
        | {
            "family": family_number[str(theme.family_id)],
            "nearest": [theme_number[theme_id] for theme_id in report.nearest[theme.theme_id]],
        }
        for theme in report.themes
    ]
    return {
        "quarter": report.quarter,
        "earlier": earlier.quarter if earlier else None,
        "history": list(earlier.history) if earlier else [],
        "families": families,
        "themes": themes,
        "firms": [
            _firm(firm)
            | ({"part": parts.part_of_firm.get(firm.firm_id)} if parts else firm_before(report, earlier, firm.firm_id))
            for firm in report.firms
        ],
        "topics": topics,
        "sentences": rows.sentences,
        "speakers": rows.speaker_list(),
        **({"files": parts.hashes, "sectors": parts.sectors} if parts else {}),
    }


class Rows:
    """Collects the sentences of a page, each once, and who said them."""

    def __init__(self, firm_number: dict[str, int]) -> None:
        self.firm_number = firm_number
        self.sentences: list[list[Any]] = []
        self.speakers: dict[tuple[str | None, str], int] = {}
        self._number_of: dict[str, int] = {}

    def number_of(self, sentence: Sentence) -> int:
        """The place of the sentence, which is added if it is new."""
        if sentence.sentence_id not in self._number_of:
            speaker = self.speakers.setdefault((sentence.speaker_name, sentence.speaker_type), len(self.speakers))
            firm = self.firm_number[sentence.firm_id]
            day = sentence.call_date.isoformat()
            self._number_of[sentence.sentence_id] = len(self.sentences)
            self.sentences.append([sentence.sentence_id, sentence.text, speaker, sentence.section, day, firm])
        return self._number_of[sentence.sentence_id]

    def speaker_list(self) -> list[dict[str, Any]]:
        """Those who said them, in the order of their numbers."""
        return [{"name": name, "type": kind} for name, kind in self.speakers]


def _topic(topic: ReportTopic, rows: Rows, theme_number: dict[str | None, int]) -> dict[str, Any]:
    return {
        "id": topic.topic_id,
        "firm": rows.firm_number[topic.firm_id],
        "theme": theme_number.get(topic.theme_id),
        "name": topic.name,
        "method": topic.naming_method,
        "keywords": topic.keywords,
        "total": topic.n_sentences,
        "representative": topic.n_representative,
        "sentences": [rows.number_of(sentence) for sentence in topic.sentences],
    }


def _evidence(report: ReportData, group: ReportTheme, rows: Rows) -> dict[str, Any]:
    measured = report.measured[group.theme_id]
    return {
        "evidence": [rows.number_of(sentence) for sentence in measured.evidence],
        "byFirm": [[rows.firm_number[firm_id], n] for firm_id, n in measured.n_sentences.items()],
    }


def firm_before(report: ReportData, earlier: Earlier | None, firm_id: str) -> dict[str, Any]:
    """A firm's exposures in the quarter before, as place of the theme and exposure; nothing where not known."""
    if earlier is None or firm_id not in earlier.exposures:
        return {}
    then = earlier.exposures[firm_id]
    known = [(number, theme.theme_id) for number, theme in enumerate(report.themes) if theme.theme_id in then]
    return {"before": [[number, round(then[theme_id], _DIGITS)] for number, theme_id in known]}


def _shares_before(earlier: Earlier, group: ReportTheme) -> dict[str, Any]:
    shares = [of_quarter.get(group.theme_id) for of_quarter in earlier.history.values()]
    return {
        "before": earlier.shares.get(group.theme_id),
        "isNew": group.theme_id in earlier.new,
        "history": [None if share is None else round(share, _DIGITS) for share in shares],
    }


def _totals(parts: Parts, group: ReportTheme) -> dict[str, Any]:
    return {"evidence": [], "byFirm": [], "totals": parts.totals.get(group.theme_id, [])}


def _group(report: ReportData, group: ReportTheme, rows: Rows) -> dict[str, Any]:
    return {
        "id": group.theme_id,
        "name": group.name,
        "description": group.description,
        "keywords": group.keywords,
        "namedBy": group.named_by,
        "firms": group.n_firms,
        "sentences": group.n_sentences,
        "share": round(group.share_of_firms, _DIGITS),
        "distinctiveness": round(group.distinctiveness, _DIGITS),
        "stability": group.stability,
        "general": group.general,
        "x": group.map_x,
        "y": group.map_y,
        "dictionary": [
            [phrase["phrase"], round(phrase["purity"], 2), round(phrase["share"], _DIGITS)]
            for phrase in group.dictionary[:PHRASES]
        ],
        "quotations": [rows.number_of(sentence) for sentence in quotations(report, group)],
    }


def _firm(firm: Firm) -> dict[str, Any]:
    return {
        "id": firm.firm_id,
        "name": firm.name,
        "ticker": firm.ticker,
        "sector": firm.sector,
        "callDate": firm.call_date.isoformat(),
        "said": firm.n_said,
    }
