"""What a source of transcripts yields, whatever it reads from; the rest of the prefetch is the same for all sources."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Turn:
    """What one speaker says at a stretch. Apart from the text everything is as the source has it, None when unknown."""

    text: str
    section: str | None = None
    speaker: str | None = None
    speaker_type: str | None = None
    role: str | None = None


@dataclass(frozen=True)
class Call:
    """One earnings call with its turns in the order in which they were spoken.

    ``date`` is New York's where ``time`` (in UTC) is known.
    """

    firm_id: str
    firm_name: str
    transcript_id: str
    date: datetime.date
    turns: tuple[Turn, ...]
    ticker: str | None = None
    permno: int | None = None
    gvkey: str | None = None
    link_date: datetime.date | None = None
    sector: str | None = None
    industry: str | None = None
    time: datetime.datetime | None = None
    fiscal_quarter: str | None = None

    @property
    def call_id(self) -> str:
        """Unique over all firms; sentence ids begin with it."""
        return f"{self.firm_id}_{self.transcript_id}"


class TranscriptSource(Protocol):
    """The calls of one quarter. Bad input is an InvalidInput before the first firm is yielded.

    Attributes:
        name: kind of source, for the manifest: ``files`` or ``wrds``.
        n_firms: number of firms that ``firms()`` yields.
        skipped: what the source itself left out: reason -> count. Complete as soon as the object is there, not only
            after ``firms`` has been read: an interrupted prefetch that is continued reads some firms only.
        fingerprint: identifies what is read: another one as soon as the input or the selection of firms changes. A
            prefetch that was interrupted is continued only from a source with the same fingerprint.
        selection: the options that choose some of the firms or calls, such as ``--limit 20``; empty: all are taken. A
            finished prefetch of another selection is not taken for this one.
        all_languages: whether calls that are not in English are taken, too; ``selection`` says so.
    """

    name: str
    n_firms: int
    skipped: Counter[str]
    fingerprint: str
    selection: str
    all_languages: bool

    def firms(self, after: str | None = None) -> Iterator[list[Call]]:
        """Yield the calls of one firm after the other.

        Firms come in ascending order of firm_id (plain string order, as Python compares ``str``), a firm's calls by
        date and transcript_id; each time in the same order with the same content.

        Args:
            after: only firms whose firm_id is greater than this one, to continue an interrupted prefetch.
        """
        ...
