"""``ftm local up`` serves what AWS would, for ftm and for any other client, until it is stopped."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from cloud.src.cli.samples import transcripts
from tests.e2e.ftm_process import no_process_left_behind, run_ftm, start_ftm, until
from tests.integration.fake_llm import FakeLlm, Reply, fake_llm, says

MODELS = Reply(body={"object": "list", "data": [{"id": "fake", "object": "model"}]})
NAME = says('{"title": "A name", "description": "A description."}')


@contextmanager
def local_up(llm: FakeLlm) -> Iterator[str]:
    """Run ``ftm local up`` and yield what it prints; it has to end well, and everything with it."""
    with no_process_left_behind():
        process = start_ftm("local", "up", "--port", free_port(), "--llm-url", llm.base_url)
        try:
            assert process.stdout is not None
            yield "".join(iter(process.stdout.readline, "aws logs tail /aws/batch/ftm --since 30m\n"))
        finally:
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    assert stderr.splitlines()[-1].startswith("stopped")


def arguments(folder: Path) -> list[object]:
    return ["run", "2023Q1", "--input", transcripts("2023Q1"), "--out", folder, "--batch-size", "9"]


def test_a_quarter_runs_in_a_local_aws_that_stays_for_the_aws_command_line(tmp_path: Path) -> None:
    with fake_llm(MODELS, NAME) as llm, local_up(llm) as printed:
        exported = exports(printed)
        ended = run_ftm(*arguments(tmp_path / "out"), **exported)
        assert ended.returncode == 0, ended.stderr
        assert f"using the local AWS at {exported['AWS_ENDPOINT_URL']}" in ended.stderr
        start_again_as_the_instructions_say(printed, exported)


def test_ctrl_c_stops_the_jobs_of_a_run_in_a_local_aws_that_stays(tmp_path: Path) -> None:
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
    return client("batch", exported).list_jobs(jobQueue="ftm-queue-main", jobStatus=status)["jobSummaryList"]


def exports(printed: str) -> dict[str, str]:
    return dict(re.findall(r"(AWS_\w+)=(\S+)", printed))


def start_again_as_the_instructions_say(printed: str, exported: dict[str, str]) -> None:
    """Invoke the function and start the state machine with the very input that was printed."""
    payload, execution_input = re.findall(r"(?:--payload|--input) '(.+)'", printed)
    (state_machine,) = set(re.findall(r"--state-machine-arn (\S+)", printed))

    answer = json.load(client("lambda", exported).invoke(FunctionName="ftm-prefetch-check", Payload=payload)["Payload"])
    assert answer["exists"] is True

    states = client("stepfunctions", exported)
    execution = states.start_execution(stateMachineArn=state_machine, input=execution_input)["executionArn"]
    finished = until(lambda: finished_execution(states, execution), "the end of the execution", timeout_s=120)
    assert finished["status"] == "SUCCEEDED", finished
    assert client("logs", exported).filter_log_events(logGroupName="/aws/batch/ftm")["events"]


def finished_execution(states: Any, execution: str) -> Any:
    description = states.describe_execution(executionArn=execution)
    return None if description["status"] == "RUNNING" else description


def client(service: str, exported: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=exported["AWS_ENDPOINT_URL"],
        region_name=exported["AWS_DEFAULT_REGION"],
        aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
