"""``ftm bundle`` and ``ftm verify`` on a sample quarter: what is in the file, and that it can be made again."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.bundle.contents import FORMAT, TEXT_COLUMNS, Settings
from cloud.src.cli.samples import transcripts
from cloud.src.contract import keys
from cloud.src.models import packaged_models
from tests.e2e.conftest import QUARTERS, QuartersWithoutLlm
from tests.e2e.ftm_process import no_process_left_behind, run_ftm
from tests.integration.fake_llm import fake_llm, says

QUARTER = QUARTERS[0]


@pytest.fixture(scope="module")
def bundle(quarters_without_llm: QuartersWithoutLlm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "demo.zip"
    for path in (out, out.with_name("again.zip")):
        ended = run_ftm("bundle", "--dir", quarters_without_llm.folder, "--quarter", QUARTER, "--out", path)
        assert ended.returncode == 0, ended.stderr
        assert f"Next, check that it works: ftm verify {path} --input TRANSCRIPTS" in ended.stdout
    assert out.read_bytes() == out.with_name("again.zip").read_bytes()
    return out


def test_it_says_how_the_quarter_was_made(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        document = json.loads(archive.read("bundle.json"))
        readme = archive.read("README.txt").decode()
        assert archive.read("codebook.md").decode().startswith("# Tables")
        assert "prompts/theme_name_v3.txt" in archive.namelist()
        phrases = list(csv.DictReader(io.StringIO(archive.read("dictionaries.csv").decode())))
    assert document["command"] == f"ftm run {QUARTER} --input TRANSCRIPTS --batch-size 6 --no-llm"
    assert document["command"] in readme
    assert (document["input"]["n_firms"], document["left_out"]) == (18, {"skipped": [], "failed": []})
    assert document["input"]["skipped"]
    [model] = document["models"]
    assert (model["name"], model["licence"]) == (packaged_models.EMBEDDING, "Apache-2.0")
    assert all(len(file["sha256"]) == 64 for file in model["files"])
    assert document["commits"]
    assert {row["theme_id"].partition("_")[0] for row in phrases} == {"family", "theme"}


def test_no_sentence_of_a_transcript_is_in_it(quarters_without_llm: QuartersWithoutLlm, bundle: Path) -> None:
    folder = quarters_without_llm.folder / keys.sentences_prefix(QUARTER)
    texts: list[Any] = pq.read_table(folder, partitioning=None)["cleaned_text"].to_pylist()
    said = {text for text in texts if len(text) > 60}
    with zipfile.ZipFile(bundle) as archive:
        tables = [name for name in archive.namelist() if name.startswith("tables/")]
        assert len(tables) == 8
        for name in tables:
            table = pq.read_table(pa.BufferReader(archive.read(name)))
            assert not set(TEXT_COLUMNS) & set(table.column_names)
            shown = json.dumps(table.to_pylist(), default=str)
            assert not [text for text in said if json.dumps(text)[1:-1] in shown]


def test_text_is_in_it_when_asked_for(quarters_without_llm: QuartersWithoutLlm, tmp_path: Path) -> None:
    out = tmp_path / "text.zip"
    asked = ["bundle", "--dir", quarters_without_llm.folder, "--quarter", QUARTER, "--out", out, "--with-text"]
    assert run_ftm(*asked).returncode == 0
    with zipfile.ZipFile(out) as archive:
        assert "tables/themes_for_sentiment.parquet" in archive.namelist()
        sentences = pq.read_table(pa.BufferReader(archive.read("tables/sentences.parquet")))
    assert set(TEXT_COLUMNS) <= set(sentences.column_names)


def test_the_quarter_can_be_made_again(bundle: Path) -> None:
    with no_process_left_behind():
        ended = run_ftm("verify", bundle, "--input", transcripts(QUARTER))
    assert ended.returncode == 0, ended.stderr
    assert "All tables are the same." in ended.stdout
    assert "themes_for_sentiment" not in ended.stdout


def test_names_by_an_llm_are_replayed_without_it(tmp_path: Path) -> None:
    name, path = (
        says('{"title": "Supply chain and freight costs", "description": "Costs of freight."}'),
        tmp_path / "b.zip",
    )
    with no_process_left_behind(), fake_llm(name) as llm:
        options = ["--out", tmp_path / "out", "--llm-url", llm.base_url]
        assert run_ftm("demo", "--quarter", QUARTER, *options, LLM_MODEL_NAME="gone").returncode == 0
    assert run_ftm("bundle", "--dir", tmp_path / "out", "--out", path).returncode == 0
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("bundle.json"))
        assert archive.read("answers/themes.json")
        topics = pq.read_table(pa.BufferReader(archive.read("tables/topics.parquet")))
    assert document["command"].startswith("LLM_MODEL_NAME=gone ftm run")
    assert "llm" in topics["naming_method"].to_pylist()

    ended = run_ftm("verify", path, "--input", transcripts(QUARTER))

    assert ended.returncode == 0, ended.stderr
    assert "All tables are the same." in ended.stdout

    without_answers = tmp_path / "without_answers.zip"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(without_answers, "w") as changed:
        for file in archive.namelist():
            if not file.startswith("answers/"):
                changed.writestr(file, archive.read(file))

    ended = run_ftm("verify", without_answers, "--input", transcripts(QUARTER))

    assert ended.returncode == 1, ended.stderr
    assert "Not the same: topics" in ended.stdout
    assert "the bundle has no answer to their questions" in ended.stdout


def test_what_differs_is_told(bundle: Path, tmp_path: Path) -> None:
    """A firm less in the transcripts, a commit that is not this one, and a firm made of something else."""
    other, fewer = tmp_path / "other.zip", tmp_path / "transcripts.csv"
    with zipfile.ZipFile(bundle) as archive, zipfile.ZipFile(other, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "bundle.json":
                document = json.loads(content)
                made_of = {**document["made_of"], max(document["made_of"]): "other"}
                content = json.dumps({**document, "commits": ["0000000"], "made_of": made_of}).encode()
            changed.writestr(name, content)
    rows = list(csv.DictReader(transcripts(QUARTER).open(encoding="utf-8", newline="")))
    with fewer.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row for row in rows if row["ticker"] != rows[0]["ticker"])

    ended = run_ftm("verify", other, "--input", fewer)

    assert ended.returncode == 1
    assert "Not the same: firms, calls" in ended.stdout
    assert "the transcripts, or how they are read, are not those of the bundle" in ended.stdout
    assert "the bundle is of commit 0000000" in ended.stdout
    assert "firms made of other sentences, or with other code, models or settings: 1" in ended.stdout


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"settings": {"quarter_from": "moon"}}, "'moon' is not a valid QuarterFrom"),
        ({"with_text": None}, "its with_text is None"),
        ({"input": None}, "its input is None"),
        ({"commits": None}, "its commits is None"),
        ({"made_of": None}, "its made_of is None"),
        ({"bundled_by": {}}, "'machine'"),
    ],
    ids=str,
)
def test_an_incomplete_document_is_refused_before_the_run(tmp_path: Path, changed: dict[str, Any], why: str) -> None:
    settings: dict[str, Any] = asdict(Settings(6, "keywords", "keywords", None, [], "date", False))
    document = {"format": FORMAT, "quarter": QUARTER, "with_text": False, "commits": [], "input": {}, "made_of": {}}
    document |= {"bundled_by": {"machine": "x"}, **changed, "settings": settings | changed.get("settings", {})}
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bundle.json", json.dumps(document))

    ended = run_ftm("verify", path, "--input", tmp_path / "nothing.csv")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"ftm: {path} is not a bundle of this version of ftm ({why})" in ended.stderr


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(content)
    ended = run_ftm("verify", path, "--input", transcripts(QUARTER))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"ftm: {path} is not a bundle" in ended.stderr
