"""Sector and industry of a firm on the day of its call: GICS, as Compustat has it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ARRAY, Connection, Date, String, any_, bindparam, cast, select

from cloud.src.prefetch.wrds.selection import SelectedCall
from cloud.src.prefetch.wrds.tables import COMPANY, SECTOR, SECTOR_NAME


class Sector(NamedTuple):
    """GICS by name. ``is_of_today``: Compustat has none for the day of the call."""

    sector: str | None
    industry: str | None
    is_of_today: bool = False


class _Spell(NamedTuple):
    """Days on which a firm's codes were the same; until None: until now."""

    since: datetime.date
    until: datetime.date | None
    codes: tuple[str | None, str | None]


UNKNOWN_SECTOR = Sector(None, None)


def read_sectors(
    connection: Connection, calls: Iterable[SelectedCall]
) -> dict[tuple[str | None, datetime.date], Sector]:
    """Return the sector by GVKEY and day of the call: of that day, else today's; a firm without one is missing."""
    days = {(call.gvkey, call.date) for call in calls if call.gvkey}
    gvkeys = sorted({gvkey for gvkey, _ in days if gvkey})
    spells, today, names = _read(connection, gvkeys)
    sectors: dict[tuple[str | None, datetime.date], Sector] = {}
    for gvkey, day in days:
        of_day = next((spell.codes for spell in spells.get(gvkey, []) if _is_in(spell, day)), None)
        codes = of_day or today.get(gvkey)
        if codes:
            sector, industry = (names.get(code) if code else None for code in codes)
            sectors[gvkey, day] = Sector(sector, industry, is_of_today=of_day is None)
    return sectors


def _read(
    connection: Connection, gvkeys: list[str]
) -> tuple[dict[str | None, list[_Spell]], dict[str | None, tuple[str | None, str | None]], dict[str, str]]:
    """The spells of each firm, the latest first; its codes of today; the name of each code."""
    these = any_(bindparam("gvkeys", gvkeys, ARRAY(String)))
    since, until = (cast(day, Date) for day in (SECTOR.c.indfrom, SECTOR.c.indthru))
    of_spells = select(SECTOR.c.gvkey, since, until, SECTOR.c.gsector, SECTOR.c.gind).where(SECTOR.c.gvkey == these)
    of_today = select(COMPANY.c.gvkey, COMPANY.c.gsector, COMPANY.c.gind).where(
        COMPANY.c.gvkey == these, COMPANY.c.gsector.is_not(None)
    )
    spells: dict[str | None, list[_Spell]] = {}
    with connection.begin():
        for gvkey, first, last, sector, industry in connection.execute(of_spells.order_by(since.desc())):
            spells.setdefault(gvkey, []).append(_Spell(first, last, (sector, industry)))
        today = {gvkey: (sector, industry) for gvkey, sector, industry in connection.execute(of_today)}
        names = {row.giccd: row.gicdesc for row in connection.execute(select(SECTOR_NAME))}
    return spells, today, names


def _is_in(spell: _Spell, day: datetime.date) -> bool:
    return spell.since <= day and (spell.until is None or day <= spell.until)
