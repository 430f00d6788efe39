"""From the turns of a firm's calls to sentences: split, cleaned and numbered."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import nupunkt
import pyarrow as pa

from cloud.src.contract import schemas
from cloud.src.prefetch import speakers
from cloud.src.prefetch.calls import Call, Turn

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

# nupunkt's model was trained on legal and financial filings. Of its 5,865 abbreviations these are plain words in spoken
# language, after which a full stop nearly always ends the sentence ("on today's call. Joining me are ...").
_NO_ABBREVIATIONS = (
    "add app at auto bank book call can car cfo comp hand hard low luck month offline so stock story tailwind talent "
    "thanks uptick walk will works york ben dan doug jeff john pat phil rob"
).split()


@dataclass
class FirmSentences:
    """The sentences of one firm's calls, schema ``schemas.SENTENCE``, in the order of the calls and their turns."""

    firm_id: str
    has_permno: bool  # in one of its calls
    rows: pa.RecordBatch
    n_calls: int
    skipped: Counter[str] = field(default_factory=Counter)


def firm_sentences(calls: list[Call], quarter: str) -> FirmSentences:
    """Split the calls of one firm; a call in which nothing is left is counted in ``skipped``."""
    rows: list[dict[str, object]] = []
    skipped: Counter[str] = Counter()
    n_calls = 0
    for call in calls:
        call_rows = [_row(call, quarter, *sentence) for sentence in enumerate(_sentences_of(call, skipped))]
        rows.extend(call_rows)
        if call_rows:
            n_calls += 1
        else:
            skipped["calls without content"] += 1
    has_permno = any(call.permno is not None for call in calls)
    batch = pa.RecordBatch.from_pylist(rows, schema=schemas.SENTENCE)
    return FirmSentences(calls[0].firm_id, has_permno, batch, n_calls, skipped)


RULES_FINGERPRINT = ""


def sentences_of_firms(firms: Iterator[list[Call]], quarter: str, n_firms: int) -> Iterator[FirmSentences]:
    for calls in firms:
        yield firm_sentences(calls, quarter)


def split_sentences(text: str) -> list[str]:
    """Split a turn at its line ends (paragraphs), and each paragraph into sentences. Blank ones are left out."""
    return [
        sentence.strip()
        for paragraph in text.splitlines()
        if paragraph.strip()
        for sentence in _splitter().tokenize(paragraph.strip())
        if sentence.strip()
    ]


@functools.cache
def _splitter() -> nupunkt.PunktSentenceTokenizer:
    splitter = nupunkt.load_default_model()
    for word in _NO_ABBREVIATIONS:
        splitter.remove_abbreviation(word)
    return splitter


def clean(text: str) -> str:
    """Remove stage directions, control and invisible characters; make any run of white space one blank."""
    text = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
    return " ".join(_STAGE_DIRECTION.sub("", text).split())


def _sentences_of(call: Call, skipped: Counter[str]) -> Iterator[tuple[Turn, str, str, str]]:
    """Yield (turn, speaker type, raw text, cleaned text) of each sentence that is content."""
    for turn in call.turns:
        kind = speakers.speaker_type(turn.speaker_type, turn.role, turn.speaker)
        if kind == "Operator":
            skipped["operator turns"] += 1
            continue
        for raw in split_sentences(turn.text):
            cleaned = clean(raw)
            if _LETTER_OR_DIGIT.search(cleaned):
                yield turn, kind, raw, cleaned


def _row(call: Call, quarter: str, position: int, sentence: tuple[Turn, str, str, str]) -> dict[str, object]:
    turn, kind, raw, cleaned = sentence
    return {
        "sentence_id": f"{call.firm_id}_{call.transcript_id}_{position:04d}",
        "firm_id": call.firm_id,
        "firm_name": call.firm_name,
        "ticker": call.ticker,
        "permno": call.permno,
        "gvkey": call.gvkey,
        "link_date": call.link_date,
        "transcript_id": call.transcript_id,
        "earnings_call_date": call.date,
        "section": speakers.section_name(turn.section),
        "speaker_name": turn.speaker,
        "speaker_type": kind,
        "position": position,
        "raw_text": raw,
        "cleaned_text": cleaned,
        "quarter": quarter,
    }
