"""Finds sentences that run the call but that the map job's filter would miss.

The map job recognises procedural sentences by their similarity to examples, which finds nearly all of them, greetings
and thanks included. These patterns catch those whose wording varies too much for that (docs/measurements/topics.md,
"What prefetch leaves out").
"""

from __future__ import annotations

import re

_PROCEDURE = re.compile(
    r"""
    ^.{0,60}\b(?:turn|hand|pass)\s(?:it|things|the\scall)\s(?:back\s|over\s|off\s)*to\s(?:you\b|our\sc|(?-i:[A-Z]))
  | \bopen\s(?:it\s|up\s|(?:the|our)\s(?:call|floor|lines?)\s)+.{0,20}\b(?:questions|q&a)
  | \bq&a\s(?:portion|session)
  | \blimit\s(?:yourself|your\squestions)\sto\b
  | \b(?:happy|ready)\s(?:to\s(?:take|answer)|for)\s.{0,20}\bquestions?\b
  | \bforward[- ]looking\s(?:statements?|information)\b
  | \bactual\s(?:results|events|outcomes|performance)\b.*\b(?:may|might|can|could|to|will)\s(?:materially\s)?differ\b
  | \breconciliations?\b.*\b(?:web\s?site|release|presentation|slides|gaap)\b
  | \b(?:transcript|replay|webcast|slides|release|materials)\b.*\b(?:available|posted|found)\b.*\bweb\s?site\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Then the sentence says something else as well.
_SAYS_MORE = re.compile(r"^.{0,20}\bbefore\b|[$%]|\bbut\b|\bbecause\b", re.IGNORECASE)
_LONGEST = 1_500  # characters of a legal notice; a pattern's time grows with the square of the length


def is_procedure(sentence: str) -> bool:
    """Return whether the sentence runs the call and says nothing else."""
    return len(sentence) <= _LONGEST and bool(_PROCEDURE.search(sentence)) and not _SAYS_MORE.search(sentence)
