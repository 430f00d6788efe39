"""The demo as a newcomer runs it: ends well, writes what the contract says, and finds the themes that are there."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.samples import FOLDER as SAMPLES
from cloud.src.contract import keys, schemas
from tests.e2e.ftm_process import no_process_left_behind, run_ftm

QUARTER = "2023Q1"
EXPECTED_THEMES: list[dict[str, Any]] = json.loads((SAMPLES / "themes.json").read_text())[QUARTER]

# Of the firms of an expected theme, how many the found one must have, and how many of its firms must be expected.
LEAST_RECALL = 0.6
LEAST_PRECISION = 0.6


@dataclass
class Demo:
    """A finished demo."""

    ended: subprocess.CompletedProcess[str]
    folder: Path

    def table(self, key: str) -> pa.Table:
        # Without partitioning: the quarter in the path must not become a second quarter column.
        return pq.read_table(self.folder / key, partitioning=None)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "out"
    with no_process_left_behind():
        ended = run_ftm("demo", "--quarter", QUARTER, "--out", folder)
    assert ended.returncode == 0, ended.stderr
    return Demo(ended, folder)


def test_it_ends_with_themes_times_cost_and_paths(demo: Demo) -> None:
    shown = demo.ended.stdout
    names = [" ".join(name.split()) for name in demo.table(keys.themes(QUARTER))["name"].to_pylist()]
    assert names and all(name.split()[0] in shown for name in names)
    for stage in ("prefetch", "map", "reduce and package", "report", "total"):
        assert stage in shown
    assert "LLM: local small model, $0.00 an hour; vLLM on AWS: not used" in shown
    for key in (keys.themes(QUARTER), keys.themes_for_sentiment(QUARTER), keys.report(QUARTER)):
        assert str(demo.folder / key) in shown
        assert (demo.folder / key).is_file()


def test_progress_is_plain_lines_when_there_is_no_terminal(demo: Demo) -> None:
    assert "\x1b" not in demo.ended.stderr + demo.ended.stdout
    assert "map: 18 of 18 firms" in demo.ended.stderr


@pytest.mark.parametrize(
    ("key", "schema"),
    [
        (keys.prefetch_chunk(QUARTER, 0), schemas.SENTENCE),
        (keys.firms(QUARTER), schemas.FIRM),
        (keys.sentences_prefix(QUARTER), schemas.SENTENCE_TOPIC),
        (keys.topics(QUARTER), schemas.TOPIC),
        (keys.themes(QUARTER), schemas.THEME),
        (keys.theme_contributions(QUARTER), schemas.THEME_CONTRIBUTION),
        (keys.themes_for_sentiment(QUARTER), schemas.THEME_FOR_SENTIMENT),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tables_have_the_contracts_columns(demo: Demo, key: str, schema: pa.Schema) -> None:
    path = demo.folder / key
    for file in [path] if path.is_file() else sorted(path.glob("*.parquet")):
        assert pq.read_schema(file).remove_metadata().equals(schema), file


def test_tables_agree_with_one_another(demo: Demo) -> None:
    themes = set(demo.table(keys.themes(QUARTER))["theme_id"].to_pylist())
    topics = demo.table(keys.topics(QUARTER)).to_pylist()
    contributions = demo.table(keys.theme_contributions(QUARTER)).to_pylist()
    in_a_theme = {(topic["theme_id"], topic["topic_id"]) for topic in topics if topic["theme_id"]}
    assert {(row["theme_id"], row["topic_id"]) for row in contributions} == in_a_theme
    assert {theme_id for theme_id, _ in in_a_theme} == themes
    sentiment = demo.table(keys.themes_for_sentiment(QUARTER)).to_pylist()
    assert {(row["theme_id"], row["topic_id"]) for row in sentiment} <= in_a_theme
    assert all(row["n_sentences"] == len(row["sentences"]) > 0 for row in sentiment)

    prefetched = json.loads((demo.folder / keys.prefetch_manifest(QUARTER)).read_text())
    assert demo.table(keys.sentences_prefix(QUARTER)).num_rows == prefetched["n_sentences"]
    assert set(demo.table(keys.firms(QUARTER))["firm_id"].to_pylist()) == set(prefetched["firms"])


def test_tables_are_readable_by_what_analysts_use(demo: Demo) -> None:
    themes = demo.folder / keys.themes(QUARTER)
    in_pandas = pandas.read_parquet(themes)
    rows = duckdb.execute(f"SELECT theme_id FROM '{themes}' ORDER BY theme_id").fetchall()
    assert [row[0] for row in rows] == sorted(in_pandas["theme_id"])


@pytest.mark.parametrize("expected", EXPECTED_THEMES, ids=lambda theme: theme["theme"])
def test_the_themes_of_the_sample_are_found(demo: Demo, expected: dict[str, Any]) -> None:
    firms_of_theme: dict[str, set[str]] = {}
    for row in demo.table(keys.theme_contributions(QUARTER)).to_pylist():
        firms_of_theme.setdefault(row["theme_id"], set()).add(row["firm_id"])
    firms = set(expected["firms"])
    found = max(firms_of_theme.values(), key=lambda those: len(those & firms) / len(those | firms))
    assert len(found & firms) / len(firms) >= LEAST_RECALL, found
    assert len(found & firms) / len(found) >= LEAST_PRECISION, found


def test_the_report_names_every_theme(demo: Demo) -> None:
    page = (demo.folder / keys.report(QUARTER)).read_text()
    assert all(theme_id in page for theme_id in demo.table(keys.themes(QUARTER))["theme_id"].to_pylist())
