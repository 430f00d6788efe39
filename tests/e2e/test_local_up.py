"""``ftm local up`` serves what AWS would, for ftm and for any other client, until it is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloud.src.cli.samples import transcripts
from cloud.src.contract import keys
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws
from tests.e2e.aws_command import Terminal, open_terminal
from tests.e2e.ftm_process import run_ftm, start_ftm, until
from tests.e2e.local_up_process import LAST_LINE, MODELS, NAME, commands, exports, local_up
from tests.integration.fake_llm import Reply, fake_llm

BUCKET = "ftm-pipeline-78ea68c8"
JOBS = {"ftm-firm-processor", "ftm-theme-aggregator"}

CHECK = (
    "aws lambda invoke --function-name ftm-prefetch-check "
    """--payload '{"quarter": "2023Q1", "bucket": "ftm-pipeline-78ea68c8"}' """
    "--cli-binary-format raw-in-base64-out /dev/stdout"
)
INPUT = """--input '{"quarter": "2023Q1", "bucket": "ftm-pipeline-78ea68c8", "batch_size": 50}'"""


def arguments(folder: Path) -> list[object]:
    return ["run", "2023Q1", "--input", transcripts("2023Q1"), "--out", folder, "--batch-size", "9"]


def test_ctrl_c_stops_the_jobs_but_not_the_local_aws(tmp_path: Path) -> None:
    ever = threading.Event()
    with fake_llm(MODELS, Reply(hangs_until=ever)) as llm, local_up(llm) as printed:
        exported = exports(printed)
        run = start_ftm(*arguments(tmp_path / "out"), **exported)
        until(lambda: len(jobs(exported, "RUNNING")) == 2, "two map jobs", timeout_s=60)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
        assert run.returncode == 130
        until(lambda: len(jobs(exported, "FAILED")) == 2, "the end of both map jobs", timeout_s=60)
        ever.set()


def jobs(exported: dict[str, str], status: str) -> list[Any]:
    batch = LocalAws(Endpoint.of(exported)).client("batch")
    return list(batch.list_jobs(jobQueue="ftm-queue-main", jobStatus=status)["jobSummaryList"])


@dataclass(frozen=True)
class UsedLocalAws:
    """A local AWS in which a quarter was run: what it printed at its start, and what the run printed."""

    printed: str
    run: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UsedLocalAws]:
    with fake_llm(MODELS, NAME) as llm, local_up(llm) as printed:
        yield UsedLocalAws(printed, run_ftm(*arguments(tmp_path_factory.mktemp("out")), **exports(printed)))


def test_a_quarter_runs_in_a_local_aws_that_stays(used: UsedLocalAws) -> None:
    assert used.run.returncode == 0, used.run.stderr
    assert f"using the local AWS at {exports(used.printed)['AWS_ENDPOINT_URL']}" in used.run.stderr


@pytest.mark.aws_cli
def test_the_printed_commands_do_what_they_do_on_aws(used: UsedLocalAws, tmp_path: Path) -> None:
    """Word for word, by the ``aws`` command; the same words work on AWS."""
    terminal = open_terminal(tmp_path, exports(used.printed))
    list_bucket, check, start, list_executions, describe = commands(used.printed, "aws")[-5:]

    assert keys.prefetch_manifest("2023Q1") in terminal.type(list_bucket)

    assert check == CHECK
    answered = terminal.type(check)  # what the function returns, then what the command says of the call
    payload, end = json.JSONDecoder().raw_decode(answered)
    assert (payload["exists"], payload["bucket"], payload["n_firms"]) == (True, BUCKET, 18)
    assert json.loads(answered[end:])["StatusCode"] == 200

    assert start.endswith(INPUT)
    execution = json.loads(terminal.type(start))["executionArn"]
    assert execution in terminal.type(list_executions)

    describe = describe.replace("EXECUTION_ARN", execution)
    ended = until(lambda: ended_execution(terminal, describe), "the end of the execution", timeout_s=300)
    assert ended["status"] == "SUCCEEDED", ended
    counts = json.loads(ended["output"])
    assert (counts["succeeded"], counts["failed"], counts["firms_succeeded"]) == (1, 0, 18)

    assert {line.split()[1].split("/")[0] for line in terminal.type(LAST_LINE).splitlines()} == JOBS


def ended_execution(terminal: Terminal, describe: str) -> Any:
    execution = json.loads(terminal.type(describe))
    return None if execution["status"] == "RUNNING" else execution
