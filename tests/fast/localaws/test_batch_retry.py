"""When Batch retries a job: https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html"""

from __future__ import annotations

from typing import Any

import pytest

from cloud.src.localaws.batch.retry import FailedAttempt, gets_another_attempt
from cloud.src.localaws.provision import RETRY_STRATEGY
from tests.fast.terraform.terraform_files import blocks

KILLED = {
    "attempts": 3,
    "evaluateOnExit": [{"onExitCode": "137", "action": "retry"}, {"onExitCode": "*", "action": "EXIT"}],
}
EXITED = "Essential container in task exited"
ONLY_PULLED_AGAIN = {
    "attempts": 2,
    "evaluateOnExit": [{"onReason": "CannotPullContainer*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}],
}
BOTH_MUST_FIT = {
    "attempts": 2,
    "evaluateOnExit": [
        {"onExitCode": "1", "onReason": "Out*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


@pytest.mark.parametrize(
    ("strategy", "attempt", "retried"),
    [
        ({}, FailedAttempt(1, 1, "", ""), False),
        ({"attempts": 2}, FailedAttempt(1, 1, "", ""), True),
        ({"attempts": 2}, FailedAttempt(2, 1, "", ""), False),
        (KILLED, FailedAttempt(1, 137, "", EXITED), True),
        (KILLED, FailedAttempt(3, 137, "", EXITED), False),
        (KILLED, FailedAttempt(1, 1, "", EXITED), False),
        (ONLY_PULLED_AGAIN, FailedAttempt(1, None, "CannotPullContainerError: no", "Task failed to start"), True),
        (ONLY_PULLED_AGAIN, FailedAttempt(1, 1, "", EXITED), False),
        (RETRY_STRATEGY, FailedAttempt(1, 137, "", "Host EC2 (instance i-1) terminated."), True),
        (RETRY_STRATEGY, FailedAttempt(3, 137, "", "Host EC2 (instance i-1) terminated."), False),
        (RETRY_STRATEGY, FailedAttempt(1, None, "CannotPullContainerError: no", "Task failed to start"), True),
        (RETRY_STRATEGY, FailedAttempt(1, None, "DockerTimeoutError: Could not start", EXITED), True),
        (
            RETRY_STRATEGY,
            FailedAttempt(1, None, "ResourceInitializationError", "Task failed to start"),
            True,
        ),
        (RETRY_STRATEGY, FailedAttempt(3, None, "", "Task failed to start"), False),
        (RETRY_STRATEGY, FailedAttempt(1, 1, "", EXITED), False),
        (RETRY_STRATEGY, FailedAttempt(1, 137, "OutOfMemoryError", EXITED), False),
        (RETRY_STRATEGY, FailedAttempt(1, 13, "", "the Host EC2 is not at the start"), False),
        (BOTH_MUST_FIT, FailedAttempt(1, 1, "OutOfMemoryError", ""), True),
        (BOTH_MUST_FIT, FailedAttempt(1, 2, "OutOfMemoryError", ""), False),
        ({"attempts": 2, "evaluateOnExit": [{"onExitCode": "7", "action": "EXIT"}]}, FailedAttempt(1, 8, "", ""), True),
        ({"attempts": 2, "evaluateOnExit": [{"onExitCode": "?", "action": "EXIT"}]}, FailedAttempt(1, 8, "", ""), True),
    ],
)
def test_another_attempt(strategy: dict[str, Any], attempt: FailedAttempt, retried: bool) -> None:
    assert gets_another_attempt(strategy, attempt) is retried


def test_jobs_are_retried_here_as_on_aws() -> None:
    [written] = blocks("batch", "resource", "aws_batch_job_definition")["jobs"]["retry_strategy"]
    names = {"on_status_reason": "onStatusReason", "on_reason": "onReason", "on_exit_code": "onExitCode"}
    conditions = [
        {names.get(name, name): value for name, value in condition.items() if not name.startswith("__")}
        for condition in written["evaluate_on_exit"]
    ]
    assert {"attempts": written["attempts"], "evaluateOnExit": conditions} == RETRY_STRATEGY
