"""Greetings and thanks: is a sentence nothing else, and where does the rest begin in one that opens with them?

A sentence is read from its beginning, one short phrase after the other, as long as each is known to be a courtesy and
ends with a mark or an "and". Whatever is not known ends the reading, and stays.
"""

from __future__ import annotations

import re

GREETINGS, THANKS = "greetings", "thanks"

# One word of a name begins with a capital, has no digit ("Q1") and is no negation: "No, thanks" is an answer.
_NO_NAME = r"(?!(?:No|Not|None|Nor|Never|Neither|Nothing|Nobody|Nope|I|\w+n['\u2019]t)\b)"
_WORD = rf"{_NO_NAME}(?:(?:[A-Z]\.){{2,3}}|[A-Z][^\W\d]*(?:['\u2019-][^\W\d]*)*\.?)"
_NAME = rf"(?:(?:Mr|Ms|Mrs|Dr)\.?\s)?{_WORD}(?:\s{_WORD}){{0,3}}"
_ALL = (
    r"(?:\s(?:to\s)?(?:everyone|everybody|all(?:\sof\syou)?|both|guys|team|folks|gentlemen|there|you\sall|operator))?"
)
_TODAY = r"(?:\s(?:today|again|once\sagain|this\s(?:morning|afternoon|evening)))?"

_GREETING = rf"""
    (?: good\s(?:morning|afternoon|evening|day) | hello | hi | hey | greetings ) {_ALL}{_TODAY}
  | welcome (?:,?{_ALL},?) \sto\s [^.?!;:]{{3,110}}? \b(?:call|webcast|conference)\b {_TODAY}
  | welcome {_ALL}{_TODAY}
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
    (?: (?: (?P<greetings>{_without_case(_GREETING)}) | (?P<thanks>{_without_case(_THANKING)}) ) (?P<named>\s{_NAME})?
      | (?i:{_FILLER}) | (?P<introduction>(?:[Tt]his\sis|[Ii]t['\u2019]s)\s{_NAME}(?P<stand_in>\son\sfor\s{_NAME})?)
      | (?P<name>{_NAME}(?:(?:(?:,|,?\sand)\s{_NAME}){{1,4}}(?=[.!?\u2026]*$))?) )
    (?: \s*[,.;:!?\u2026\u2013\u2014]+\s* | \s-\s | \s(?=and\s(?:[a-z]|I\b)) | $ )
    (?: and\s )?
    """,
    re.VERBOSE,
)
# What is listed after a name: then it is no name of a person ("Thanks, China, Japan and Korea declined").
_LISTED, _LISTED_AFTER_AND = re.compile(rf"{_NAME}(?:,|\sand\s)"), re.compile(_NAME)
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
    phrases: list[re.Match[str]] = []
    position = 0
    while position < _LONGEST_OPENING and (phrase := _phrase_at(sentence, position, phrases)):
        phrases.append(phrase)
        position = phrase.end()
    found = next(filter(None, map(_courtesy, phrases)), None)
    rest = sentence[position:]
    if found is None or 0 < len(rest.split()) < _FEWEST_WORDS or _GOES_ON.match(rest):
        return None, sentence
    return found, rest[:1].upper() + rest[1:]


def _phrase_at(sentence: str, position: int, before: list[re.Match[str]]) -> re.Match[str] | None:
    """Return the known phrase that begins there. Names are known only beside a greeting or thanks, and not in a list.

    "It's Tom" is one who introduces himself after a greeting; after thanks it may be "it's Europe, where we grew".
    """
    phrase = _PHRASE.match(sentence, position)
    if not phrase or phrase.end() == len(sentence):  # with nothing after it a name is no part of a statement
        return phrase
    if phrase["introduction"]:
        return phrase if phrase["stand_in"] or any(each[GREETINGS] for each in before) else None
    if not phrase["name"]:
        return phrase
    after = _PHRASE.match(sentence, phrase.end())
    listed = _LISTED_AFTER_AND if phrase[0].endswith("and ") else _LISTED
    if after["name"] if after else listed.match(sentence, phrase.end()):
        return None
    is_addressed = before and _courtesy(before[-1]) and not before[-1]["named"]
    return phrase if is_addressed or (after and _courtesy(after)) else None


def _courtesy(phrase: re.Match[str]) -> str | None:
    return GREETINGS if phrase[GREETINGS] else THANKS if phrase[THANKS] else None
