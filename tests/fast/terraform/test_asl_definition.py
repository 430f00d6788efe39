"""The state machine's definition as a document: what Step Functions would refuse, and what must be on every task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from statelint.linter import Linter

from cloud.src.contract.errors import FtmError
from cloud.src.localaws.provision import PANEL_STATE_MACHINE, STATE_MACHINE, definition
from tests.component.terraform.asl_engine import VARIABLES, VARIABLES_OF

DEFINITIONS = {name: json.loads(definition(variables, name)) for name, variables in VARIABLES_OF.items()}
DEFINITION = DEFINITIONS[STATE_MACHINE]
# Only these are retried: no error of the user's, and no failed or timed-out job, which its job definition may retry.
TRANSIENT_ERRORS = {
    "arn:aws:states:::lambda:invoke": [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.TooManyRequestsException",
    ],
    "arn:aws:states:::batch:submitJob.sync": [
        "Batch.ServerException",
        "Batch.AWSBatchException",
        "Batch.SdkClientException",
        "Batch.TooManyRequestsException",
    ],
    "arn:aws:states:::aws-sdk:s3:deleteObject": ["S3.S3Exception", "S3.SdkClientException"],
}


def states_of(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state with its name, those inside a Map too."""
    for name, state in machine["States"].items():
        yield name, state
        if state["Type"] == "Map":
            yield from states_of(state["ItemProcessor"])


def tasks_of(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in states_of(machine) if state["Type"] == "Task"}


# No name is in both.
TASKS = {name: state for machine in DEFINITIONS.values() for name, state in tasks_of(machine).items()}
JOBS = ["ProcessFirms", "AggregateThemes", "AggregatePanel"]


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_every_variable_of_the_file_is_known_and_used(machine: str) -> None:
    with pytest.raises(FtmError) as error:
        definition({}, machine)

    assert str(error.value).endswith(f"variables without a value: {', '.join(sorted(VARIABLES_OF[machine]))}")


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_statelint_finds_nothing(machine: str) -> None:
    assert Linter.validate(DEFINITIONS[machine]) == []


def test_an_execution_ends_although_its_states_go_on() -> None:
    assert DEFINITION["TimeoutSeconds"] == VARIABLES["execution_timeout_seconds"]


def test_states_are_in_the_order_of_the_contract() -> None:
    types = {"Task", "Map"}
    assert [name for name, state in DEFINITION["States"].items() if state["Type"] in types] == [
        "CheckPrefetch",
        "CreateBatchManifest",
        "ProcessBatches",
        "SummarizeResults",
        "AggregateThemes",
        "NotifyCompletion",
        "ReleaseQuarter",
        "ReleaseAfterError",  # of SummarizeResults
    ]


def test_there_are_eight_tasks_and_two_of_a_panel() -> None:
    assert set(JOBS) < set(TASKS)
    assert len(tasks_of(DEFINITION)) == 8
    assert list(tasks_of(DEFINITIONS[PANEL_STATE_MACHINE])) == ["CheckInput", "AggregatePanel"]
    assert len(TASKS) == 10


@pytest.mark.parametrize("name", TASKS)
def test_every_task_ends_in_time(name: str) -> None:
    assert 0 < TASKS[name]["TimeoutSeconds"] <= 24 * 3600


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_retried_after_transient_errors_only(name: str) -> None:
    (retrier,) = TASKS[name]["Retry"]

    assert retrier["ErrorEquals"] == TRANSIENT_ERRORS[TASKS[name]["Resource"]]
    assert retrier["MaxAttempts"] > 0
    assert retrier["IntervalSeconds"] == VARIABLES["retry_interval_seconds"]


@pytest.mark.parametrize("name", JOBS)
def test_every_failed_job_is_caught_whatever_the_error(name: str) -> None:
    (catcher,) = TASKS[name]["Catch"]

    assert catcher["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("name", JOBS)
def test_the_job_definition_decides_on_retries(name: str) -> None:
    assert "RetryStrategy" not in TASKS[name]["Parameters"]


def test_map_is_inline_with_bounded_concurrency() -> None:
    """Inline: docs/adr/adr_003_inline_map.md; Step Functions runs at most about 40 iterations of it at a time."""
    batches = DEFINITION["States"]["ProcessBatches"]

    assert batches["ItemProcessor"]["ProcessorConfig"] == {"Mode": "INLINE"}
    assert batches["MaxConcurrency"] == VARIABLES["max_concurrency"]
