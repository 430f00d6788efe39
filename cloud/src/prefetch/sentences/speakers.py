"""Translates the many names that transcripts have for speakers and sections into those of the contract."""

from __future__ import annotations

import re

_SECTIONS = {
    "prepared": "prepared",
    "prepared remarks": "prepared",
    "presentation": "prepared",
    "qa": "qa",
    "q&a": "qa",
    "q and a": "qa",
    "question and answer": "qa",
    "questions and answers": "qa",
}

_ANALYSTS = {"analyst", "analysts", "conference participant"}
_EXECUTIVES = {"executive", "executives", "corporate participant", "management"}

_CEO = re.compile(r"\bCEO\b|\bchief executive\b", re.IGNORECASE)
_CFO = re.compile(r"\bCFO\b|\bchief financial\b", re.IGNORECASE)
# A title that contains a chief's title without being one, as in "Senior Vice President and Deputy CFO".
_NOT_THE_CHIEF = re.compile(r"\b(deputy|former|assistant|office of)\b", re.IGNORECASE)
_TITLE = re.compile(
    r"\b(officer|president|[es]?vp|chair(man|woman)?|c[oit]o|treasurer|investor relations)\b", re.IGNORECASE
)


def section_name(section: str | None) -> str | None:
    """Return ``prepared`` or ``qa``, or None if the section is unknown."""
    return _SECTIONS.get(section.casefold()) if section else None


def speaker_type(kind: str | None, role: str | None, speaker: str | None = None) -> str:
    """Return CEO, CFO, Executive, Analyst, Operator or Unknown.

    Args:
        kind: the source's type of the speaker, for example ``executive`` or ``Analysts``. role: title of an executive,
        employer of an analyst. speaker: name; in some transcripts only the name says that an operator speaks.

    The head of a division ("CEO, General Insurance") counts as CEO: titles do not distinguish a division from the
    company.
    """
    kind, role = (kind or "").casefold(), role or ""
    if kind == "operator" or (speaker or "").casefold() == "operator":
        return "Operator"
    if kind in _ANALYSTS:  # before the title: an analyst's role is an employer, whatever words its name contains
        return "Analyst"
    chief = _chief(kind) or _chief(role)
    if chief:
        return chief
    if kind in _EXECUTIVES:
        return "Executive"
    if "analyst" in role.casefold():
        return "Analyst"
    return "Executive" if _TITLE.search(role) else "Unknown"


def _chief(title: str) -> str | None:
    if _NOT_THE_CHIEF.search(title):
        return None
    if _CEO.search(title):
        return "CEO"
    return "CFO" if _CFO.search(title) else None
