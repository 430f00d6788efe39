"""Why an execution failed: one line for the user, and the end of the log of the job that failed."""

from __future__ import annotations

import json
from pathlib import Path

from cloud.src.cli.execution import Aws, Execution
from cloud.src.cli.job_log import jobs, log_tail
from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError

LOG_LINES = 15


class ExecutionFailed(FtmError):
    """The state machine ended without success. What the jobs had finished is kept."""


def failure_of(execution: Execution, quarter: str, folder: Path) -> ExecutionFailed:
    """Say in one line with what error and cause it failed, how many firms failed, and where the reasons are."""
    description = execution.describe()
    failure = f"{quarter} failed: {description.get('error') or description['status']}"
    if cause := description.get("cause"):
        failure += f": {_message(cause)}"
    counts = execution.summary()
    firms = f"{counts['firms_failed']} of {counts['firms_total']} firms failed" if counts else "no firm was counted"
    reasons = folder / keys.progress_prefix(quarter) / "*.json"
    return ExecutionFailed(f"{failure} ({firms}, reasons in {reasons}; finished parts are kept for the next run)")


def failed_job_log(aws: Aws, execution: Execution, job_queue: str) -> list[str]:
    """A line that names the first job that failed and the end of its log; nothing when no job failed.

    The first, because later ones often fail of what it has not done.
    """
    failed = jobs(aws, job_queue, "FAILED", since=execution.describe()["startDate"])
    if not failed:
        return []
    job = aws.client("batch").describe_jobs(jobs=[failed[0]["jobId"]])["jobs"][0]
    lines = log_tail(aws, job, LOG_LINES) or ["it never started"]
    # The container's says more: that of the job is "Task failed to start" when there is no such image.
    reason = job.get("container", {}).get("reason") or job.get("statusReason") or "no reason given"
    title = f"job {job['jobName']} failed ({reason}); the end of its log:"
    return [title, *(f"  {line}" for line in lines)]


def _message(cause: str) -> str:
    """The sentence in a cause: that of a Lambda function is JSON, any other is the sentence."""
    try:
        details = json.loads(cause)
    except ValueError:
        return cause
    return details.get("errorMessage", cause) if isinstance(details, dict) else cause
