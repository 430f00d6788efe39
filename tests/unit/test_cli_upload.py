"""``ftm prefetch``: a quarter's transcripts into the bucket of an AWS that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from cloud.src.cli.__main__ import EXIT_FAILED, EXIT_WRONG_INPUT, run
from cloud.src.contract import keys
from tests.unit.conftest import BUCKET

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


def command(transcripts: Path) -> list[str]:
    return ["prefetch", "2023Q1", "--from", str(transcripts)]


def test_the_quarter_is_in_the_bucket_that_terraform_made(
    published: Any, transcripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(transcripts)) == 0
    manifest = keys.prefetch_manifest("2023Q1")
    assert published.head_object(Bucket=BUCKET, Key=manifest)["ContentLength"] > 0
    printed = capsys.readouterr()
    assert printed.out == f"s3://{BUCKET}/{manifest}\n"
    assert "1 firms, 1 calls, 2 sentences" in printed.err


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
