"""Fictional firms of 2023Q1 with everything in them that goes wrong with the tables of WRDS."""

from __future__ import annotations

from tests.integration.wrds_tables import (
    ANSWER,
    CONFERENCE,
    OPERATOR_IN_PRESENTATION,
    OPERATOR_IN_QA,
    QUESTION,
    SPEECH,
    Said,
    Wrds,
)

ALDER, BIRCH, CEDAR, DOGWOOD = (
    (100, "Alder Robotics"),
    (200, "Birch Freight"),
    (300, "Cedar Foods"),
    (400, "Dogwood Oil"),
)
ELM, FIR, GINGKO, HAZEL = (
    (500, "Elm Bancorp"),
    (600, "Fir\u200b Labs\x07 AG"),
    (700, "Gingko Media"),
    (800, "Hazel Retail"),
)
GICS = {
    "15": "Materials",
    "20": "Industrials",
    "45": "Information Technology",
    "151040": "Metals & Mining",
    "201060": "Machinery",
    "203010": "Air Freight & Logistics",
    "203040": "Road & Rail",
    "452030": "Electronic Equipment",
}
IVY, JUNIPER, KAPOK = (900, "Ivy Power"), (1000, "Juniper Air"), (1100, "Kapok Mills")


def wrds() -> Wrds:
    """All of them."""
    tables = Wrds()
    for code, name in GICS.items():
        tables.rows["r_giccd"].append({"giccd": code, "gicdesc": name})
    for fill in (_plain, _versions, _links, _days, _texts, _two_calls, _no_earnings_calls):
        fill(tables)
    return tables


def speech(text: str | None) -> list[Said]:
    return [Said(SPEECH, text, "Ana Reyes", "Executives")]


def _plain(tables: Wrds) -> None:
    """Alder: all kinds of turns and speakers."""
    said = [
        Said(OPERATOR_IN_PRESENTATION, "Good day, and welcome to the Alder call.", "Operator", "Operator"),
        Said(SPEECH, "Orders for welding robots doubled. We hired in Turin.", "Ana Reyes", "Executives", 11, ALDER[1]),
        Said(SPEECH, "Gross margin was 41%, not 38% as a year ago.", "Bo Lind", "Executives", 12, ALDER[1]),
        Said(OPERATOR_IN_QA, "The first question is from Cass Ono.", "Operator", "Operator"),
        Said(QUESTION, "How long are lead times now?", "Cass Ono", "Analysts", 13, "CEO Partners"),
        Said(ANSWER, "Nine weeks for arms.", "Dee Park", "Executives", 14, ALDER[1]),
        Said(ANSWER, "And less for grippers.", "Unknown Speaker", "Attendees"),
        Said(8, "Somebody says something.", None),
    ]
    tables.version(ALDER, 1, 10, "2023-02-01 21:30", "2023-02-02 08:00:00", said)
    tables.link(100, "000100")
    tables.permno("000100", 10100, "P", "2001-05-07")
    tables.sector("000100", "151040", "1999-06-30", "2018-09-28")
    tables.sector("000100", "201060", "2018-09-29")
    tables.sector("000100", "452030")  # today's
    tables.title(100, 11, "Former CFO", current=0)
    tables.title(100, 11, "President & Chief Executive Officer")
    tables.title(100, 12, "Executive VP & CFO")
    tables.title(100, 13, "CEO")  # an analyst is an analyst
    tables.title(100, 14, "Deputy CFO")
    person = tables.rows["wrds_transcript_person"]
    person.append({**person[1], "transcriptpersonname": "Reyes, Ana"})  # twice in the table, still one turn


def _versions(tables: Wrds) -> None:
    """Birch: the latest of four versions is neither the last row nor the one with the highest id. Juniper moved."""
    for transcriptid, created in (
        (23, "2023-02-10 09:30:00"),
        (24, "2023-02-11 16:00:01"),
        (29, "2023-02-11 16:00:00"),
        (22, "2023-02-09 23:00:00"),
    ):
        text = f"This is version {transcriptid} of what we said about pallets."
        tables.version(BIRCH, 2, transcriptid, "2023-02-09 14:00", created, speech(text))
    tables.link(200, "000200")
    tables.permno("000200", 10202, "C", "2010-01-04")  # class B
    tables.permno("000200", 10201, "P", "2010-01-04")  # class A
    tables.permno("000200", 10203, "J", "2015-01-02")
    tables.sector("000200", "203010", "2010-01-04", "2022-12-31")
    tables.sector("000200", "203040")
    # First dated into the first quarter, then put right: it belongs to the second.
    tables.version(
        JUNIPER, 10, 100, "2023-03-31 12:00", "2023-03-31 18:00:00", speech("Fares are up in the old version.")
    )
    tables.version(JUNIPER, 10, 101, "2023-04-03 12:00", "2023-04-04 18:00:00", speech("Fares are up."))
    tables.link(1000, "001000")
    tables.permno("001000", 11000, "P", "2005-01-03")


