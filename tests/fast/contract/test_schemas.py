"""The columns of every table of the contract, written down: `?` marks a column that may be empty."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import describe_tables, schemas
from cloud.src.contract.columns import DESCRIPTION
from cloud.src.contract.record import with_record

SENTENCE = """
    sentence_id string, firm_id string, firm_name string, ticker string?, permno int64?, gvkey string?,
    link_date date32[day]?, sector string?, industry string?, transcript_id string, call_id string,
    earnings_call_date date32[day], call_time_utc timestamp[us@UTC]?, first_trading_day date32[day]?, time_known bool,
    event_date date32[day]?, fiscal_quarter string?, section string?, speaker_name string?, speaker_type string,
    position int32, raw_text string, cleaned_text string
"""
COUNTS = ", ".join(
    f"n_sentences{said}{part} int32"
    for said in ("", "_said")
    for part in ("", "_prepared", "_qa", "_management", "_analysts")
)
OF_CALL_AND_THEME = """
    call_id string, firm_id string, firm_name string, ticker string?, permno int64?, gvkey string?, sector string?,
    industry string?, earnings_call_date date32[day], call_time_utc timestamp[us@UTC]?,
    first_trading_day date32[day]?, time_known bool, event_date date32[day]?, theme_id string, theme_name string,
    level string, n_sentences int32
