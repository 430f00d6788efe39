"""When Batch retries a job: https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html"""

from __future__ import annotations

from typing import Any

import pytest

from cloud.src.localaws.batch_retry import FailedAttempt, gets_another_attempt

KILLED_OR_RECLAIMED = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onExitCode": "137", "action": "retry"},
        {"onExitCode": "*", "action": "EXIT"},
    ],
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
        (KILLED_OR_RECLAIMED, FailedAttempt(1, 1, "", "Host EC2 (instance i-1) terminated."), True),
        (KILLED_OR_RECLAIMED, FailedAttempt(1, 137, "", "Essential container in task exited"), True),
        (KILLED_OR_RECLAIMED, FailedAttempt(3, 137, "", "Essential container in task exited"), False),
        (KILLED_OR_RECLAIMED, FailedAttempt(1, 1, "", "Essential container in task exited"), False),
        (KILLED_OR_RECLAIMED, FailedAttempt(1, 13, "", "the Host EC2 is not at the start"), False),
        (BOTH_MUST_FIT, FailedAttempt(1, 1, "OutOfMemoryError", ""), True),
        (BOTH_MUST_FIT, FailedAttempt(1, 2, "OutOfMemoryError", ""), False),
        ({"attempts": 2, "evaluateOnExit": [{"onExitCode": "7", "action": "EXIT"}]}, FailedAttempt(1, 8, "", ""), True),
        ({"attempts": 2, "evaluateOnExit": [{"onExitCode": "?", "action": "EXIT"}]}, FailedAttempt(1, 8, "", ""), True),
    ],
)
def test_another_attempt(strategy: dict[str, Any], attempt: FailedAttempt, retried: bool) -> None:
    assert gets_another_attempt(strategy, attempt) is retried