def _links(tables: Wrds) -> None:
    """Cedar has no gvkey, Dogwood's link has expired, Kapok's are of the wrong kinds, Ivy's have changed."""
    tables.version(CEDAR, 3, 30, "2023-02-14 15:00", "2023-02-15 08:00:00", speech("Oats were cheaper."))
    tables.version(DOGWOOD, 4, 40, "2023-03-01 15:00", "2023-03-02 08:00:00", speech("We shut two wells."))
    tables.link(400, "000400")
    tables.permno("000400", 10400, "P", "1999-03-01", "2023-02-28")
    tables.version(KAPOK, 11, 110, "2023-03-02 15:00", "2023-03-03 08:00:00", speech("Looms ran day and night."))
    tables.link(1100, "001100")
    tables.permno("001100", 11100, "P", "2001-01-02", kind="LD")
    tables.permno("001100", 11101, "N", "2001-01-02")
    tables.permno("001100", None, "P", "2001-01-02", kind="NR")
    tables.version(IVY, 9, 90, "2023-03-15 15:00", "2023-03-16 08:00:00", speech("Wind was weak in January."))
    tables.link(900, "000901", until="2023-03-14")
    tables.link(900, "000902", since="2023-03-15")
    tables.permno("000901", 10901, "P", "2000-01-03")
    tables.permno("000902", 10902, "P", "2000-01-03", "2023-03-14")
    tables.permno("000902", 10903, "P", "2023-03-15", "2023-03-15")


def _days(tables: Wrds) -> None:
    """Elm calls in New York's last minute of the quarter, in the first of the next, and on a day without a time."""
    tables.version(ELM, 5, 50, "2023-04-01 03:59", "2023-04-01 08:00:00", speech("Deposits held up in March."))
    tables.version(ELM, 6, 51, "2023-04-01 04:00", "2023-04-01 09:00:00", speech("Deposits fell in April."))
    tables.version(ELM, 14, 53, "2023-07-01 00:00", "2023-07-01 09:00:00", speech("Deposits fell in July."))
    tables.version(ELM, 7, 52, "2023-01-01 04:59", "2023-01-01 09:00:00", speech("Deposits rose in December."))
    tables.link(500, "000500")
    tables.permno("000500", 10500, "P", "1990-01-02")


def _texts(tables: Wrds) -> None:
    """Fir: nothing said, the same order twice, and characters that have been through other encodings."""
    said = [
        Said(SPEECH, "", "Ana Reyes", "Executives", order=0),
        Said(SPEECH, None, "Ana Reyes", "Executives", order=1),
        Said(SPEECH, "   \n ", "Ana Reyes", "Executives", order=2),
        Said(SPEECH, "The trial was stopped.", "Ana Reyes", "Executives", order=3),
        Said(SPEECH, "The trial was stopped.", "Ana Reyes", "Executives", order=3),
        Said(SPEECH, "A second one goes on.", "Bo\x01 Lind", "Executives", order=3),
        Said(SPEECH, "The trial was stopped.", "Ana Reyes", "Executives", order=4),
        Said(SPEECH, "We don\x92t expect \x93delays\x94 \x96 costs are \x8080m.", "Zo\u00eb M\u00fcller", "Executives"),
        Said(SPEECH, "Caf\u00e9 \u2603 \U0001f680\ufeff done.", "Ana Reyes", "Executives", order=9),
    ]
    tables.version(FIR, 8, 60, "2023-01-01 00:00", "2023-01-02 08:00:00", said)
    tables.link(600, "000600")
    tables.permno("000600", 10600, "P", "2018-01-02")


def _two_calls(tables: Wrds) -> None:
    """Hazel has two calls in the quarter, and a third of which there is no text."""
    tables.version(HAZEL, 81, 82, "2023-01-12 15:00", "2023-01-13 08:00:00", speech("Christmas was good."))
    tables.version(HAZEL, 80, 81, "2023-03-20 15:00", "2023-03-21 08:00:00", speech("Easter will be better."))
    tables.version(HAZEL, 83, 84, "2023-03-21 15:00", "2023-03-21 08:00:00", [])
    tables.link(800, "000800")
    tables.permno("000800", 10800, "P", "2011-01-03")


def _no_earnings_calls(tables: Wrds) -> None:
    """Gingko spoke at a conference; an earnings call of nobody."""
    tables.version(
        GINGKO, 12, 70, "2023-02-20 15:00", "2023-02-21 08:00:00", speech("Ads were slow."), event=CONFERENCE
    )
    tables.link(700, "000700")
    tables.permno("000700", 10700, "P", "2011-01-03")
    tables.version((None, "Nobody"), 13, 71, "2023-02-20 15:00", "2023-02-21 08:00:00", speech("Nobody speaks."))
