"""Folders of tables with two quarters, as people read them: pandas, DuckDB, pyarrow, R's arrow, polars, Stata."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest

from cloud.src.contract import describe_tables
from cloud.src.naming.namer import KeywordNamer
from cloud.src.worker import package_sentiment, reduce_themes
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.conftest import BUCKET, bucket
from tests.component.worker_quarter import call, embedder, firm, map_quarter

N_FIRMS = 4
CALL_DATES = {"2023Q1": date(2023, 2, 14), "2023Q2": date(2023, 5, 16)}
PERMNO = 10_001  # of the second firm; the first has none

# The names of all columns, and the quarter of each row.
Read = tuple[list[str], list[str]]


@pytest.fixture(scope="module")
def folder(clients: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of two quarters."""
    path = tmp_path_factory.mktemp("quarters")
    with bucket(clients("s3")) as s3:
        for quarter in CALL_DATES:
            store = run_quarter(s3, quarter)
        for key in [*store.list("processed/"), *store.list("sentiment-ready/")]:
            (path / key).parent.mkdir(parents=True, exist_ok=True)
            (path / key).write_bytes(store.require(key))
    return path


def run_quarter(s3: Any, quarter: str) -> Store:
    manifest_key = f"manifests/{quarter}/manifest_20230601T000000000000Z.jsonl"
    store = map_quarter(s3, [said_in(quarter, n) for n in range(N_FIRMS)], 2, manifest_key, quarter)
    settings = ReduceSettings(quarter=quarter, s3_bucket=BUCKET, manifest_key=manifest_key)
    reduce_themes.run(settings, store, KeywordNamer(embedder()), embedder())
    package_sentiment.run(store, quarter)
    return store


def said_in(quarter: str, number: int) -> FirmTranscripts:
    """A firm whose call is on a trading day; every second one has a PERMNO."""
    permno = PERMNO - 1 + number if number % 2 else None
    made = firm(str(101 + number), call(number), permno, CALL_DATES[quarter], quarter)
    place = made.table.schema.get_field_index("first_trading_day")
    day = made.table.column("earnings_call_date")
    return FirmTranscripts(made.firm_id, made.table.set_column(place, made.table.schema.field(place), day))


def by_pandas(table: Path) -> Read:
    frame = pd.read_parquet(table, partitioning=None)
    return list(frame.columns), sorted(frame["quarter"])


def by_duckdb(table: Path) -> Read:
    with duckdb.connect() as database:
        found = database.sql(f"SELECT * FROM '{table}/*/*.parquet'")
        return found.columns, sorted(quarter for (quarter,) in found.project("quarter").fetchall())


def by_pyarrow(table: Path) -> Read:
    found = ds.dataset(table).to_table()
    return found.column_names, sorted(map(str, found.column("quarter").to_pylist()))


def by_the_rules_of_r(table: Path) -> Read:
    """R's open_dataset() takes columns from the names of folders, as pyarrow does when it is told to."""
    found = ds.dataset(table, partitioning="hive").to_table()
    return found.column_names, sorted(map(str, found.column("quarter").to_pylist()))


def by_polars(table: Path) -> Read:
    polars = pytest.importorskip("polars", reason="polars is not installed: our tables are not read with it here")
    frame = polars.read_parquet(table)
    return frame.columns, sorted(frame["quarter"])


@pytest.mark.parametrize("read", [by_pandas, by_duckdb, by_pyarrow, by_the_rules_of_r, by_polars])
def test_every_folder_is_one_table_of_both_quarters(folder: Path, read: Callable[[Path], Read]) -> None:
    tables = [table for table in describe_tables.tables() if table.where.startswith("processed/")]
    assert {table.name for table in tables} == {path.name for path in (folder / "processed").iterdir()}
    for table in tables:
        columns, quarters = read(folder / "processed" / table.name)

        assert sorted(columns) == sorted(table.schema.names), table.name
        assert set(quarters) == set(CALL_DATES), table.name
        expected = sum(ds.dataset(path).count_rows() for path in (folder / "processed" / table.name).iterdir())
        assert len(quarters) == expected, table.name


def test_documented_code_joins_with_crsp_and_writes_stata(folder: Path, tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(import pandas.*?)```", describe_tables.page(), flags=re.DOTALL)
    code = code.replace("ftm-output/demo", str(folder)).replace("calls.dta", str(tmp_path / "calls.dta"))
    days = pd.to_datetime(["2023-02-13", "2023-02-14", "2023-05-16"])
    found: dict[str, Any] = {"crsp": pd.DataFrame({"permno": [PERMNO] * 3, "date": days, "ret": [0.0, 0.01, 0.02]})}

    exec(code, found)

    assert sorted(found["joined"]["ret"]) == [0.01, 0.02]
    assert found["calls"]["permno"].dtype == "Int64"
    assert found["calls"]["permno"].isna().any()
    stata = pd.read_stata(tmp_path / "calls.dta")
    assert len(stata) == len(found["calls"]) == N_FIRMS * len(CALL_DATES)
    assert sorted(stata["permno"].dropna().unique()) == [PERMNO, PERMNO + 2]
    assert set(stata["earnings_call_date"]) == {pd.Timestamp(day) for day in CALL_DATES.values()}