"""
TABLES = {
    "SENTENCE": SENTENCE + ", quarter string",
    "SENTENCE_TOPIC": SENTENCE + ", says bool, local_topic_id int32, quarter string",
    "SENTENCE_VECTOR": SENTENCE + ", says bool, local_topic_id int32, vector binary?, quarter string",
    "FIRM": """
        firm_id string, firm_name string, ticker string?, gvkey string?, permno int64?, link_date date32[day]?,
        sector string?, industry string?, earnings_call_date date32[day], n_sentences int32, n_topics int32,
        quarter string
    """,
    "CALL": f"""
        call_id string, transcript_id string, firm_id string, firm_name string, ticker string?, permno int64?,
        gvkey string?, link_date date32[day]?, sector string?, industry string?, earnings_call_date date32[day],
        call_time_utc timestamp[us@UTC]?, first_trading_day date32[day]?, time_known bool, event_date date32[day]?,
        fiscal_quarter string?,
        {COUNTS}, quarter string
    """,
    "EXPOSURE": OF_CALL_AND_THEME
    + """,
        exposure double, exposure_prepared double?, exposure_qa double?,
        exposure_management double?, exposure_analysts double?, mean_similarity double, quarter string
    """,
    "PANEL_EXPOSURE": OF_CALL_AND_THEME
    + """,
        exposure double, exposure_prepared double?, exposure_qa double?, exposure_management double?,
        exposure_analysts double?, mean_similarity double, quarter string, in_sample bool
    """,
    "GRID": OF_CALL_AND_THEME
    + """,
        n_sentences_said int32, exposure double, exposure_prepared double?, exposure_qa double?,
        exposure_management double?, exposure_analysts double?, mean_similarity double?, momentum double?,
        affinity double?, in_sample bool, quarter string
    """,
    "PANEL_THEME": """
        theme_id string, name string, description string, naming_method string, keywords list<string>,
        n_topics int32, n_firms int32, n_sentences int32, level string, family_id string?, share_of_firms double,
        distinctiveness double, general bool, stability double?, dictionary list<struct>, centroid list<float>,
        evidence_sentence_ids list<string>, named_by string, panel string
    """,
    "PANEL_QUARTER": """
        theme_id string, theme_name string, level string, quarter string, n_firms int32, n_firms_near int32,
        n_sentences int32, share_of_firms double, novelty double?, in_sample bool
    """,
    "PANEL_WORDS": """
        call_id string, firm_id string, theme_id string, theme_name string, level string, category string,
        n_sentences int32, n_sentences_of_category int32, share_of_category double, in_sample bool, quarter string
    """,
    "EVIDENCE": "sentence_id string, theme_id string, similarity double, phrase string?, quarter string",
    "TOPIC": """
        topic_id string, firm_id string, firm_name string, local_topic_id int32, permno int64?, gvkey string?,
        earnings_call_date date32[day], representation string, keywords list<string>, summary string,
        naming_method string, n_sentences int32, representative_sentence_ids list<string>, embedding list<float>,
        theme_id string?, quarter string
    """,
    "THEME": """
        theme_id string, name string, description string, naming_method string, keywords list<string>,
        n_topics int32, n_firms int32, n_sentences int32, level string, family_id string?, share_of_firms double,
        distinctiveness double, general bool, stability double?, dictionary list<struct>, centroid list<float>,
        evidence_sentence_ids list<string>, map_x double?, map_y double?, named_by string, quarter string
    """,
    "THEME_CONTRIBUTION": """
        theme_id string, firm_id string, firm_name string, permno int64?, gvkey string?,
        earnings_call_date date32[day], topic_id string, n_sentences int32, quarter string
    """,
    "THEME_FOR_SENTIMENT": """
        theme_id string, theme_name string, theme_description string, theme_keywords list<string>, call_id string,
        firm_id string, firm_name string, ticker string?, permno int64, gvkey string?, link_date date32[day]?,
        earnings_call_date date32[day], call_time_utc timestamp[us@UTC]?, first_trading_day date32[day]?,
        time_known bool, event_date date32[day]?, topic_id string?, topic_summary string?, sentences list<struct>,
        n_sentences int32, quarter string
    """,
}


def written_down(schema: pa.Schema) -> list[str]:
    """``["firm_id string", "ticker string?", ...]``"""
    return [f"{field.name} {short_type(field.type)}{'?' if field.nullable else ''}" for field in schema]


def short_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list<{short_type(kind.value_type)}>"
    return "struct" if pa.types.is_struct(kind) else str(kind).replace("us, tz=UTC", "us@UTC")


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_columns_of_the_contract(table: str) -> None:
    columns = [column.strip() for column in TABLES[table].split(",")]
    assert written_down(getattr(schemas, table)) == columns


def test_a_sentence_for_sentiment_has_the_fields_of_the_contract() -> None:
    sentence = schemas.THEME_FOR_SENTIMENT.field("sentences").type.value_type
    assert [f"{field.name} {field.type}" for field in sentence] == [
        "sentence_id string",
        "text string",
        "speaker_name string",
        "speaker_type string",
        "section string",
        "position int32",
    ]


def test_no_table_is_left_out() -> None:
    assert {name for name, value in vars(schemas).items() if isinstance(value, pa.Schema)} == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_described_in_the_file(table: str, tmp_path: Path) -> None:
    schema = getattr(schemas, table)
    pq.write_table(schema.empty_table(), tmp_path / "table.parquet")

    for field in pq.read_schema(tmp_path / "table.parquet"):
        assert len((field.metadata or {})[DESCRIPTION]) > 10, field.name


def test_a_file_keeps_the_descriptions() -> None:
    """By the steps that the jobs take: rows to table, cast, filter, sort, concatenation, a record in the metadata."""
    rows = [{"sentence_id": "1_2_0000", "theme_id": "theme_2023Q1_001", "similarity": 0.5, "quarter": "2023Q1"}]
    table = pa.Table.from_pylist(rows, schemas.EVIDENCE)
    table = pa.concat_tables([table, schemas.EVIDENCE.empty_table()]).sort_by("sentence_id")
    table = table.filter(pc.is_null(table["phrase"])).replace_schema_metadata(None)

    assert with_record(table, {}).schema.field("phrase").metadata == schemas.EVIDENCE.field("phrase").metadata


def test_the_document_is_made_from_the_schemas() -> None:
    made = describe_tables.page()
    assert (
        describe_tables.DOCUMENT.read_text(encoding="utf-8") == made
    ), "run python -m cloud.src.contract.describe_tables"
    for table in describe_tables.tables():
        assert f"## {table.name}\n" in made


def test_the_document_has_every_table() -> None:
    described = {id(table.schema) for table in describe_tables.tables()}
    assert described == {id(getattr(schemas, name)) for name in TABLES}
