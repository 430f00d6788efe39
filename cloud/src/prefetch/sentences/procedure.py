"""Sentences that run the call instead of saying something about the firm, known by rule.

The rules are narrow: what they miss is left to the map job, which knows procedure by its likeness to examples. A rule
never takes a sentence with a figure (years and names of forms aside); that with a reason ("because", "but") only as a
legal notice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """Sentences that are procedure as a whole.

    Attributes:
        name: what such sentences are called where they are counted.
        hints: in small letters; one of them is in every such sentence. Nine of ten sentences have no hint of any rule,
            and to see that takes a tenth of the time of the patterns.
        pattern: found in such a sentence, whatever its case.
        unless: a sentence in which this is found is not one of them.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    unless: re.Pattern[str]


def _hints(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.VERBOSE)


# What makes a sentence say more than how the call goes on. Legal notices have these words too ("because of various
# factors"); there it is a refusal that says more ("we don't make forward-looking comments on prices").
_SAYS_MORE = _pattern(
    r"\b(?:but|because|since|while|whereas|although|due\sto|driven\sby)\b | ^.{0,20}\bbefore\s(?:we|i)\b"
)
_REFUSES = _pattern(
    r"(?:do|wo|ca|would|could)n?['\u2019]t\b | \b(?:can|will|do|going|want)\s?not\s(?:make|give|comment)"
)

_WE = r"(?:we|i|you|operator)(?:['\u2019](?:ll|d|re)|\s(?:will|would|can|could|may|are))?(?:\s(?:now|then|also))?"
_NAME = r"(?-i:[A-Z][\w.\u2019'-]*(?:\s[A-Z][\w.\u2019'-]*){0,3})"
_WHOM = rf"(?:{_NAME}|you|the\soperator|my\scolleague|our\s(?:c[efo]o|chief|president|vice|head|chairman)\b)"
_OPENING = (
    r"(?:(?:and|so|okay|now|yes|yeah|well|with\sthat(?:\ssaid)?|at\sthis\s(?:time|point)|first|finally|then|operator"
    rf"|please|{_NAME}),?\s)"
)

