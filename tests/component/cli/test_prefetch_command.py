"""``ftm prefetch`` from files: into the bucket of an AWS that is there already, or to a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from cloud.src.cli.__main__ import EXIT_FAILED, EXIT_WRONG_INPUT, run
from cloud.src.contract import keys
from cloud.src.localaws.endpoint import Endpoint
from tests.component.conftest import BUCKET

PARAMETER = "/ftm/storage/bucket"


@pytest.fixture
def transcripts(tmp_path: Path) -> Path:
    path = tmp_path / "calls.csv"
    path.write_text("company,date,text\nAcme,2023-02-01,Sales grew by a tenth. Costs did not.\n")
    return path


@pytest.fixture
def published(s3: Any) -> Any:
    """The bucket's name where the Terraform root storage writes it; yields the S3 client."""
    ssm = boto3.client("ssm")
    ssm.put_parameter(Name=PARAMETER, Value=BUCKET, Type="String")
    yield s3
    ssm.delete_parameter(Name=PARAMETER)


@pytest.fixture
def aws_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks AWS for anything gets no answer, so that the command would fail."""
    for name, value in Endpoint.with_new_keys("http://127.0.0.1:1").variables("us-east-1").items():
        monkeypatch.setenv(name, value)


def command(transcripts: Path, *options: str) -> list[str]:
    return ["prefetch", "2023Q1", "--from", str(transcripts), *options]


def rows(printed: str) -> dict[str, str]:
    """The rows of the summary: what -> how many."""
    cells = [line.strip("\u2502 ").split("\u2502") for line in printed.splitlines() if line.startswith("\u2502")]
    return {what.strip(): count.strip() for what, count in cells}


def test_the_quarter_is_in_the_bucket_that_terraform_made(
    published: Any, transcripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(transcripts)) == 0
    manifest = keys.prefetch_manifest("2023Q1")
    assert published.head_object(Bucket=BUCKET, Key=manifest)["ContentLength"] > 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == f"s3://{BUCKET}/{manifest}"
    assert f'--input \'{{"quarter": "2023Q1", "bucket": "{BUCKET}"}}\'' in printed.err.splitlines()[-1]
    summary = rows(printed.out)
    assert summary.pop("time")
    assert summary == {
        "firms": "1",
        "of them without a PERMNO": "1",
        "calls": "1",
        "of them without a time of day (no event_date)": "1",
        "sentences": "2",
        "chunks": "1",
    }
    assert f"to bucket {BUCKET}" in printed.err
    assert "prefetch: 1 of 1 firms" in printed.err


def test_a_bucket_can_be_named(s3: Any, transcripts: Path) -> None:
    assert run(command(transcripts, "--to", f"s3://{BUCKET}")) == 0
    assert s3.head_object(Bucket=BUCKET, Key=keys.prefetch_manifest("2023Q1"))


def test_a_folder_needs_no_aws(
    transcripts: Path, tmp_path: Path, aws_is_away: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(transcripts, "--to", str(tmp_path / "out"))) == 0
    manifest = tmp_path / "out" / keys.prefetch_manifest("2023Q1")
    assert json.loads(manifest.read_text())["n_sentences"] == 2
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == str(manifest)
    assert f"aws s3 sync {tmp_path / 'out' / 'prefetch'} s3://" in printed.err.splitlines()[-1]


def test_a_script_gets_one_json_object_and_no_progress(
    transcripts: Path, tmp_path: Path, aws_is_away: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(transcripts, "--to", str(tmp_path / "out"), "--json", "--quiet")) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["n_firms"], found["n_sentences"]) == (1, 2)
    assert Path(found["manifest"]).is_file()
    assert printed.err == ""


def test_a_finished_quarter_is_left_as_it_is_without_force(
    transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to_folder = command(transcripts, "--to", str(tmp_path / "out"))
    assert run(to_folder) == 0
    manifest = tmp_path / "out" / keys.prefetch_manifest("2023Q1")
    first = manifest.read_bytes()
    transcripts.write_text(transcripts.read_text().replace("Costs did not.", "Costs did not. Nor did prices."))
    capsys.readouterr()
    assert run(to_folder) == 0
    assert "2023Q1 already exists, since " in capsys.readouterr().out
    assert manifest.read_bytes() == first
    assert run([*to_folder, "--force"]) == 0
    assert json.loads(manifest.read_text())["n_sentences"] == 3


def test_a_dry_run_writes_nothing_and_needs_no_aws(
    transcripts: Path, tmp_path: Path, aws_is_away: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(transcripts, "--dry-run", "--to", str(tmp_path / "out"))) == 0
    printed = capsys.readouterr().out
    assert rows(printed) == {"firms": "1"}
    assert printed.splitlines()[-1] == "Nothing was written."
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "s3://ftm/prefetch"], "--to s3://ftm/prefetch: give the bucket alone, as s3://ftm"),
        (["--to", "s3://F"], "bucket 'F' is not a valid S3 bucket name"),
        (["--to", "gs://ftm"], "--to gs://ftm is neither s3://bucket nor a folder"),
        (["--to", __file__], f"--to {__file__} is a file: give a folder or s3://bucket"),
        (["--limit", "0"], "Invalid value for '--limit'"),
        (["--limit", "3"], "--firms, --limit and --keep-unlinked are for --from wrds"),
        (["--firms", __file__], "--firms, --limit and --keep-unlinked are for --from wrds"),
        (["--keep-unlinked"], "--firms, --limit and --keep-unlinked are for --from wrds"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: list[str], said: str, transcripts: Path, aws_is_away: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(transcripts, *options)) == EXIT_WRONG_INPUT
    shown = capsys.readouterr().err
    assert shown.startswith(f"ftm: {said}")
    assert shown.count("\n") == 1


def test_before_storage_is_applied_one_line_says_so(
    s3: Any, transcripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(transcripts)) == EXIT_WRONG_INPUT
    shown = capsys.readouterr().err
    assert shown.startswith(f"ftm: there is no parameter {PARAMETER} in this account and region: apply")
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("AWS_DEFAULT_REGION", "You must specify a region."),
        ("AWS_ACCESS_KEY_ID", "Unable to locate credentials"),
    ],
)
def test_without_region_or_key_one_line_says_what_is_missing(
    missing: str,
    said: str,
    transcripts: Path,
    aws_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in (missing, "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert run(command(transcripts)) == EXIT_FAILED
    shown = capsys.readouterr().err
    assert shown.startswith(f"ftm: AWS cannot be used: {said}")
    assert shown.count("\n") == 1
