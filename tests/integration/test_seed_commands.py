"""The commands of the runbook, word for word, by the plain ``aws`` command against the local AWS."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cloud.src.contract import keys
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import Provisioned, provision
from tests.integration.localaws_helpers import until

pytestmark = pytest.mark.aws_cli

QUARTER = "2023Q1"
BUCKET = "ftm-pipeline-78ea68c8"

# From this version on the command reads AWS_ENDPOINT_URL.
READS_ENDPOINT_URL = (2, 13)

# Instead of the worker: says what it does, and leaves the progress that the state machine counts.
WORKER = """
import boto3, json, os, sys
print(sys.argv[1], os.environ["QUARTER"], flush=True)
if sys.argv[1] == "map":
    batch, manifest_key = os.environ["BATCH_ID"], os.environ["MANIFEST_KEY"]
    progress = {"manifest_key": manifest_key, "done": ["101", "102"], "skipped": [], "failed": []}
    key = f"progress/{os.environ['QUARTER']}/{batch}.json"
    boto3.client("s3").put_object(Bucket=os.environ["S3_BUCKET"], Key=key, Body=json.dumps(progress))
"""


@dataclass(frozen=True)
class Shell:
    """A terminal in which somebody has exported what ``ftm local up`` prints."""

    environment: dict[str, str]

    def run(self, command: str) -> str:
        done = subprocess.run(["bash", "-c", command], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(images={"ftm-worker": [sys.executable, "-c", WORKER]}) as aws:
        yield aws


@pytest.fixture(scope="module")
def provisioned(aws: LocalAws) -> Provisioned:
    """A bucket that a run has prepared."""
    provisioned = provision(aws, {})
    manifest = {"quarter": QUARTER, "n_firms": 2, "firms": {"101": "chunk_0000.parquet", "102": "chunk_0000.parquet"}}
    aws.client("s3").put_object(Bucket=BUCKET, Key=keys.prefetch_manifest(QUARTER), Body=json.dumps(manifest))
    return provisioned


@pytest.fixture(scope="module")
def shell(aws: LocalAws, provisioned: Provisioned, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    home = tmp_path_factory.mktemp("home")
    aws_command, version = newest_aws_command()
    wrapper = home / "aws"
    if version >= READS_ENDPOINT_URL:
        wrapper.symlink_to(aws_command)
    else:
        wrapper.write_text(f'#!/bin/sh\nexec {aws_command} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n')
        wrapper.chmod(0o755)
    return Shell(
        {
            "PATH": f"{home}:{os.environ['PATH']}",
            "HOME": str(home),
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    )


def newest_aws_command() -> tuple[str, tuple[int, int]]:
    """Path and version of the newest ``aws`` on this machine; an old one may come first on PATH."""
    folders = [*os.environ["PATH"].split(os.pathsep), "/usr/local/bin", "/usr/bin"]
    found = {command: aws_version(command) for folder in folders if (command := shutil.which("aws", path=folder))}
    command, version = max(found.items(), key=lambda item: item[1], default=("", (0, 0)))
    if version < (2, 0):
        pytest.fail(f"the AWS command line 2 is needed, found {found}: apt-get install awscli")
    return command, version


def aws_version(command: str) -> tuple[int, int]:
    """(0, 0) for a command that does not work, such as the shim of a Python that is not active."""
    text = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
    version = re.match(r"aws-cli/(\d+)\.(\d+)", text)
    return (int(version[1]), int(version[2])) if version else (0, 0)


def test_is_the_quarter_prefetched(shell: Shell) -> None:
    output = shell.run(
        "aws lambda invoke --function-name ftm-prefetch-check "
        """--payload '{"quarter": "2023Q1", "bucket": "ftm-pipeline-78ea68c8"}' """
        "--cli-binary-format raw-in-base64-out /dev/stdout"
    )
    payload, end = json.JSONDecoder().raw_decode(output)
    assert payload == {
        "exists": True,
        "quarter": QUARTER,
        "bucket": BUCKET,
        "manifest_key": "prefetch/transcripts/quarter=2023Q1/manifest.json",
        "n_firms": 2,
    }
    assert json.loads(output[end:])["StatusCode"] == 200


def test_a_run_is_started_looked_at_and_its_log_read(shell: Shell, provisioned: Provisioned) -> None:
    state_machine_arn = shell.run(
        "aws ssm get-parameter --name /ftm/stepfunctions/state_machine_arn --query Parameter.Value --output text"
    ).strip()
    assert state_machine_arn == provisioned.state_machine_arn

    started = json.loads(
        shell.run(
            f"aws stepfunctions start-execution --state-machine-arn {state_machine_arn} "
            """--input '{"quarter": "2023Q1", "bucket": "ftm-pipeline-78ea68c8", "batch_size": 50}'"""
        )
    )
    describe = f"aws stepfunctions describe-execution --execution-arn {started['executionArn']}"
    until(lambda: json.loads(shell.run(describe))["status"] != "RUNNING")
    execution = json.loads(shell.run(describe))
    assert execution["status"] == "SUCCEEDED"
    output = json.loads(execution["output"])
    assert (output["succeeded"], output["failed"], output["firms_succeeded"]) == (1, 0, 2)

    log = shell.run("aws logs tail /aws/batch/ftm --since 30m").splitlines()
    assert [(line.split()[1].split("/")[0], " ".join(line.split()[2:])) for line in log] == [
        ("ftm-firm-processor", "map 2023Q1"),
        ("ftm-theme-aggregator", "reduce 2023Q1"),
    ]
