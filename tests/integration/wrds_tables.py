"""The tables of WRDS that the prefetch reads, with their real columns, to be filled with fictional firms."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

# Column -> type, as WRDS has them: ids are decimals, dates and times are apart.
TABLES = {
    "wrds_transcript_detail": {
        "companyid": "numeric(11)",
        "keydevid": "numeric(11)",
        "transcriptid": "numeric(11)",
        "headline": "varchar(400)",
        "mostimportantdateutc": "date",
        "mostimportanttimeutc": "time",
        "keydeveventtypeid": "numeric(11)",
        "keydeveventtypename": "varchar(400)",
        "companyname": "varchar(400)",
        "transcriptcollectiontypeid": "integer",
        "transcriptcollectiontypename": "varchar(200)",
        "transcriptpresentationtypeid": "integer",
        "transcriptpresentationtypename": "varchar(200)",
        "transcriptcreationdate_utc": "date",
        "transcriptcreationtime_utc": "time",
        "audiolengthsec": "numeric(11)",
    },
    "ciqtranscriptcomponent": {
        "transcriptcomponentid": "numeric(11)",
        "transcriptid": "numeric(11)",
        "componentorder": "smallint",
        "transcriptcomponenttypeid": "smallint",
        "transcriptpersonid": "numeric(11)",
        "componenttext": "text",
    },
    "wrds_transcript_person": {
        "transcriptcomponentid": "numeric(11)",
        "transcriptid": "numeric(11)",
        "componentorder": "smallint",
        "transcriptcomponenttypeid": "smallint",
        "transcriptcomponenttypename": "varchar(200)",
        "transcriptpersonid": "numeric(11)",
        "transcriptpersonname": "varchar(400)",
        "proid": "numeric(11)",
        "companyofperson": "varchar(400)",
        "speakertypeid": "smallint",
        "speakertypename": "varchar(200)",
        "componenttextpreview": "varchar(200)",
        "word_count": "integer",
    },
    "wrds_gvkey": {
        "companyid": "numeric(11)",
        "gvkey": "varchar(6)",
        "startdate": "date",
        "enddate": "date",
        "companyname": "varchar(400)",
    },
    "ccmxpf_lnkhist": {
        "gvkey": "varchar(6)",
        "linkprim": "varchar(1)",
        "liid": "varchar(3)",
        "linktype": "varchar(2)",
        "lpermno": "numeric(7)",
        "lpermco": "numeric(7)",
        "linkdt": "date",
        "linkenddt": "date",
    },
    "co_hgic": {
        "gvkey": "varchar(6)",
        "indtype": "varchar(5)",
        "indfrom": "date",
        "indthru": "date",
        "gsector": "varchar(2)",
        "ggroup": "varchar(4)",
        "gind": "varchar(6)",
        "gsubind": "varchar(8)",
    },
    "company": {
        "gvkey": "varchar(6)",
        "conm": "varchar(58)",
        "gsector": "varchar(2)",
        "ggroup": "varchar(4)",
        "gind": "varchar(6)",
        "gsubind": "varchar(8)",
    },
    "r_giccd": {"giccd": "varchar(8)", "gicdesc": "varchar(200)", "gictype": "varchar(10)"},
    "wrds_professional": {
        "companyid": "numeric(11)",
        "personid": "numeric(11)",
        "proid": "numeric(11)",
        "profunctionid": "integer",
        "profunctionname": "varchar(200)",
        "companyname": "varchar(400)",
        "personname": "varchar(400)",
        "title": "varchar(400)",
        "startyear": "integer",
        "endyear": "integer",
        "prorank": "integer",
        "proflag": "smallint",
        "currentproflag": "smallint",
        "boardflag": "smallint",
        "currentboardflag": "smallint",
        "keyexecflag": "smallint",
    },
}
SCHEMAS = {
    "wrds_transcript_detail": "ciq_transcripts",
    "ciqtranscriptcomponent": "ciq_transcripts",
    "wrds_transcript_person": "ciq_transcripts",
    "wrds_gvkey": "ciq_common",
    "ccmxpf_lnkhist": "crsp",
    "co_hgic": "comp",
    "company": "comp",
    "r_giccd": "comp",
    "wrds_professional": "ciq_pplintel",
}

OPERATOR_IN_PRESENTATION, SPEECH, QUESTION, ANSWER, OPERATOR_IN_QA = 1, 2, 3, 4, 7
EARNINGS_CALL, CONFERENCE = 48, 51

Row = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """One component of a transcript."""

    kind: int
    text: str | None
    speaker: str | None = None
    speaker_type: str | None = None
    proid: int | None = None
    employer: str | None = None
    order: int | None = None  # None: after the one before


@dataclass
class Wrds:
    """Rows of the tables, table -> rows."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    _ids: Any = field(default_factory=lambda: itertools.count(900_001))

    def version(
        self,
        company: tuple[int | None, str],
        keydevid: int,
        transcriptid: int,
        call: str,
        created: str,
        said: list[Said],
        event: int = EARNINGS_CALL,
    ) -> None:
        """One version of the transcript of one call; both times like ``2023-02-01 21:30``."""
        day, time = call.split()
        created_day, created_time = created.split()
        self.rows["wrds_transcript_detail"].append(
            {
                "companyid": company[0],
                "companyname": company[1],
                "keydevid": keydevid,
                "transcriptid": transcriptid,
                "headline": f"{company[1]}, Earnings Call, {day}",
                "mostimportantdateutc": day,
                "mostimportanttimeutc": time,
                "keydeveventtypeid": event,
                "keydeveventtypename": "Earnings Calls" if event == EARNINGS_CALL else "Company Conference",
                "transcriptcreationdate_utc": created_day,
                "transcriptcreationtime_utc": created_time,
            }
        )
        for place, component in enumerate(said):
            self._component(transcriptid, place if component.order is None else component.order, component)

    def link(self, companyid: int, gvkey: str, since: str | None = None, until: str | None = None) -> None:
        """A gvkey of a company, with the days between which it is valid."""
        self.rows["wrds_gvkey"].append({"companyid": companyid, "gvkey": gvkey, "startdate": since, "enddate": until})

    def permno(
        self, gvkey: str, permno: int | None, prim: str, since: str, until: str | None = None, kind: str = "LU"
    ) -> None:
        """A link of Compustat to CRSP."""
        self.rows["ccmxpf_lnkhist"].append(
            {"gvkey": gvkey, "lpermno": permno, "linkprim": prim, "linktype": kind, "linkdt": since, "linkenddt": until}
        )

    def title(self, companyid: int, proid: int, title: str, current: int = 1) -> None:
        """A title of a person at a company."""
        self.rows["wrds_professional"].append(
            {"companyid": companyid, "proid": proid, "title": title, "currentproflag": current}
        )

    def sector(self, gvkey: str, code: str, since: str | None = None, until: str | None = None) -> None:
        """A firm's GICS industry, six digits, between two days; without days the one of today."""
        codes = {"gvkey": gvkey, "gsector": code[:2], "gind": code}
        if since is None:
            self.rows["company"].append(codes)
        else:
            self.rows["co_hgic"].append({**codes, "indfrom": since, "indthru": until})

    def create(self, connection: psycopg.Connection[Any], views: bool = False) -> None:
        """Create schemas and tables and load them; with ``views`` all of Capital IQ is reached as ``ciq.*`` only."""
        for name, columns in TABLES.items():
            schema = "vault" if views and SCHEMAS[name] not in ("crsp", "comp") else SCHEMAS[name]
            where = sql.Identifier(schema, name)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            typed = sql.SQL(", ").join(sql.SQL(f"{column} {kind}") for column, kind in columns.items())
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(where, typed))
            if schema == "vault":
                view = sql.Identifier("ciq", name)
                connection.execute("CREATE SCHEMA IF NOT EXISTS ciq")
                connection.execute(sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(view, where))
            self._copy(connection, where, name)

    def _copy(self, connection: psycopg.Connection[Any], where: sql.Identifier, name: str) -> None:
        columns = list(TABLES[name])
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(where, sql.SQL(", ").join(map(sql.Identifier, columns)))
        with connection.cursor() as cursor, cursor.copy(copy) as target:
            for row in self.rows[name]:
                target.write_row([row.get(column) for column in columns])

    def _component(self, transcriptid: int, order: int, said: Said) -> None:
        component = {
            "transcriptcomponentid": next(self._ids),
            "transcriptid": transcriptid,
            "componentorder": order,
            "transcriptcomponenttypeid": said.kind,
        }
        self.rows["ciqtranscriptcomponent"].append({**component, "componenttext": said.text})
        if said.speaker is not None:
            person = {
                "transcriptpersonname": said.speaker,
                "speakertypename": said.speaker_type,
                "proid": said.proid,
                "companyofperson": said.employer,
            }
            self.rows["wrds_transcript_person"].append({**component, **person})


def grant(connection: psycopg.Connection[Any], user: str, password: str) -> None:
    """Make a user who may read everything in the database."""
    is_there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone()
    if not is_there:
        create = sql.SQL("CREATE USER {} PASSWORD {}")
        connection.execute(create.format(sql.Identifier(user), sql.Literal(password)))
    schemas = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg%' AND nspname <> 'information_schema'"
    )
    for (schema,) in schemas.fetchall():
        for statement in ("GRANT USAGE ON SCHEMA {} TO {}", "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(schema), sql.Identifier(user)))
