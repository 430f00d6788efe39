"""Finds the columns that FTM knows under the names that people, databases and vendors give them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cloud.src.prefetch.files.columns import COLUMNS

# Written without case, blanks and underscores; of two in one file the earlier one counts.
_SYNONYMS = {
    "company": "companyname firm firmname corporation issuer issuername",
    "firm_id": "companyid ciqcompanyid factsetentityid",
    "ticker": "symbol tickersymbol stocksymbol stockticker localticker tic",
    "permno": "lpermno",
    "sector": "gicssector sectorname",
    "industry": "gicsindustry industryname",
    "sub_industry": "gicssubindustry",
    "date": "calldate callday transcriptdate earningsdate eventdate eventstartdate reportdate conferencedate "
    "mostimportantdateutc calldatetime eventdatetime eventdateutc calldateutc datetime dateutc "
    "timestamp startdatetime published publisheddate publishedat publishdate publicationdate",
    "time": "calltime starttime eventtime",
    "time_utc": "mostimportanttimeutc calltimeutc starttimeutc",
    "call_id": "transcriptid",
    "section": "sectionname transcriptcomponenttypename componenttypename componenttype sectiontype "
    "transcriptsection session",
    "position": "componentorder speakerorder paragraphnumber paragraphindex turnnumber turnindex turn sequence order",
    "speaker": "speakername transcriptpersonname personname participant participantname",
    "speaker_type": "speakertypename participanttype",
    "role": "speakerrole speakertitle participantrole jobtitle",
    "text": "transcripttext componenttext fulltext transcript transcripts content contents body speech speechtext "
    "utterance paragraphs paragraph turns",
    "fiscal_quarter": "fiscalperiod fiscalqtr fq q qtr",
    "fiscal_year": "year fy",
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9&]+", "", name.casefold())


_RANKED = {_plain(column): (0, column) for column in COLUMNS}
_RANKED |= {
    synonym: (rank, column)
    for column, synonyms in _SYNONYMS.items()
    for rank, synonym in enumerate(synonyms.split(), start=1)
}


def known_names(header: Iterable[str]) -> dict[str, str]:
    """Return the column for each name of the header that stands for one: ``{"Symbol": "ticker"}``.

    A name written as FTM writes it goes before one in other letters, and that before a synonym. Without a date, the
    time is taken for it: some vendors write both there.
    """
    best: dict[str, tuple[tuple[bool, int], str]] = {}
    for name in header:
        rank, column = _RANKED.get(_plain(name), (0, ""))
        if column and (column not in best or (name != column, rank) < best[column][0]):
            best[column] = (name != column, rank), name
    if "time" in best and "date" not in best:
        best["date"] = best.pop("time")
    return {name: column for column, (_, name) in best.items()}
