"""The columns of every table of the contract, written down: `?` marks a column that may be empty."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cloud.src.contract import schemas

SENTENCE = """
    sentence_id string, firm_id string, firm_name string, ticker string?, permno int64?, gvkey string?,
    link_date date32[day]?, transcript_id string, earnings_call_date date32[day], section string?,
    speaker_name string?, speaker_type string, position int32, raw_text string, cleaned_text string
"""
TABLES = {
    "SENTENCE": SENTENCE + ", quarter string",
    "SENTENCE_TOPIC": SENTENCE + ", local_topic_id int32, quarter string",
    "FIRM": """
        firm_id string, firm_name string, ticker string?, gvkey string?, permno int64?, link_date date32[day]?,
        earnings_call_date date32[day], n_sentences int32, n_topics int32, quarter string
    """,
    "TOPIC": """
        topic_id string, firm_id string, firm_name string, local_topic_id int32, permno int64?, gvkey string?,
        earnings_call_date date32[day], representation string, keywords list<string>, summary string,
        naming_method string, n_sentences int32, representative_sentence_ids list<string>, embedding list<float>,
        theme_id string?, quarter string
    """,
    "THEME": """
        theme_id string, name string, description string, naming_method string, keywords list<string>,
        n_topics int32, n_firms int32, n_sentences int32, quarter string
    """,
    "THEME_CONTRIBUTION": """
        theme_id string, firm_id string, firm_name string, permno int64?, gvkey string?,
        earnings_call_date date32[day], topic_id string, n_sentences int32, quarter string
    """,
    "THEME_FOR_SENTIMENT": """
        theme_id string, theme_name string, theme_description string, theme_keywords list<string>,
        firm_id string, firm_name string, ticker string?, permno int64, gvkey string?, link_date date32[day]?,
        earnings_call_date date32[day], topic_id string, topic_summary string, sentences list<struct>,
        n_sentences int32, quarter string
    """,
}


def written_down(schema: pa.Schema) -> list[str]:
    """``["firm_id string", "ticker string?", ...]``"""
    return [f"{field.name} {short_type(field.type)}{'?' if field.nullable else ''}" for field in schema]


def short_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list<{short_type(kind.value_type)}>"
    return "struct" if pa.types.is_struct(kind) else str(kind)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_columns_of_the_contract(table: str) -> None:
    columns = [column.strip() for column in TABLES[table].split(",")]
    assert written_down(getattr(schemas, table)) == columns


def test_a_sentence_for_sentiment_has_the_fields_of_the_contract() -> None:
    sentence = schemas.THEME_FOR_SENTIMENT.field("sentences").type.value_type
    assert [f"{field.name} {field.type}" for field in sentence] == [
        "sentence_id string",
        "text string",
        "speaker_type string",
        "position int32",
    ]


def test_no_table_is_left_out() -> None:
    assert {name for name, value in vars(schemas).items() if isinstance(value, pa.Schema)} == set(TABLES)
