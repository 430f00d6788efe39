"""What the models read of a sentence, or the rule by which they do not get to read it.

Numbers and negations are never taken out: a sentence is kept or dropped as a whole, and what is cut from its text is
stage directions, and greetings and thanks before its first words.
"""

from __future__ import annotations

import hashlib
import re

import nupunkt

from cloud.src.prefetch import courtesies, procedure

# The typist's remarks about the call, not words that were spoken. Other brackets hold words the typist was unsure of
# ("[seven] stores"): those are content.
_STAGE_DIRECTION = re.compile(
    r"""\s*[\[(]\s*(
        operator\ instructions? | technical\ (difficult|issue|problem) | tech\ difficult
        | indiscernible | inaudible | unintelligible | ph\b | phonetic | sic\b
        | multiple\ speakers | cross[ -]?talk | overlapping | audio\b | foreign\ language | no\ (audible\ )?response
        | abrupt | call\ (starts|ends) | starts\ abruptly | break\b | end\b | music\b | laughter | applause | video\b
    )[^\])]{0,80}[\])]""",
    re.IGNORECASE | re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Zero-width characters, soft hyphens and marks that turn the direction of writing: invisible, and they split words.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def clean(text: str) -> str:
    """Remove stage directions, control and invisible characters; make any run of white space one blank."""
    if not text.isprintable():  # no space other than blanks, nothing invisible: true of nearly all sentences
        text = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
    if "[" in text or "(" in text:
        text = _STAGE_DIRECTION.sub("", text)
    return " ".join(text.split())


def clean_sentence(raw: str) -> tuple[str, str | None]:
    """Return the text for the models, and the rule by which the sentence is left out: None for one that is content.

    The text is empty when there is no letter or digit in it.
    """
    text = clean(raw)
    courtesy, text = courtesies.read_courtesies(text)
    if courtesy and not text:
        return "", courtesy
    if not _LETTER_OR_DIGIT.search(text):
        return "", None
    return text, procedure.rule_of(text)


def rules_fingerprint() -> str:
    """Identify the rules that make sentences of a text, so that no quarter is made half by these, half by others."""
    patterns = [_STAGE_DIRECTION, *courtesies.PATTERNS, *procedure.PATTERNS]
    rules = "\n".join([nupunkt.__version__, *(pattern.pattern for pattern in patterns)])
    return hashlib.sha256(rules.encode()).hexdigest()[:16]
