"""Translates the many names that transcripts have for speakers and sections into those of the contract."""

from __future__ import annotations

import re

# Names of sections, without "section", "session" and the like behind them.
_PREPARED = re.compile(
    r"(?:prepared|opening|formal|introductory|management(?:'s)?|corporate)? ?"
    r"(?:remarks?|comments|presentations?|discussion|statements?|speech)|prepared"
    r"|presenter speech|presentation operator message|md(?: ?& ?a)?"
    r"|management(?:'s)? discussion(?: and analysis)?|intro(?:duction)?"
)
_QA = re.compile(
    r"(?:analysts? )?q ?(?:&|\+|and|n|/|-)? ?a|questions?|answers?"
    r"|questions? ?(?:and|&|-and-|/|,)? ?answers?(?: operator message)?"
)
_KIND = re.compile(r" (?:section|session|part|portion|period)$")
_NUMBER = re.compile(r"^[0-9]+[.)] ?")
_ANALYSTS = {"analyst", "conference participant", "q", "sell-side", "buy-side"}
_EXECUTIVES = {
    "executive", "exec", "management", "management team", "company", "corporate participant",
    "corporate representative", "company representative", "corprep", "a",
}  # fmt: skip

_OPERATOR = re.compile(
    r"(?:the )?(?:(?:conference|call|event|teleconference|telephone|webcast|chorus) ){0,2}"
    r"(?:operator|moderator|coordinator|facilitator)(?: \(.*\))?:?"
)
_UNNAMED_ANALYST = re.compile(
    r"(?:unidentified |unknown |unverified )?(?:analyst|audience member|participant)(?: [0-9]+)?"
)
_UNNAMED_EXECUTIVE = re.compile(
    r"(?:unidentified |unknown )?(?:(?:company |corporate )(?:executive|representative|speaker)|executive)"
)
_CEO = re.compile(r"\bCEO\b|\bchief exec(?:utive|\.)?(?!\w)", re.IGNORECASE)
_CFO = re.compile(  # Finance Director is what British firms call theirs, but not that of a region or division
    r"\bCFO\b|\bchief financ(?:e|ial)\b|\bprincipal financial\b"
    r"|(?<!\bregional )(?<!\bcorporate )(?<!\bdivisional )\bfinance director\b",
    re.IGNORECASE,
)
_ANALYST = re.compile(r"analyst|\bequity research\b|\bresearch division\b|\bportfolio manager\b", re.IGNORECASE)
# A title that contains a chief's title without being one, as in "Senior Vice President and Deputy CFO".
_NOT_THE_CHIEF = re.compile(r"\b(deputy|former|assistant|office of)\b", re.IGNORECASE)
_TITLE = re.compile(
    r"\b(officer|chief|president|[es]?vp|chair(man|woman|person)?|(?-i:C[ABCDEFGIKLMNOPRSTX]O)|treasurer"
    r"|investor relations|(head of )?IR|(co-?)?founder|(general )?counsel|controller|(company|corporate) secretary"
    r"|finance director|executive board|board of management)\b"
    # With a firm beside it, it may be an analyst's: "Managing Director, Birch Bank".
    r"|^[\w ]*\b(managing|executive) director\s*$",
    re.IGNORECASE,
)


def section_name(section: str | None) -> str | None:
    """Return ``prepared`` or ``qa``, or None if the section is unknown."""
    name = re.sub(r"[\s_-]+", " ", (section or "").casefold()).strip(" :.")
    name = _NUMBER.sub("", _KIND.sub("", name))
    if _PREPARED.fullmatch(name):
        return "prepared"
    return "qa" if _QA.fullmatch(name) else None


def speaker_type(kind: str | None, role: str | None, speaker: str | None = None) -> str:
    """Return CEO, CFO, Executive, Analyst, Operator or Unknown.

    Args:
        kind: the source's type of the speaker, for example ``executive`` or ``Analysts``. role: title of an executive,
        employer of an analyst. speaker: name; in some transcripts only the name says that an operator speaks.

    The head of a division ("CEO, General Insurance") counts as CEO: titles do not distinguish a division from the
    company.
    """
    kind, role = (kind or "").casefold(), role or ""
    if any(_OPERATOR.fullmatch(one.casefold().strip()) for one in (kind, role, speaker or "")):
        return "Operator"
    if kind.removesuffix("s") in _ANALYSTS or _UNNAMED_ANALYST.fullmatch(
        (speaker or "").casefold()
    ):  # before the title: an analyst's role is an employer, whatever words its name contains
        return "Analyst"
    chief = _chief(kind) or _chief(role)
    if chief:
        return chief
    if kind.removesuffix("s") in _EXECUTIVES or _UNNAMED_EXECUTIVE.fullmatch((speaker or "").casefold()):
        return "Executive"
    if _ANALYST.search(role):
        return "Analyst"
    return "Executive" if _TITLE.search(role) else "Unknown"


def _chief(title: str) -> str | None:
    if _NOT_THE_CHIEF.search(title):
        return None
    if _CEO.search(title):
        return "CEO"
    return "CFO" if _CFO.search(title) else None
