"""The turns of the selected transcripts: who speaks, in which section, and what."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Integer,
    Select,
    any_,
    bindparam,
    case,
    cast,
    distinct,
    func,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on

from cloud.src.prefetch.calls import Turn
from cloud.src.prefetch.wrds.tables import COMPONENT, PERSON, PROFESSIONAL
from cloud.src.prefetch.wrds.text import readable, tidy

# transcriptcomponenttypeid: 1 and 7 are the operator's messages of the presentation and of the Q&A.
_OPERATOR = (1, 7)
_SECTIONS = {2: "prepared", 3: "qa", 4: "qa"}  # speech, question, answer
_ROWS_AT_A_TIME = 1_000

_CHIEFS = ("%chief executive%", "%chief financial%", "%ceo%", "%cfo%")  # speakers.py decides which one it is


@dataclass(frozen=True)
class Amount:
    """How much the selected transcripts hold. A copy is the same text again in the same place of a transcript."""

    n_turns: int
    n_operator_turns: int
    n_bytes: int  # of text, without the operator's
    n_copies: int


def measure(connection: Connection, transcript_ids: Sequence[int]) -> Amount:
    """Count what ``read_turns`` will read, without reading it."""
    is_operator = COMPONENT.c.transcriptcomponenttypeid.in_(_OPERATOR)
    count = select(
        func.count(),
        func.count().filter(is_operator),
        cast(func.coalesce(func.sum(func.octet_length(COMPONENT.c.componenttext)).filter(~is_operator), 0), BigInteger),
    ).where(_of(transcript_ids))
    place = (COMPONENT.c.transcriptid, COMPONENT.c.componentorder)
    double = select(*place).where(_of(transcript_ids), ~is_operator).group_by(*place).having(func.count() > 1)
    # Only this query looks at texts, and it runs on the server.
    texts = tuple_(*place, func.md5(COMPONENT.c.componenttext))
    copies = select(func.count() - func.count(distinct(texts))).where(
        _of(transcript_ids), ~is_operator, COMPONENT.c.componenttext.is_not(None), tuple_(*place).in_(double)
    )
    with connection.begin():
        n_turns, n_operator, n_bytes = connection.execute(count).one()
        return Amount(n_turns, n_operator, n_bytes, connection.execute(copies).scalar_one())


def read_titles(connection: Connection, company_ids: Sequence[int]) -> dict[int, str]:
    """Return titles that may be those of a CEO or CFO at these companies: proid -> title, the current one first."""
    wanted = PROFESSIONAL.c.title
    query = (
        select(cast(PROFESSIONAL.c.proid, BigInteger).label("id"), wanted)
        .where(
            PROFESSIONAL.c.companyid == any_(bindparam("companies", list(company_ids), ARRAY(BigInteger))),
            PROFESSIONAL.c.proid.is_not(None),
            or_(*(wanted.ilike(pattern) for pattern in _CHIEFS)),
        )
        .ext(distinct_on(PROFESSIONAL.c.proid))
        .order_by(PROFESSIONAL.c.proid, PROFESSIONAL.c.currentproflag.desc().nulls_last(), wanted)
    )
    with connection.begin():
        return {row.id: row.title for row in connection.execute(query)}


def read_turns(
    connection: Connection, transcript_ids: Sequence[int], titles: dict[int, str]
) -> dict[int, tuple[Turn, ...]]:
    """Return the turns of each transcript in order; a transcript without turns is left out.

    The operator's messages come without text: they are counted, and left out later like those of other sources.
    """
    streamed = {"stream_results": True, "yield_per": _ROWS_AT_A_TIME}
    with connection.begin():
        rows = connection.execute(_query(transcript_ids, bool(titles)), execution_options=streamed).mappings()
        return {
            transcript_id: tuple(_turn(row, titles) for row in _without_copies(list(of_transcript)))
            for transcript_id, of_transcript in itertools.groupby(rows, key=lambda row: row["transcript_id"])
        }


def _query(transcript_ids: Sequence[int], with_titles: bool) -> Select[*tuple[Any, ...]]:
    proid = cast(PERSON.c.proid, BigInteger) if with_titles else cast(null(), BigInteger)
    is_operator = COMPONENT.c.transcriptcomponenttypeid.in_(_OPERATOR)
    in_order = (COMPONENT.c.transcriptid, COMPONENT.c.componentorder.nulls_last(), COMPONENT.c.transcriptcomponentid)
    return (
        select(
            cast(COMPONENT.c.transcriptid, BigInteger).label("transcript_id"),
            COMPONENT.c.componentorder,
            cast(COMPONENT.c.transcriptcomponenttypeid, Integer).label("type_id"),
            case((is_operator, None), else_=COMPONENT.c.componenttext).label("text"),
            PERSON.c.transcriptpersonname.label("speaker"),
            PERSON.c.speakertypename.label("speaker_type"),
            proid.label("proid"),
        )
        .select_from(COMPONENT.outerjoin(PERSON, PERSON.c.transcriptcomponentid == COMPONENT.c.transcriptcomponentid))
        .where(_of(transcript_ids))
        # A component that appears twice in the table of persons is still one turn.
        .ext(distinct_on(COMPONENT.c.transcriptid, COMPONENT.c.componentorder, COMPONENT.c.transcriptcomponentid))
        .order_by(*in_order, PERSON.c.transcriptpersonname.nulls_last(), proid)
    )


def _of(transcript_ids: Sequence[int]) -> Any:
    return COMPONENT.c.transcriptid == any_(bindparam("transcripts", list(transcript_ids), ARRAY(BigInteger)))


def _without_copies(rows: list[Any]) -> list[Any]:
    """Keep one copy of each text per place in the transcript; different texts in a place stay, by component id."""
    kept = []
    seen: set[tuple[int | None, str | None]] = set()
    for row in rows:
        here = (row["componentorder"], row["text"])
        if None in here or here not in seen:  # the operator's turns have no text, and are counted
            kept.append(row)
        seen.add(here)
    return kept


def _turn(row: Any, titles: dict[int, str]) -> Turn:
    if row["type_id"] in _OPERATOR:
        return Turn("", None, tidy(row["speaker"]), "Operator")
    return Turn(
        text=readable(row["text"]),
        section=_SECTIONS.get(row["type_id"]),
        speaker=tidy(row["speaker"]),
        speaker_type=tidy(row["speaker_type"]),
        role=titles.get(row["proid"]),
    )
