"""The Glue tables have the columns of the contract's schemas, and lie where the contract's keys are."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cloud.src.contract import keys, schemas
from tests.fast.terraform.contract_keys import KEYS, QUARTER
from tests.fast.terraform.terraform_files import local_values
from tests.fast.terraform.terraform_values import value

TABLES = value("storage", local_values("storage")["tables"])
HIVE_TYPES = {
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.binary(): "binary",
    pa.timestamp("us", tz="UTC"): "timestamp",
    pa.date32(): "date",
}


def hive_type(kind: pa.DataType) -> str:
    """The name that Glue has for a type of Parquet."""
    if pa.types.is_list(kind):
        return f"array<{hive_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{field.name}:{hive_type(field.type)}' for field in kind)}>"
    return HIVE_TYPES[kind]


def columns_of(schema: pa.Schema) -> list[dict[str, str]]:
    """The columns without the partition."""
    return [{"name": field.name, "type": hive_type(field.type)} for field in schema if field.name != "quarter"]


@pytest.mark.parametrize(
    ("table", "schema"),
    [
        ("firms", schemas.FIRM),
        ("calls", schemas.CALL),
        ("sentences", schemas.SENTENCE_TOPIC),
        ("topics", schemas.TOPIC),
        ("themes", schemas.THEME),
        ("theme_contributions", schemas.THEME_CONTRIBUTION),
        ("exposures", schemas.EXPOSURE),
        ("evidence", schemas.EVIDENCE),
        ("themes_for_sentiment", schemas.THEME_FOR_SENTIMENT),
        ("intermediate_firm_topics", schemas.TOPIC),
    ],
)
def test_a_table_has_the_columns_of_its_schema(table: str, schema: pa.Schema) -> None:
    assert TABLES[table]["columns"] == columns_of(schema)


def test_the_work_files_of_map_have_the_vector_too() -> None:
    written = '${concat(local.sentence_columns, [{name = "vector", type = "binary"}])}'
    assert TABLES["intermediate_firm_sentences"]["columns"] == written
    assert columns_of(schemas.SENTENCE_VECTOR) == [
        *TABLES["sentences"]["columns"],
        {"name": "vector", "type": "binary"},
    ]


def test_every_parquet_file_after_the_prefetch_is_in_one_table() -> None:
    tables_of = {key: [name for name in TABLES if is_in(name, key)] for key in KEYS if key.endswith(".parquet")}
    without = [key for key, tables in tables_of.items() if len(tables) != 1]
    assert without == [keys.prefetch_chunk(QUARTER, 0)]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_only_parquet_files(table: str) -> None:
    files = [key for key in KEYS if is_in(table, key)]
    assert files
    assert all(key.endswith(".parquet") for key in files)


def is_in(table: str, key: str) -> bool:
    return key.startswith(f"{TABLES[table]['prefix']}quarter={QUARTER}/")
