"""``ftm aws check``: a Batch job asks the LLM for a name, in the image, network and role of map jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli.aws.account import Account
from cloud.src.cli.run.execution import log_tail
from cloud.src.contract import parameters
from cloud.src.contract.errors import FtmError

SECONDS_BETWEEN_LOOKS = 5.0
JOB = "ftm-check"
JOB_LIMIT_S = 180  # after it has started; it gives up after about half of that by itself
LOG_LINES = 8

Say = Callable[[str], None]


def check(account: Account, timeout_s: float, say: Say, sleep: Callable[[float], None] = time.sleep) -> None:
    """Submit the job and wait for its end; raises FtmError that says why the jobs would get no names."""
    batch = account.client("batch")
    job_id = _submit(account, batch)
    try:
        job = _ended(batch, job_id, timeout_s, say, sleep)
    except BaseException:
        # The user must see what stopped us, even if AWS can no longer be reached.
        with suppress(BotoCoreError, ClientError):
            batch.terminate_job(jobId=job_id, reason="ftm aws check no longer waits for it")
        raise
    for line in log_tail(account, job, LOG_LINES):
        say(f"  {line}")
    say(f"{JOB}: {_phases(job)}")
    if job["status"] == "FAILED":
        reason = job.get("container", {}).get("reason") or job.get("statusReason") or "no reason given"
        raise FtmError(f"the jobs get no names from the LLM: {reason}; its log says why")


def _ended(batch: Any, job_id: str, timeout_s: float, say: Say, sleep: Callable[[float], None]) -> dict[str, Any]:
    """The job when it has ended; raises FtmError when it does not in time."""
    end = time.monotonic() + timeout_s
    said = ""
    while (job := _describe(batch, job_id))["status"] not in ("SUCCEEDED", "FAILED"):
        if job["status"] != said:
            said = job["status"]
            say(f"{JOB}: {said}")
        if time.monotonic() >= end:
            reason = f" ({job['statusReason']})" if job.get("statusReason") else ""
            raise FtmError(f"{JOB} is {said} after {timeout_s:.0f} s{reason}: does the queue get an instance?")
        sleep(SECONDS_BETWEEN_LOOKS)
    return job


def _submit(account: Account, batch: Any) -> str:
    submitted = batch.submit_job(
        jobName=JOB,
        jobQueue=account.parameter(parameters.JOB_QUEUE_ARN),
        jobDefinition=account.parameter(parameters.FIRM_PROCESSOR_ARN),
        containerOverrides={"command": ["check"]},
        retryStrategy={"attempts": 1},
        timeout={"attemptDurationSeconds": JOB_LIMIT_S},
    )
    return str(submitted["jobId"])


def _describe(batch: Any, job_id: str) -> dict[str, Any]:
    jobs = batch.describe_jobs(jobs=[job_id])["jobs"]
    if not jobs:
        raise FtmError(f"AWS no longer knows the job {job_id}: run ftm aws check again")
    return dict(jobs[0])


def _phases(job: dict[str, Any]) -> str:
    """How long the job waited for an instance and its image, and the LLM took to answer; AWS reports milliseconds."""
    created, started, stopped = (job.get(when) for when in ("createdAt", "startedAt", "stoppedAt"))
    if not (created and started and stopped):
        return "it never started"
    return f"{(started - created) / 1000:.0f} s until it ran, {(stopped - started) / 1000:.0f} s to ask"
