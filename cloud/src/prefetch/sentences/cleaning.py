"""What the models read of a sentence. Only stage directions are cut from its text: no number, no negation, no word."""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from pathlib import Path

from cloud.src.contract import schemas
from cloud.src.contract import text as contract_text

_CODE = Path(__file__).parents[1]  # the prefetch: its files, sentences and wrds too
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
    """Remove stage directions, control and invisible characters; make any run of white space one blank.

    Empty when no letter or digit is left.
    """
    if not text.isprintable():  # no space other than blanks, nothing invisible: true of nearly all sentences
        text = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
    text = " ".join(text.split())
    if "[" in text or "(" in text:
        text = " ".join(_STAGE_DIRECTION.sub("", text).split())
    return text if _LETTER_OR_DIGIT.search(text) else ""


def rules_fingerprint(code: Path = _CODE) -> str:
    """Identify what makes chunks of a text, so that no quarter is made half by these rules, half by others.

    That is all code of the prefetch, the columns, and the libraries that split sentences, tell languages, know trading
    days and write Parquet. Code that makes no difference only lets an interrupted prefetch begin again; a rule that was
    forgotten here would spoil one.
    """
    libraries = ("nupunkt", "py3langid", "exchange-calendars", "pyarrow")
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in libraries).encode())
    for path in (Path(schemas.__file__), Path(contract_text.__file__), *sorted(code.rglob("*.py"))):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]
