"""Why an execution failed: one line for the user, and the last log lines of the job that failed."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from cloud.src.cli.execution import Aws, Execution
from cloud.src.contract.errors import FtmError

LOG_LINES = 15


class ExecutionFailed(FtmError):
    """The state machine ended without success. What the jobs had finished is kept."""


def failure_of(execution: Execution, quarter: str, folder: Path) -> ExecutionFailed:
    """Return the error and its cause, how many firms failed, and where the reasons are, as one line."""
    description = execution.describe()
    error = description.get("error") or description["status"]
    parts = [f"the run of {quarter} failed with {error}"]
    if cause := description.get("cause"):
        parts.append(_message(cause))
    counts = execution.summary()
    if counts:
        parts.append(
            f"{counts['firms_failed']} of {counts['firms_total']} firms and {counts['failed']} of "
            f"{counts['succeeded'] + counts['failed']} batches failed"
        )
    parts.append(f"the reasons are in {folder}/progress/{quarter}/*.json, finished parts are kept for the next run")
    return ExecutionFailed("; ".join(parts))


def failed_job_log(aws: Aws, job_queue: str, since: datetime) -> list[str]:
    """Return a line that names the job that failed last and the last lines of its log; nothing when none failed."""
    batch = aws.client("batch")
    failed = [
        job
        for page in batch.get_paginator("list_jobs").paginate(jobQueue=job_queue, jobStatus="FAILED")
        for job in page["jobSummaryList"]
        if job["createdAt"] >= since.timestamp() * 1000
    ]
    if not failed:
        return []
    last = max(failed, key=lambda job: job.get("stoppedAt", 0))
    job = batch.describe_jobs(jobs=[last["jobId"]])["jobs"][0]
    reason = job.get("statusReason") or "no reason given"
    return [f"job {job['jobName']} failed ({reason}); the end of its log:", *_log_tail(aws, job)]


def _log_tail(aws: Aws, job: dict[str, Any]) -> list[str]:
    container = job["container"]
    options = container.get("logConfiguration", {}).get("options", {})
    if "logStreamName" not in container:
        return ["  (it never started)"]
    answer = aws.client("logs").get_log_events(
        logGroupName=options.get("awslogs-group", "/aws/batch/job"),
        logStreamName=container["logStreamName"],
        limit=LOG_LINES,
        startFromHead=False,
    )
    return [f"  {event['message']}" for event in answer["events"]]


def _message(cause: str) -> str:
    """The sentence in a cause: a Lambda function's cause is JSON that holds it, any other is the sentence."""
    try:
        details = json.loads(cause)
    except ValueError:
        details = {}
    sentence = details.get("errorMessage") or details.get("StatusReason") if isinstance(details, dict) else None
    return " ".join((sentence or cause).split())
