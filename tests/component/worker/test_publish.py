"""The tables that come of a quarter's sentences: on the samples, counted again by DuckDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from cloud.src.contract import keys, record, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.naming.namer import KeywordNamer
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import S3Storage
from cloud.src.worker import map_firms, package_sentiment, reduce_themes
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import (
    MANIFEST,
    QUARTER,
    analyser,
    embedder,
    map_job,
    map_quarter,
    numbered_firms,
    write_batches,
)

SAMPLES = Path(__file__).parents[3] / "samples/transcripts_2023Q1.csv"
COUNTS = """
    SELECT call_id, count(*) AS n_sentences,
           count(*) FILTER (section = 'prepared') AS n_sentences_prepared,
           count(*) FILTER (section = 'qa') AS n_sentences_qa,
           count(*) FILTER (speaker_type IN ('CEO', 'CFO', 'Executive')) AS n_sentences_management,
           count(*) FILTER (speaker_type = 'Analyst') AS n_sentences_analysts,
           count(*) FILTER (says) AS n_sentences_said,
           count(*) FILTER (says AND section = 'prepared') AS n_sentences_said_prepared,
           count(*) FILTER (says AND section = 'qa') AS n_sentences_said_qa,
           count(*) FILTER (says AND speaker_type IN ('CEO', 'CFO', 'Executive')) AS n_sentences_said_management,
           count(*) FILTER (says AND speaker_type = 'Analyst') AS n_sentences_said_analysts
    FROM sentences GROUP BY call_id ORDER BY call_id
"""
EXPOSURES = """
    SELECT call_id, theme_id, count(*) AS n_sentences, count(*) / any_value(n_sentences_said) AS exposure,
           count(*) FILTER (section = 'qa') / nullif(any_value(n_sentences_said_qa), 0) AS exposure_qa,
           round(avg(similarity), 6) AS mean_similarity
    FROM evidence JOIN sentences USING (sentence_id) JOIN calls USING (call_id)
    GROUP BY call_id, theme_id ORDER BY call_id, theme_id
"""


def reduce_quarter(store: Store) -> None:
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=MANIFEST)
    reduce_themes.run(settings, store, KeywordNamer(embedder()), embedder())


def whole(store: Store, prefix: str) -> pa.Table:
    return pa.concat_tables([store.read_table(key).replace_schema_metadata(None) for key in store.list(prefix)])


def test_counts_of_the_samples_are_those_that_duckdb_finds(s3: Any) -> None:
    store = Store(s3, BUCKET)
    write_quarter(S3Storage(s3, BUCKET), QUARTER, FileTranscripts(SAMPLES, QUARTER))
    firm_ids = list(json.loads(store.require(keys.prefetch_manifest(QUARTER)))["firms"])
    for number in range(len(write_batches(s3, firm_ids, 5))):
        map_firms.run(map_job(store, analyser(), number))
    reduce_quarter(store)

    sentences, evidence = (whole(store, prefix(QUARTER)) for prefix in (keys.sentences_prefix, keys.evidence_prefix))
    calls, exposures = store.read_table(keys.calls(QUARTER)), store.read_table(keys.exposures(QUARTER))
    with duckdb.connect() as tables:
        for name, table in {"sentences": sentences, "evidence": evidence, "calls": calls}.items():
            tables.register(name, table)
        counted, exposed = (tables.sql(query).to_arrow_table().to_pylist() for query in (COUNTS, EXPOSURES))
    assert sum(call["n_sentences_said"] for call in counted) > 100
    assert calls.select(list(counted[0])).sort_by("call_id").to_pylist() == counted
    found = (
        exposures.select(list(exposed[0])).sort_by([("call_id", "ascending"), ("theme_id", "ascending")]).to_pylist()
    )
    assert [row | {"mean_similarity": pytest.approx(row["mean_similarity"], abs=2e-6)} for row in found] == exposed
    assert set(evidence.column("theme_id").to_pylist()) == set(
        store.read_table(keys.themes(QUARTER)).column("theme_id").to_pylist()
    )


def test_one_folder_is_one_table(s3: Any, tmp_path: Path) -> None:
    """Every folder of processed/ reads as a whole: with pandas, as a dataset of Arrow, and with DuckDB.

    Also where an earlier version has left the contributions in the folder of the themes.
    """
    store = map_quarter(s3, numbered_firms(4), batch_size=2)
    left = keys.themes_prefix(QUARTER) + "theme_contributions.parquet"
    store.write_table(left, schemas.THEME_CONTRIBUTION.empty_table())
    reduce_quarter(store)
    for key in store.list("processed/"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(store.require(key))

    folders = {folder.name: folder for folder in (tmp_path / "processed").iterdir()}

    described = ("firms", "calls", "sentences", "topics", "themes", "theme_contributions", "exposures", "evidence")
    assert folders.keys() == set(described)
    assert store.list(keys.themes_prefix(QUARTER)) == [keys.themes(QUARTER)]
    for name, folder in folders.items():
        schema = ds.dataset(folder).schema
        n_rows = ds.dataset(folder).count_rows()
        assert n_rows > 0, name
        assert list(pd.read_parquet(folder, partitioning=None).columns) == schema.names, name
        [(counted,)] = duckdb.execute(f"SELECT count(*) FROM '{folder}/*/*.parquet'").fetchall()
        assert counted == n_rows, name


def test_tables_of_a_run_share_an_id_that_its_input_determines(s3: Any) -> None:
    def ids_of_run(n_firms: int) -> set[str | None]:
        store = map_quarter(s3, numbered_firms(n_firms), batch_size=2)
        reduce_quarter(store)
        package_sentiment.run(store, QUARTER)
        tables = [*store.list("processed/"), keys.themes_for_sentiment(QUARTER)]
        assert len(tables) >= 9
        assert json.loads(store.require(keys.themes_progress(QUARTER)))["run"] == record.run_of(
            store.read_table(keys.themes(QUARTER)).schema
        )
        return {record.run_of(store.read_table(key).schema) for key in tables}

    of_four, of_six = ids_of_run(4), ids_of_run(6)

    assert len(of_four) == len(of_six) == 1
    assert None not in of_four | of_six
    assert of_four != of_six
    assert ids_of_run(4) == of_four


def test_parts_of_an_earlier_version_are_refused_in_one_line(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(2), batch_size=2)
    [key] = store.list(keys.sentences_parts_prefix(QUARTER))
    store.write_table(key, store.read_table(key).drop_columns(["says", "vector"]))

    with pytest.raises(FtmError) as refused:
        reduce_quarter(store)

    assert str(refused.value) == (
        f"s3://{BUCKET}/{key} was written by an earlier version of ftm (no column says, vector): "
        f"prefetch and run the quarter again, beginning with: ftm prefetch {QUARTER} --force"
    )
    assert store.list("processed/") == []


def test_evidence_of_an_earlier_run_does_not_stay(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(4), batch_size=2)
    left = keys.evidence(QUARTER, keys.batch_id(QUARTER, 7), 0)
    store.write_table(left, schemas.EVIDENCE.empty_table())

    reduce_quarter(store)

    parts = [(keys.batch_id(QUARTER, batch), 0) for batch in range(2)]
    assert store.list(keys.evidence_prefix(QUARTER)) == [keys.evidence(QUARTER, *part) for part in parts]