RULES = (
    Rule(
        "safe-harbour notices",
        _hints(
            "forward-looking|forward looking|safe harbo|differ|vary|risk factors|uncertainties|gaap"
            "|reconcil|obligation to|duty to"
        ),
        _pattern(r"""
            forward[- ]looking\s(?:statement|information|comment|remark)s?\b .*
            \b(?: risks? | uncertain | actual\s | securities | safe\sharbo | sec\b | 10-[kq] | differ | obligation
                | undertake | caution | subject\sto | remind | contain | constitute | include | within\sthe\smeaning
                | disclaimer | refer\b | press\srelease | law | slide )
          | \b(?: remind | caution | note | contain | constitute | include | certain | discuss | mak(?:e|ing) | refer )
            \w*\b .* forward[- ]looking\s(?:statement|information|comment|remark)s?\b
          | safe\sharbou?r\s(?:statement|provision|language|disclosure|disclaimer|notice|slide|act|for\sforward)
          | \bactual\s(?:results|events|performance|outcomes?)\b .* \b(?:may|might|can|could|to|will)\s
            (?:materially\s)?(?:differ|vary)\b
          | (?:risk\sfactors|risks\sand\suncertainties) .*
            (?:10-[kq]|filings|filed\swith|securities\sand\sexchange|\bsec\b)
          | (?:10-[kq]|filings|filed\swith|securities\sand\sexchange|\bsec\b) .*
            (?:risk\sfactors|risks\sand\suncertainties)
          | (?:obligation|duty)\sto\s(?:publicly\s)?(?:update|revise)\b .* (?:statement|information|forecast|remark)
          | (?:statement|information|forecast|remark) .* (?:obligation|duty)\sto\s(?:publicly\s)?(?:update|revise)\b
          | (?:non-gaap|reconcil\w+) .*
            (?: press\srelease | earnings\srelease | web\s?site | appendix | supplement | slides?\b | presentation
              | comparable\sgaap | investor\srelations )
          | (?: press\srelease | earnings\srelease | web\s?site | appendix | supplement\w* | slides | presentation ) .*
            (?:reconcil\w+)
            """),
        unless=_REFUSES,
    ),
    Rule(
        "notices of the call",
        _hints("web|.com|replay|record|transcript|archive|investor relations"),
        _pattern(r"""
            \b(?:call|conference|webcast|event|meeting|presentation)\b .* \bis\s(?:also\s)?being\s(?:recorded|webcast)
          | \b(?:replay|recording|transcript|archive)\b .* \b(?:available|accessed|posted|archived)\b .*
            \b(?:call|conference|webcast|web\s?site|later\stoday|replay|investor|dialing|telephone)\b
          | \b(?:replay|recording|transcript|archive)\sof\s(?:this|the|today['\u2019]s)\s(?:\w+\s)?
            (?:call|conference|webcast)\b .* \b(?:available|accessed|posted|archived)\b
          | \b(?:slides?|presentation|press\srelease|earnings\srelease|supplement\w*|materials?|webcast)\b .*
            \b(?:available|posted|found|accessed|accessible|located)\b .* (?:web\s?site|\.com\b|investor\srelations)
            """),
        unless=_SAYS_MORE,
    ),
    Rule(
        "calls for questions",
        _hints("question|caller|q&a|q & a"),
        _pattern(rf"""
            ^{_OPENING}{{0,3}}(?:our\s|the\s)?(?:next|first|last|final)\s(?:question|caller)
            (?:,?\s(?:please|operator))*[.?!\u2026]*$
          | \b(?:next|first|last|final)\squestion\s(?:today\s)?(?:comes?|is\scoming|will\scome|is)\sfrom\s
            (?:the\sline|{_NAME})
          | \b(?:may|can|could|shall)\s(?:we|i|you)\s(?:please\s)?(?:have|take|get|go\sto|move\sto)\s(?:the|our|a)\s
            (?:next|first|last|final)\s(?:question|caller)
          | \b{_WE}\s(?:take|go\sto|move\sto|have\stime\sfor)\s(?:on\sto\s)?(?:the|our|one|a)\s
            (?:next|first|last|final|more)\s(?:last\s)?(?:question|caller).{{0,30}}$
          | \b(?:ready|happy|pleased)\s(?:to\s(?:take|answer)|for)\s(?:any\sof\s)?(?:your\s|the\s|our\s|any\s)?
            (?:first\s|next\s)?questions?\b.{{0,60}}$
          | \bopen\s(?:up\s)?(?:(?:the|it|our|this)\s)?(?:(?:lines?|call|floor|queue|it)\s)?(?:up\s|over\s)?(?:for|to)\s
            (?:your\s|any\s|analysts?\s|the\s)?(?:questions|q\s?&\s?a)
          | \b(?:begin|start|proceed\s(?:to|with)|move\s(?:on\s)?(?:in)?to|go\s(?:in)?to|turn\sto|ready\sfor)\s
            (?:the|our|your)\s(?:q\s?&\s?a|questions?[- ]and[- ]answers?)
          | \b(?:limit|restrict)\s(?:your(?:self|selves)|your\squestions)\sto\s(?:one|two|a\ssingle)
          | \bno\s(?:further|more|other|additional)\squestions\s(?:at\sthis|in\sthe|from|on\sthe|today)
            """),
        unless=_SAYS_MORE,
    ),
    Rule(
        "operator sentences",
        _hints(
            "press star|press *|press the|press zero|press pound|pressing|line is|lines |mute|listen"
            "|queue|disconnect|go ahead"
        ),
        _pattern(rf"""
            \bpress(?:ing)?\s(?:star|\*|the\sstar|zero|pound|the\spound)
          | \byour\sline\sis\s(?:now\s)?(?:open|live)
          | \blines\s(?:have\sbeen|are|will\sbe)\s(?:all\s)?(?:placed\s)?(?:on\smute|in\slisten|muted|open\sfor)
          | \b(?:on\smute|in\sa?\s?listen[- ]only)\b
          | \byou\smay\s(?:now\s|all\s)?disconnect
          | ^.{{0,30}}\b(?:back|join|jump|hop)\s(?:in\s|into\s|to\s)?(?:the\s)?(?:question\s)?queue\b.{{0,30}}$
          | \b(?:everyone|anyone|people|caller|next\sone|question)\b.{{0,30}}\b(?:in|into|from)\sthe\s
            (?:question\s)?queue\b
          | ^{_OPENING}{{0,3}}go\sahead(?:,?\s(?:please|sir|with\syour\squestion|{_NAME})){{0,3}}[.!\u2026]*$
            """),
        unless=_SAYS_MORE,
    ),
    Rule(
        "hand-overs",
        _hints("over to|back to|take th|turn it|turn th|hand it|hand th|pass it|pass th|kick it|kick th"),
        _pattern(rf"""
            ^{_OPENING}{{0,4}}
            (?:let\sme|allow\sme\sto|(?:i|we)(?:['\u2019]ll|['\u2019]d\slike\sto|['\u2019]m\sgoing\sto
              |\swill|\swould(?:\snow)?\slike\sto|\swant\sto|\scan)|(?:it['\u2019]s|it\sis)\smy\spleasure\sto|i['\u2019]m\s(?:pleased|happy)\sto)
            (?:\snow|\sthen|\sjust)?\s(?:turn|hand|pass|kick)\s
            (?:it|things|this|that|the\s(?:call|floor|meeting|conference|discussion|presentation|time|program))
            (?:\sback)?(?:\sover|\soff)?(?:\sback)?\sto\s{_WHOM}.{{0,140}}$
          | ^{_OPENING}{{0,3}}(?:back|over)\sto\s(?:you|{_NAME})(?:,?\s{_NAME})?[.!\u2026]*$
          | ^{_OPENING}{{0,3}}(?:do\syou\swant\sto|would\syou\slike\sto|can\syou|could\syou|why\sdon['\u2019]t\syou
              |i['\u2019]ll|let\sme|i\scan|i\swill|you\swant\sto)\stake\s(?:that|this)
              (?:\s(?:one|question|first))*(?:,?\s{_NAME})?[.?!\u2026]*$
            """),
        unless=_SAYS_MORE,
    ),
)

_HINTS = tuple(hint for rule in RULES for hint in rule.hints)
# Figures that say nothing about the firm: years, forms of the regulator, and the keys of a telephone.
_NO_FIGURE = re.compile(r"\b(?:19|20)\d\d\b|\b(?:10|8|20|6)-[A-Za-z]\b|\*\s?\d\b|\bstar\s\d\b", re.IGNORECASE)
_FIGURE = re.compile(r"[\d$%€£]")
_LONGEST = 1_500  # characters of a legal notice; a pattern's time may grow with the square of the length


def rule_of(sentence: str) -> str | None:
    """Return the name of the rule by which the sentence is procedure, None when it is none."""
    if len(sentence) > _LONGEST:
        return None
    lowered = sentence.lower()
    for hint in _HINTS:
        if hint in lowered:
            break
    else:
        return None
    for rule in RULES:
        hinted = any(hint in lowered for hint in rule.hints)
        if hinted and rule.pattern.search(sentence) and not rule.unless.search(sentence):
            return None if _FIGURE.search(_NO_FIGURE.sub("", sentence)) else rule.name
    return None
