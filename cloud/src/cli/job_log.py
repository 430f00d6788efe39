"""The Batch jobs of a run and what they log."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from cloud.src.cli.execution import Aws
from cloud.src.localaws.provision import JOB_LOG_GROUP

# "2026-11-23 13:15:34,902 INFO cloud.src.worker.reduce_themes: 13 themes; naming them"
_WORKER_LINE = re.compile(r"INFO cloud\.src\.worker\.\w+: (.+)")
# Of the reduce job, while the LLM names the themes.
_THEMES_NAMED = re.compile(r"(\d+) of (\d+) themes named")


def jobs(aws: Aws, job_queue: str, status: str, since: datetime) -> list[dict[str, Any]]:
    """The jobs in this status that were submitted since then, the oldest first, as ListJobs tells them."""
    pages = aws.client("batch").get_paginator("list_jobs").paginate(jobQueue=job_queue, jobStatus=status)
    found = [job for page in pages for job in page["jobSummaryList"]]
    return sorted(
        (job for job in found if job["createdAt"] >= since.timestamp() * 1000), key=lambda job: job["createdAt"]
    )


def log_tail(aws: Aws, job: dict[str, Any], n_lines: int) -> list[str]:
    """The last lines that a job has logged; none when it has not started."""
    container = aws.client("batch").describe_jobs(jobs=[job["jobId"]])["jobs"][0]["container"]
    if "logStreamName" not in container:
        return []
    answer = aws.client("logs").get_log_events(
        logGroupName=JOB_LOG_GROUP,
        logStreamName=container["logStreamName"],
        limit=n_lines,
        startFromHead=False,
    )
    return [event["message"] for event in answer["events"]]


def what_it_does(log: list[str]) -> str:
    """What the worker itself has said last, without time and module; other libraries' lines are left out.

    Empty when it is the count that ``themes_named`` tells.
    """
    last = next(reversed(_said(log)), "")
    return "" if _THEMES_NAMED.fullmatch(last) else last


def themes_named(log: list[str]) -> tuple[int, int] | None:
    """How many themes the reduce job has named, and of how many; None where it has not said so."""
    counts = [found for text in _said(log) if (found := _THEMES_NAMED.fullmatch(text))]
    return (int(counts[-1][1]), int(counts[-1][2])) if counts else None


def _said(log: list[str]) -> list[str]:
    return [found[1] for line in log if (found := _WORKER_LINE.search(line))]
