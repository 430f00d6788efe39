"""Whether Batch gives a failed job another attempt.

https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FailedAttempt:
    """How an attempt ended, in the terms of ``evaluateOnExit``."""

    number: int  # counted from 1
    exit_code: int | None  # None if it could not start
    reason: str
    status_reason: str


def gets_another_attempt(retry_strategy: Mapping[str, Any], failed: FailedAttempt) -> bool:
    """The first matching condition decides; without one, the job is retried while attempts are left."""
    if failed.number >= int(retry_strategy.get("attempts") or 1):
        return False
    for condition in retry_strategy.get("evaluateOnExit") or []:
        if _matches(condition, failed):
            return str(condition["action"]).upper() == "RETRY"
    return True


def _matches(condition: Mapping[str, str], failed: FailedAttempt) -> bool:
    values = {
        "onExitCode": "" if failed.exit_code is None else str(failed.exit_code),
        "onReason": failed.reason,
        "onStatusReason": failed.status_reason,
    }
    return all(_fits(condition[name], value) for name, value in values.items() if name in condition)


def _fits(pattern: str, value: str) -> bool:
    """A pattern may end in an asterisk; no other character is special."""
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
