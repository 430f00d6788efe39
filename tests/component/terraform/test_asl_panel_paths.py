"""Every way an execution of ftm-panel-processor can go, with answers given for its tasks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud.src.localaws.provision import PANEL_STATE_MACHINE
from tests.component.terraform.asl_engine import (
    PANEL_VARIABLES,
    Answers,
    Execution,
    Failure,
    execute,
    lambda_answer,
)

INPUT = {"quarters": ["2023Q1", "2022Q4"], "bucket": "ftm-pipeline-test", "name": "spring"}
JOB: dict[str, Any] = {"JobId": "1"}
ALL_GO_WELL: Answers = {
    "CheckInput": [lambda_answer({"quarters": "2022Q4 2023Q1", "themes_from": "joint"})],
    "AggregatePanel": [JOB],
}


def run(changes: Answers | None = None, given: object = INPUT) -> Execution:
    return execute(given, {**ALL_GO_WELL, **(changes or {})}, PANEL_STATE_MACHINE)


def jobs(execution: Execution) -> list[dict[str, Any]]:
    return execution.requests(str(PANEL_VARIABLES["panel_aggregator_arn"]))


def test_the_job_gets_the_checked_input() -> None:
    execution = run()

    assert (execution.status, execution.error) == ("SUCCEEDED", None)
    (check,) = execution.requests(str(PANEL_VARIABLES["prefetch_check_arn"]))
    assert check["Payload"] == {"panel": INPUT}
    (job,) = jobs(execution)
    pairs = [pair for pair in job["ContainerOverrides"]["Environment"] if "Name" in pair]
    assert {pair["Name"]: pair["Value"] for pair in pairs} == {
        "QUARTERS": "2022Q4 2023Q1",
        "S3_BUCKET": "ftm-pipeline-test",
        "PANEL_NAME": "spring",
        "THEMES_FROM": "joint",
    }
    assert (job["JobName"], job["JobQueue"]) == ("ftm-panel-spring", PANEL_VARIABLES["job_queue_arn"])


@pytest.mark.parametrize("missing", INPUT)
def test_incomplete_input_is_one_line_before_any_call(missing: str) -> None:
    execution = run(given={name: value for name, value in INPUT.items() if name != missing})

    assert (execution.status, execution.error) == ("FAILED", "InvalidInput")
    assert str(execution.cause).startswith("the input has to be a JSON object with quarters, bucket and name")
    assert execution.requests(str(PANEL_VARIABLES["prefetch_check_arn"])) == []


@pytest.mark.parametrize("given", [[], {}, "2023Q1", None])
def test_an_input_that_is_no_object_is_one_line(given: object) -> None:
    assert run(given=given).error == "InvalidInput"


def test_what_the_check_refuses_is_the_cause() -> None:
    raised = {"errorMessage": "2022Q4 has no themes yet", "errorType": "InvalidInput", "stackTrace": ["line 1"]}
    execution = run({"CheckInput": [Failure("InvalidInput", json.dumps(raised))]})

    assert (execution.status, execution.error, execution.cause) == (
        "FAILED",
        "InvalidInput",
        "2022Q4 has no themes yet",
    )
    assert jobs(execution) == []


def test_retries_of_the_check_come_to_an_end() -> None:
    execution = run({"CheckInput": [Failure("Lambda.ServiceException")] * 4})

    assert (execution.status, execution.error) == ("FAILED", "Lambda.ServiceException")


@pytest.mark.parametrize(
    ("failures", "calls"),
    [
        ([Failure("JobFailed", cause="x" * 30_000)], 1),
        ([Failure("Batch.ServerException")] * 4, 4),
    ],
)
def test_a_failed_job_fails_the_execution_and_names_its_log(failures: list[Failure], calls: int) -> None:
    execution = run({"AggregatePanel": [*failures]})

    error = failures[0].error
    assert (execution.status, execution.error) == ("FAILED", "AggregatePanelFailed")
    assert execution.cause == f"panel spring: no tables ({error}), see the log of job ftm-panel-spring"
    assert len(jobs(execution)) == calls


def test_transient_errors_of_batch_are_retried() -> None:
    execution = run({"AggregatePanel": [*[Failure("Batch.TooManyRequestsException")] * 3, JOB]})

    assert execution.status == "SUCCEEDED"
