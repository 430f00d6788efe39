"""The tables of WRDS that FTM reads, with the columns it uses, and the schemas in which an account finds them."""

from __future__ import annotations

from psycopg import errors
from sqlalchemy import BigInteger, Column, Connection, Date, Integer, MetaData, String, Table, Time, literal, select
from sqlalchemy.exc import DBAPIError

from cloud.src.prefetch.wrds.errors import WrdsError

# Ids are decimals or floating-point numbers in some tables: a query casts what it returns (selection.py, turns.py).
_METADATA = MetaData()

DETAIL = Table(
    "wrds_transcript_detail",  # a row a version of a call's transcript
    _METADATA,
    Column("companyid", BigInteger),
    Column("companyname", String),
    Column("keydevid", BigInteger),
    Column("transcriptid", BigInteger),
    Column("keydeveventtypeid", BigInteger),
    Column("mostimportantdateutc", Date),
    Column("mostimportanttimeutc", Time),
    Column("transcriptcreationdate_utc", Date),
    Column("transcriptcreationtime_utc", Time),
    schema="transcripts",
)
COMPONENT = Table(
    "ciqtranscriptcomponent",  # a row a turn
    _METADATA,
    Column("transcriptcomponentid", BigInteger),
    Column("transcriptid", BigInteger),
    Column("componentorder", Integer),
    Column("transcriptcomponenttypeid", Integer),
    Column("componenttext", String),
    schema="transcripts",
)
PERSON = Table(
    "wrds_transcript_person",  # who speaks a turn
    _METADATA,
    Column("transcriptcomponentid", BigInteger),
    Column("transcriptpersonname", String),
    Column("speakertypename", String),
    Column("proid", BigInteger),
    schema="transcripts",
)
GVKEY = Table(
    "wrds_gvkey",
    _METADATA,
    Column("companyid", BigInteger),
    Column("gvkey", String),
    Column("startdate", Date),  # null: from ever
    Column("enddate", Date),  # null: until now
    schema="common",
)
LINK = Table(
    "ccmxpf_lnkhist",  # Compustat's gvkey to CRSP's PERMNO
    _METADATA,
    Column("gvkey", String),
    Column("lpermno", BigInteger),
    Column("linktype", String),
    Column("linkprim", String),
    Column("linkdt", Date),
    Column("linkenddt", Date),  # null: until now
    schema="crsp",
)
PROFESSIONAL = Table(
    "wrds_professional",  # titles; of a product of its own (People Intelligence), which not every account has
    _METADATA,
    Column("companyid", BigInteger),
    Column("proid", BigInteger),
    Column("title", String),
    Column("currentproflag", Integer),
    schema="people",
)
SECTOR = Table(
    "co_hgic",  # a row a spell in which a firm had the same GICS codes
    _METADATA,
    Column("gvkey", String),
    Column("indfrom", Date),
    Column("indthru", Date),  # null: until now
    Column("gsector", String),
    Column("gind", String),
    schema="compustat",
)
COMPANY = Table(
    "company",  # the same codes as they are today
    _METADATA,
    Column("gvkey", String),
    Column("gsector", String),
    Column("gind", String),
    schema="compustat",
)
SECTOR_NAME = Table(
    "r_giccd",  # what the codes mean
    _METADATA,
    Column("giccd", String),
    Column("gicdesc", String),
    schema="compustat",
)

# Where each schema's tables are, the first that can be read. On some accounts `ciq` has them all as views.
_SCHEMAS = {
    "transcripts": ("ciq_transcripts", "ciq"),
    "common": ("ciq_common", "ciq"),
    "crsp": ("crsp",),
    "people": ("ciq_pplintel", "ciq"),
    "compustat": ("comp",),
}
TITLES, SECTORS = "people", "compustat"


def use_schemas(connection: Connection) -> set[str]:
    """Let the tables above mean the schemas that this account can read; return which of TITLES and SECTORS it can.

    Raises:
        WrdsError: a table is not there or may not be read; names it and the subscription it belongs to.
    """
    found: dict[str, str | None] = {}
    for name, schemas in _SCHEMAS.items():
        tables = [table.name for table in _METADATA.sorted_tables if table.schema == name]
        problems = {schema: _problem(connection, schema, tables) for schema in schemas}
        found[name] = next((schema for schema, problem in problems.items() if problem is None), None)
        if found[name] is None and name not in (TITLES, SECTORS):
            raise WrdsError(
                f"this WRDS account lacks what the prefetch reads: {'; '.join(filter(None, problems.values()))}. "
                "It takes Capital IQ Transcripts and the CRSP/Compustat Merged database: ask your WRDS representative"
            )
    connection.execution_options(schema_translate_map=found)
    return {name for name in (TITLES, SECTORS) if found[name] is not None}


def _problem(connection: Connection, schema: str, tables: list[str]) -> str | None:
    """Return why a table cannot be read, None when all can; an account also sees tables that it may not read."""
    for name in tables:
        table = Table(name, MetaData(), schema=schema)
        try:
            with connection.begin():
                connection.execute(select(literal(1)).select_from(table).limit(0))
        except DBAPIError as error:
            if isinstance(error.orig, errors.InsufficientPrivilege):
                return f"{schema}.{name} may not be read"
            if isinstance(error.orig, errors.UndefinedTable | errors.InvalidSchemaName):
                return f"{schema}.{name} is not there"
            raise
    return None
