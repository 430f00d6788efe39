"""A panel made by ftm-panel-processor in the local AWS is the one that ``ftm panel`` makes of the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.src.cli.environment.local_environment import LocalEnvironment, start_environment
from cloud.src.cli.environment.run_llm import LlmChoice
from cloud.src.contract import keys
from cloud.src.localaws.provision import PANEL_STATE_MACHINE, STATE_MACHINE
from tests.e2e.conftest import QUARTERS, QuartersWithoutLlm
from tests.e2e.ftm_process import no_process_left_behind, run_ftm, until

EARLIER, LATER = QUARTERS
TABLES = ("calls", "exposures", "grid", "quarters", "themes")


@pytest.fixture(scope="module")
def environment(quarters_without_llm: QuartersWithoutLlm) -> Iterator[LocalEnvironment]:
    """A local AWS whose bucket has both quarters."""
    with no_process_left_behind(), start_environment(lambda _: None, 1, LlmChoice(none=True)) as started:
        folder = quarters_without_llm.folder
        for file in (path for path in folder.rglob("*.*") if path.is_file()):
            started.aws.client("s3").upload_file(str(file), started.bucket, str(file.relative_to(folder)))
        yield started


def variables(environment: LocalEnvironment) -> dict[str, str]:
    """What names the local AWS to a command."""
    return environment.aws.endpoint.variables(environment.aws.region)


def ended(environment: LocalEnvironment, **given: Any) -> dict[str, Any]:
    """An execution of ftm-panel-processor that has ended, as DescribeExecution returns it."""
    states = environment.aws.client("stepfunctions")
    machine = environment.state_machine_arn.replace(STATE_MACHINE, PANEL_STATE_MACHINE)
    panel = {"bucket": environment.bucket, **given}
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(panel))["executionArn"]

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=started)
        return None if found["status"] == "RUNNING" else found

    execution = until(look, "the end of the panel", timeout_s=180)
    assert execution is not None
    return execution


@pytest.mark.parametrize("themes_from", [None, EARLIER])
def test_the_same_bytes_as_made_on_this_machine(
    environment: LocalEnvironment, quarters_without_llm: QuartersWithoutLlm, tmp_path: Path, themes_from: str | None
) -> None:
    name = "joint" if themes_from is None else "fixed"
    options = ["--themes-from", themes_from] if themes_from else []
    there = ["aws", "panel", name, LATER, EARLIER, "--out", tmp_path / "aws", *options]
    made = run_ftm(*there, **variables(environment))
    assert made.returncode == 0, made.stderr
    lines = made.stdout.splitlines()
    assert lines[1].startswith(f"{name}: 2 quarters, ")
    assert "SUCCEEDED" in lines
    assert lines[-2] == f"Panel: {tmp_path / 'aws/panels' / name}"
    assert lines[-1].startswith(f"panel {name}: 1 job, ")

    here = ["panel", EARLIER, LATER, "--dir", quarters_without_llm.folder, "--out", tmp_path / name]
    assert run_ftm(*here, *options).returncode == 0
    fetched = sorted(path for path in (tmp_path / "aws").rglob("*") if path.is_file())
    assert fetched == [tmp_path / "aws/panels" / name / keys.panel_table(table) for table in TABLES]
    for table in map(keys.panel_table, TABLES):
        assert (tmp_path / "aws/panels" / name / table).read_bytes() == (tmp_path / name / table).read_bytes(), table


def test_a_failed_job_is_shown_with_its_logs_end(environment: LocalEnvironment, tmp_path: Path) -> None:
    s3, bucket = environment.aws.client("s3"), environment.bucket
    key = s3.list_objects_v2(Bucket=bucket, Prefix=keys.sentences_parts_prefix(LATER))["Contents"][0]["Key"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=b"damaged")

    made = run_ftm("aws", "panel", "broken", LATER, "--out", tmp_path, **variables(environment))

    s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert made.returncode == 1
    assert "job ftm-panel-broken failed" in made.stdout
    assert f"{key} is not a readable Parquet file" in made.stdout
    assert made.stderr.splitlines()[-1].startswith("ftm: panel broken: FAILED AggregatePanelFailed: panel broken: no")


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"quarters": [EARLIER]}, "the input has to be a JSON object with quarters, bucket and name, such as"),
        ({"quarters": ["2022Q4", LATER], "name": "spring"}, "2022Q4 has no themes yet (s3://"),
        ({"quarters": [LATER], "name": "spring", "theme_from": EARLIER}, "the input has an unknown field 'theme_from'"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_no_job(
    environment: LocalEnvironment, given: dict[str, Any], cause: str
) -> None:
    execution = ended(environment, **given)

    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidInput")
    assert execution["cause"].startswith(cause)
    assert "\n" not in execution["cause"]
