"""Which calls of a quarter are taken, in which version, and of which PERMNO: decided before any text is read."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Interval,
    Select,
    and_,
    cast,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on

from cloud.src.prefetch.wrds.tables import DETAIL, GVKEY, LINK
from cloud.src.prefetch.wrds.text import tidy

EARNINGS_CALL = 48  # keydeveventtypeid
OLD_VERSION = "older versions of a transcript"
NO_LINK = "calls without a PERMNO"
MOVED = "calls that have moved elsewhere"


@dataclass(frozen=True)
class SelectedCall:
    """One earnings call by its latest transcript, with the link that was valid on its day; None if there was no link.

    ``has_moved``: older versions are earnings calls of the quarter, the latest is of another quarter or kind of
    event, or without a date.
    """

    firm_id: str
    firm_name: str
    transcript_id: int
    date: datetime.date  # New York's where the time of day is known
    gvkey: str | None
    permno: int | None
    link_date: datetime.date | None
    n_versions: int = 1  # of its transcript
    has_moved: bool = False
    time: datetime.datetime | None = None  # in UTC


@dataclass
class Selection:
    """The calls that are taken, by firm_id (as strings), date and transcript_id, and what was left out.

    Attributes:
        skipped: reason -> count. Calls without a PERMNO, and those that have moved, are those of all firms, also where
            only the first are taken: which firms these are is known only without them.
        unlinked: names of the firms that have a call without a PERMNO, sorted: of those taken where they are kept, of
            all firms where they are not.
    """

    calls: list[SelectedCall]
    skipped: Counter[str]
    unlinked: list[str]


def find_calls(connection: Connection, quarter: str) -> list[SelectedCall]:
    """Return all earnings calls of the quarter that WRDS has, and those that were of it (``has_moved``)."""
    with connection.begin():
        rows = connection.execute(_query(*quarter_days(quarter))).mappings()
        return [_call(row) for row in rows]


def choose(calls: list[SelectedCall], limit: int | None, keep_unlinked: bool) -> Selection:
    """Leave out calls that have moved, those without a PERMNO unless ``keep_unlinked``, and firms after ``limit``."""
    n_moved = sum(call.has_moved for call in calls)
    calls = [call for call in calls if not call.has_moved]
    without_permno = [call for call in calls if call.permno is None]
    taken = calls if keep_unlinked else [call for call in calls if call.permno is not None]
    taken = sorted(taken, key=lambda call: (call.firm_id, call.date, str(call.transcript_id)))
    if limit is not None:
        first = set(firm_ids(taken)[:limit])
        taken = [call for call in taken if call.firm_id in first]
    if keep_unlinked:
        without_permno = [call for call in taken if call.permno is None]
    unlinked = {call.firm_id: call.firm_name for call in without_permno}
    skipped = Counter({OLD_VERSION: sum(call.n_versions - 1 for call in taken), MOVED: n_moved})
    if not keep_unlinked:
        skipped[NO_LINK] = len(without_permno)
    return Selection(taken, +skipped, sorted(unlinked.values()))  # +: without the reasons that never came


def quarter_days(quarter: str) -> tuple[datetime.date, datetime.date]:
    """Return the first day of a quarter such as ``2023Q1``, and the first day after it."""
    year, number = int(quarter[:4]), int(quarter[5])
    first = datetime.date(year, 3 * number - 2, 1)
    return first, datetime.date(year + number // 4, 3 * number % 12 + 1, 1)


def firm_ids(calls: Iterable[SelectedCall]) -> list[str]:
    """The firms of the calls, each once, in their order."""
    return list(dict.fromkeys(call.firm_id for call in calls))


def _call(row: Any) -> SelectedCall:
    firm_id = str(row["companyid"])
    return SelectedCall(
        firm_id=firm_id,
        firm_name=tidy(row["companyname"]) or firm_id,
        transcript_id=row["transcriptid"],
        date=row["day"],
        gvkey=row["gvkey"],
        permno=row["permno"],
        link_date=row["linkdt"],
        n_versions=row["n_versions"],
        has_moved=not row["is_of_quarter"],
        time=row["begun"],
    )


def _query(first: datetime.date, after: datetime.date) -> Select[*tuple[Any, ...]]:
    """One row for each call that any version puts into the days from ``first`` to before ``after``, with its link."""
    call = _latest_versions(first, after).subquery("call")
    # The version may have moved to another quarter, or to another kind of event, since the older ones.
    still_there = and_(call.c.day >= first, call.c.day < after, call.c.keydeveventtypeid == EARNINGS_CALL)
    is_of_quarter = func.coalesce(still_there, false()).label("is_of_quarter")
    gvkey_is_valid = and_(
        GVKEY.c.companyid == call.c.companyid,
        or_(GVKEY.c.startdate.is_(None), GVKEY.c.startdate <= call.c.day),
        or_(GVKEY.c.enddate.is_(None), GVKEY.c.enddate >= call.c.day),
    )
    link_is_valid = and_(
        LINK.c.gvkey == GVKEY.c.gvkey,
        LINK.c.linktype.in_(["LU", "LC"]),
        LINK.c.linkprim.in_(["P", "C"]),
        LINK.c.lpermno.is_not(None),
        LINK.c.linkdt <= call.c.day,
        or_(LINK.c.linkenddt.is_(None), LINK.c.linkenddt >= call.c.day),
    )
    primary_first = [
        (LINK.c.linkprim == "P").desc().nulls_last(),
        LINK.c.linkdt.desc().nulls_last(),
        GVKEY.c.gvkey,
        LINK.c.lpermno,
    ]
    permno, linkdt = cast(LINK.c.lpermno, BigInteger).label("permno"), cast(LINK.c.linkdt, Date).label("linkdt")
    return (
        select(call, is_of_quarter, GVKEY.c.gvkey, permno, linkdt)
        .select_from(call.outerjoin(GVKEY, gvkey_is_valid).outerjoin(LINK, link_is_valid))
        .ext(distinct_on(call.c.companyid, call.c.keydevid))
        .order_by(call.c.companyid, call.c.keydevid, *primary_first)
    )


def _latest_versions(first: datetime.date, after: datetime.date) -> Select[*tuple[Any, ...]]:
    """The latest version of each call that any of its versions puts into these days."""
    detail = DETAIL.c
    begun = _begun()
    day = func.coalesce(cast(func.timezone("America/New_York", begun), Date), cast(detail.mostimportantdateutc, Date))
    these = select(detail.keydevid).where(
        # So that an index on the date is of use: New York's evening is the next day in UTC.
        detail.mostimportantdateutc >= first,
        detail.mostimportantdateutc < after + datetime.timedelta(days=1),
        day >= first,
        day < after,
        detail.keydeveventtypeid == EARNINGS_CALL,
        detail.companyid.is_not(None),  # some events belong to no company
    )
    latest_first = [
        detail.transcriptcreationdate_utc.desc().nulls_last(),
        detail.transcriptcreationtime_utc.desc().nulls_last(),
        detail.transcriptid.desc(),
    ]
    return (
        select(
            cast(detail.companyid, BigInteger).label("companyid"),
            detail.companyname,
            cast(detail.keydevid, BigInteger).label("keydevid"),
            cast(detail.transcriptid, BigInteger).label("transcriptid"),
            day.label("day"),
            begun.label("begun"),
            detail.keydeveventtypeid,
            func.count().over(partition_by=[detail.companyid, detail.keydevid]).label("n_versions"),
        )
        .where(detail.keydevid.in_(these), detail.companyid.is_not(None))
        .ext(distinct_on(detail.companyid, detail.keydevid))
        .order_by(detail.companyid, detail.keydevid, *latest_first)
    )


def _begun() -> ColumnElement[datetime.datetime]:
    """When a call began. Midnight is how Capital IQ writes a call whose time of day it does not know: null."""
    time_of_day = func.nullif(cast(DETAIL.c.mostimportanttimeutc, Interval), datetime.timedelta(0))
    day = cast(cast(DETAIL.c.mostimportantdateutc, Date), DateTime)
    return cast(func.timezone("UTC", day + time_of_day), DateTime(timezone=True))
