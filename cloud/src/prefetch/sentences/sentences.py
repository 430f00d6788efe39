"""From the turns of a firm's calls to sentences: split, cleaned and numbered."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import nupunkt
import pyarrow as pa

from cloud.src.contract import schemas
from cloud.src.prefetch.call_dates import call_dates
from cloud.src.prefetch.calls import Call, Turn
from cloud.src.prefetch.sentences import speakers
from cloud.src.prefetch.sentences.cleaning import clean
from cloud.src.prefetch.sentences.languages import ALL_LANGUAGES, ENGLISH, language_of
from cloud.src.prefetch.sentences.procedure import is_procedure

# nupunkt's model was trained on legal and financial filings. Of its 5,865 abbreviations these are plain words in spoken
# language, after which a full stop nearly always ends the sentence ("on today's call. Joining me are ...").
_NO_ABBREVIATIONS = (
    "add app at auto bank book call can car cfo comp hand hard low luck month offline so stock story tailwind talent "
    "thanks uptick walk will works york ben dan doug jeff john pat phil rob"
).split()

# Marks that end a sentence in Chinese, Japanese, Arabic and Hindi, with the quote that may close behind them.
_OTHER_MARKS = re.compile(
    "(?<=[\u3002\uff01\uff1f\uff61\u061f\u06d4\u0964])(?![\u3002\uff01\uff1f\u300d\u300f\u201d\uff09])"
)


@dataclass
class FirmSentences:
    """The sentences of one firm's calls, schema ``schemas.SENTENCE``, in the order of the calls and their turns."""

    firm_id: str
    has_permno: bool  # in one of its calls
    rows: pa.RecordBatch
    n_calls: int
    n_calls_without_time: int
    skipped: Counter[str] = field(default_factory=Counter)


def firm_sentences(calls: list[Call], quarter: str, all_languages: bool = False) -> FirmSentences:
    """Split the calls of one firm; what is left out is counted in ``skipped``, so is a call with nothing left."""
    skipped: Counter[str] = Counter()
    batches: list[pa.RecordBatch] = []
    n_without_time = 0
    for call in calls:
        if not all_languages and (language := language_of("\n".join(turn.text for turn in call.turns))) != ENGLISH:
            skipped[f"calls not in English ({language}), which {ALL_LANGUAGES} keeps"] += 1
            continue
        sentences = list(_sentences_of(call, skipped))
        if sentences:
            batches.append(_rows(call, quarter, sentences))
            n_without_time += call.time is None
        else:
            skipped["calls without content"] += 1
    rows: pa.RecordBatch = pa.RecordBatch.from_pylist([], schema=schemas.SENTENCE)
    if batches:
        (rows,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    has_permno = any(call.permno is not None for call in calls)
    return FirmSentences(calls[0].firm_id, has_permno, rows, len(batches), n_without_time, skipped)


def split_sentences(text: str) -> list[str]:
    """Split a turn at its line ends (paragraphs), and each paragraph into sentences. Blank ones are left out."""
    return [
        sentence.strip()
        for paragraph in text.splitlines()
        if paragraph.strip()
        for piece in _OTHER_MARKS.split(paragraph.strip())
        for sentence in _splitter().tokenize(piece)
        if sentence.strip()
    ]


@functools.cache
def _splitter() -> nupunkt.PunktSentenceTokenizer:
    splitter = nupunkt.load_default_model()
    for word in _NO_ABBREVIATIONS:
        splitter.remove_abbreviation(word)
    return splitter


class _Sentence(NamedTuple):
    turn: Turn
    speaker_type: str
    raw: str
    cleaned: str


def _sentences_of(call: Call, skipped: Counter[str]) -> Iterator[_Sentence]:
    """Yield the sentences that are content."""
    for turn in call.turns:
        kind = speakers.speaker_type(turn.speaker_type, turn.role, turn.speaker)
        if kind == "Operator":
            skipped["operator turns"] += 1
            continue
        for raw in split_sentences(turn.text):
            cleaned = clean(raw)
            if is_procedure(cleaned):
                skipped["sentences that run the call"] += 1
            elif cleaned:
                yield _Sentence(turn, kind, raw, cleaned)


def _rows(call: Call, quarter: str, sentences: list[_Sentence]) -> pa.RecordBatch:
    """Make columns at once: a row of a dictionary each would take as long as splitting the text."""
    n = len(sentences)
    dates = call_dates(call.date, call.time)
    turns, kinds, raws, cleaned = zip(*sentences, strict=True)
    columns: dict[str, Any] = {
        "sentence_id": [f"{call.call_id}_{position:04d}" for position in range(n)],
        "firm_id": [call.firm_id] * n,
        "firm_name": [call.firm_name] * n,
        "ticker": [call.ticker] * n,
        "permno": [call.permno] * n,
        "gvkey": [call.gvkey] * n,
        "link_date": [call.link_date] * n,
        "sector": [call.sector] * n,
        "industry": [call.industry] * n,
        "transcript_id": [call.transcript_id] * n,
        "call_id": [call.call_id] * n,
        **{name: [value] * n for name, value in dates._asdict().items()},
        "fiscal_quarter": [call.fiscal_quarter] * n,
        "section": [speakers.section_name(turn.section) for turn in turns],
        "speaker_name": [turn.speaker for turn in turns],
        "speaker_type": kinds,
        "position": range(n),
        "raw_text": raws,
        "cleaned_text": cleaned,
        "quarter": [quarter] * n,
    }
    arrays = [pa.array(columns[column.name], column.type) for column in schemas.SENTENCE]
    return pa.RecordBatch.from_arrays(arrays, schema=schemas.SENTENCE)
