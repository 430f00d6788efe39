"""Greetings and thanks: is a sentence nothing else, and where does the rest begin in one that opens with them?

A sentence is read from its beginning, one short phrase after the other, as long as each is known to be a courtesy and
ends with a mark or an "and". Whatever is not known ends the reading, and stays.
"""

from __future__ import annotations

import re

GREETINGS, THANKS = "greetings", "thanks"

_NAME = r"(?:(?:Mr|Ms|Mrs|Dr)\.?\s)?[A-Z][\w'\u2019-]*\.?(?:\s[A-Z][\w'\u2019-]*\.?){0,3}"
_ALL = (
    r"(?:\s(?:to\s)?(?:everyone|everybody|all(?:\sof\syou)?|both|guys|team|folks|gentlemen|there|you\sall|operator))?"
)
_TODAY = r"(?:\s(?:today|again|once\sagain|this\s(?:morning|afternoon|evening)))?"

_GREETING = rf"""
    (?: good\s(?:morning|afternoon|evening|day) | hello | hi | hey | greetings ) {_ALL}{_TODAY}(?:\s{_NAME})?
  | welcome (?:,?{_ALL},?) \sto\s [^.?!;:]{{3,110}}? \b(?:call|webcast|conference)\b {_TODAY}
"""
_SOMETHING = r"""
    (?: (?:taking|answering|fitting|squeezing|letting|having|hosting)\s(?:my|our|the|all|me|us)\b
        (?:\s(?:my|our|the|all|of|ask|a|in|on|or|two|here|few|questions?|follow[- ]ups?|call|time))*
      | (?:all\s)?(?:the|your|that|those|this)\s(?:(?:great|good|very|helpful|additional|detailed|kind)\s)?
        (?:questions?|time|colou?r|opportunity|update|clarity|details?|answers?|help|introduction|interest|patience
          |participation|attention|follow[- ]ups?|comments?|clarification)
        (?:\s(?:and|in|your|the|our|interest|time|company|questions?|participation|continued|support|attention))*
      | (?:joining|being\swith|dialing\sin|participating|listening|calling\sin|tuning\sin|attending|your\sattendance)
        (?:\s(?:us|to|the|our|on|for|in|with|today['\u2019]s|this|conference|webcast|earnings|first|second|third|fourth
          |quarter|full|year|fiscal|20\d\d|call))*
      | that | this | it )
"""
_THANKING = rf"""
    (?:(?:i|we)\s(?:just\s)?(?:want|would\slike)\sto\s | (?:i|we)['\u2019]d\slike\sto\s | let\sme\s)?
    (?: thank\syou | thanks ) (?:\s(?:very|so)\smuch|\sa\slot|\sagain)?{_ALL} (?:\sfor\s{_SOMETHING})? {_TODAY}
    (?:\s{_NAME})?
  | (?:i|we)\s(?:really\s|do\s)?appreciate\s(?:it|that|this|the\s(?:time|colou?r|questions?)) {_TODAY}
"""
_FILLER = r"""
    okay | ok | great | perfect | excellent | yes | yeah | sure | right | all\sright | alright | well | so | got\sit
  | understood | wonderful | everyone | everybody | all | guys | team | folks | gentlemen | operator
  | how\sare\syou(?:\sdoing)?(?:\stoday)?
"""


def _without_case(pattern: str) -> str:
    """Make a pattern take capitals for small letters, except in names, which are told by their capitals."""
    return f"(?i:{pattern})".replace(_NAME, f"(?-i:{_NAME})")


_PHRASE = re.compile(
    rf"""
    (?: (?P<greetings>{_without_case(_GREETING)}) | (?P<thanks>{_without_case(_THANKING)})
      | (?i:{_FILLER}) | (?:[Tt]his\sis|[Ii]t['\u2019]s)\s{_NAME}(?:\son\sfor\s{_NAME})? | {_NAME}(?:\sand\s{_NAME})? )
    (?: \s*[,.;:!?\u2026\u2013\u2014]+\s* | \s-\s | \s(?=and\s(?:[a-z]|I\b)) | $ )
    (?: and\s )?
    """,
    re.VERBOSE,
)
PATTERNS = (_PHRASE,)
_HINTS = ("thank", "good ", "hi", "hey", "hello", "welcome", "appreciate", "greetings")
_GOES_ON = re.compile(r"(?:everyone\s|everybody\s|all\s)?(?:for|to|from|with|in|on|of)\b", re.IGNORECASE)
_LONGEST_OPENING = 200  # characters
_FEWEST_WORDS = 3  # that may stand alone without the courtesies before them


def read_courtesies(sentence: str) -> tuple[str | None, str]:
    """Return which courtesy the sentence opens with, None for none, and the rest: empty when there is nothing else."""
    opening = sentence[:40].lower()
    for hint in _HINTS:
        if hint in opening:
            break
    else:
        return None, sentence
    found: str | None = None
    position = 0
    while position < _LONGEST_OPENING and (phrase := _PHRASE.match(sentence, position)):
        found = found or phrase.lastgroup
        position = phrase.end()
    rest = sentence[position:]
    if found is None or 0 < len(rest.split()) < _FEWEST_WORDS or _GOES_ON.match(rest):
        return None, sentence
    return found, rest[:1].upper() + rest[1:]
