"""Athena's views as Terraform makes them: their SQL runs, by DuckDB, over the tables of a quarter."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.localaws.environment import local_aws
from cloud.src.localaws.terraform_roots import copy_roots
from tests.integration.terraform_roots import NO_CHANGES, Root, require_terraform, terraform_environment

QUARTER = "2023Q1"
VIEWS = ["aws_glue_catalog_table.view"]
# The names that the query engine, Glue and DuckDB have for the same types.
TYPES = {
    "varchar": ("string", "VARCHAR"),
    "integer": ("int", "INTEGER"),
    "bigint": ("bigint", "BIGINT"),
    "date": ("date", "DATE"),
    "array(varchar)": ("array<string>", "VARCHAR[]"),
}
THEME = {"theme_id": "theme_2023Q1_001", "quarter": QUARTER}
ROWS = {
    "themes": [
        {**THEME, "name": "Freight", "description": "Late", "naming_method": "llm", "keywords": ["port", "rates"]}
        | {"n_topics": 3, "n_firms": 2, "n_sentences": 40}
    ],
    "theme_contributions": [
        {**THEME, "firm_id": firm, "firm_name": f"Firm {firm}", "permno": permno, "gvkey": None}
        | {"earnings_call_date": date(2023, 2, 14), "topic_id": f"{firm}_0", "n_sentences": 20}
        for firm, permno in (("101", 10107), ("102", None))
    ],
}
FILES = {
    "themes": (keys.themes(QUARTER), schemas.THEME),
    "theme_contributions": (keys.theme_contributions(QUARTER), schemas.THEME_CONTRIBUTION),
}


@pytest.fixture(scope="module")
def glue_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What Glue has by name, with nothing applied but the views and what they need."""
    require_terraform(tmp_path_factory.mktemp("provider"))
    storage, *_ = copy_roots(tmp_path_factory.mktemp("roots") / "copies", {})
    root = Root(storage.name, storage.folder)
    with local_aws() as aws, terraform_environment(aws):
        root.init()
        root.apply(target=VIEWS)
        code, plan = root.plan(target=VIEWS)
        assert code == NO_CHANGES, plan
        yield {table["Name"]: table for table in aws.client("glue").get_tables(DatabaseName="ftm")["TableList"]}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Stands for Athena: the table theme_files over the themes' folder, with the columns of both files."""
    for name, (key, schema) in FILES.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(ROWS[name], schema), tmp_path / key)
    with duckdb.connect() as engine:
        engine.execute("CREATE SCHEMA ftm")
        options = "union_by_name = true, filename = true, hive_partitioning = true"
        files = f"read_parquet('{tmp_path}/processed/themes/*/*.parquet', {options})"
        engine.execute(f'CREATE VIEW ftm.theme_files AS SELECT *, filename AS "$path" FROM {files}')
        yield engine


def view_of(table: dict[str, Any]) -> dict[str, Any]:
    """What is in the comment that makes a Glue table a view: https://docs.aws.amazon.com/athena/latest/ug/views.html"""
    comment = re.fullmatch(r"/\* Presto View: (\S+) \*/", table["ViewOriginalText"])
    assert comment
    assert table["TableType"] == "VIRTUAL_VIEW"
    assert table["Parameters"]["presto_view"] == "true"
    view: dict[str, Any] = json.loads(base64.b64decode(comment[1]))
    return view


def test_there_are_these_views(glue_tables: dict[str, Any]) -> None:
    views = {name for name, table in glue_tables.items() if table["TableType"] == "VIRTUAL_VIEW"}
    assert views == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_view_has_the_reader_that_athena_asks_every_table_for(glue_tables: dict[str, Any], name: str) -> None:
    reader = glue_tables[name]["StorageDescriptor"]["SerdeInfo"]
    assert (reader["Name"], reader["SerializationLibrary"]) == ("-", "-")


@pytest.mark.parametrize("name", ROWS)
def test_a_view_has_the_rows_of_its_file(
    glue_tables: dict[str, Any], engine: duckdb.DuckDBPyConnection, name: str
) -> None:
    query = engine.sql(view_of(glue_tables[name])["originalSql"])
    assert [dict(zip(query.columns, row, strict=True)) for row in query.fetchall()] == ROWS[name]


@pytest.mark.parametrize("name", ROWS)
def test_a_view_states_the_columns_that_its_query_has(
    glue_tables: dict[str, Any], engine: duckdb.DuckDBPyConnection, name: str
) -> None:
    view = view_of(glue_tables[name])
    assert (view["catalog"], view["schema"]) == ("awsdatacatalog", "ftm")
    query = engine.sql(view["originalSql"])
    stated = [(column["name"], *TYPES[column["type"]]) for column in view["columns"]]
    in_glue = [(column["Name"], column["Type"]) for column in glue_tables[name]["StorageDescriptor"]["Columns"]]
    assert [(column, kind) for column, kind, _ in stated] == in_glue
    assert [(column, kind) for column, _, kind in stated] == [
        (column, str(kind)) for column, kind in zip(query.columns, query.types, strict=True)
    ]


def test_the_table_behind_the_views_has_all_their_columns(glue_tables: dict[str, Any]) -> None:
    """Athena knows no others, whatever is in the files."""
    table = glue_tables["theme_files"]
    known = [column["Name"] for column in [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]]
    for name in ROWS:
        assert {column["name"] for column in view_of(glue_tables[name])["columns"]} <= set(known)
