"""Panels on AWS: starting one, following and stopping it, and what it costs. No LLM is asked, so vLLM need not run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cloud.src.cli.aws import quarters
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.quarters import QuarterEnded, Say
from cloud.src.cli.run.execution import Execution, failed_job_log, jobs_since, log_tail
from cloud.src.contract import keys, parameters, prices
from cloud.src.contract.batch import PANEL_JOB
from cloud.src.contract.errors import InvalidInput
from cloud.src.lambdas import panel_input

LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class PanelEstimate:
    """What a panel takes: the time grows with the sentences, ``sentences_mb`` of them."""

    n_quarters: int
    sentences_mb: float
    is_joint: bool

    def hours(self) -> float:
        """Hours on one core, which is what most of the job uses."""
        return self.sentences_mb * prices.PANEL_S_PER_MB["joint" if self.is_joint else "fixed"] / 3600

    def usd(self) -> float:
        """Cost of the job."""
        return self.hours() * prices.PANEL_VCPUS * prices.JOB_VCPU_HOUR

    def in_words(self) -> str:
        """The estimate in one line."""
        n_quarters = "1 quarter" if self.n_quarters == 1 else f"{self.n_quarters} quarters"
        return (
            f"{n_quarters}, {self.sentences_mb:,.0f} MB of sentences, no LLM: about {self.hours():.1f} h "
            f"and ${self.usd():.2f} (not measured on AWS)"
        )


@dataclass(frozen=True)
class PanelCost:
    """The jobs of a panel that have ended; ``hours`` are those of their last attempts, with the default vCPUs."""

    name: str
    n_jobs: int
    hours: float

    def usd(self) -> float:
        """Cost of the jobs."""
        return self.hours * prices.PANEL_VCPUS * prices.JOB_VCPU_HOUR

    def in_words(self) -> str:
        """The cost in one line."""
        if not self.n_jobs:
            return f"panel {self.name}: no job has ended in the last week or so, as long as Batch remembers jobs"
        jobs = "1 job" if self.n_jobs == 1 else f"{self.n_jobs} jobs"
        return f"panel {self.name}: {jobs}, {self.hours:.2f} h, about ${self.usd():.2f} ({prices.PANEL_VCPUS} vCPUs)"

    def as_json_object(self) -> dict[str, Any]:
        """The cost as JSON, in USD."""
        return {"panel": self.name, "jobs": self.n_jobs, "hours": self.hours, "usd": self.usd()}


def estimate(account: Account, names: Sequence[str], themes_from: str | None) -> PanelEstimate:
    """Raises InvalidInput when what a panel reads of a quarter is gone or was never there."""
    s3, bucket = account.client("s3"), account.bucket()
    sizes = {}
    for quarter in dict.fromkeys([*names, *([themes_from] if themes_from else [])]):
        prefix = keys.sentences_parts_prefix(quarter)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        sizes[quarter] = sum(item["Size"] for page in pages for item in page.get("Contents", []))
        if not sizes[quarter]:
            raise InvalidInput(
                f"{quarter}: nothing is in s3://{bucket}/{prefix}: it was never run, or was run longer ago than "
                "intermediate_expiration_days; run it"
            )
    measured = [sizes[quarter] for quarter in dict.fromkeys(names)]
    return PanelEstimate(len(measured), sum(measured) / 1e6, themes_from is None)


def executions(account: Account, status: str | None = None) -> Iterator[dict[str, Any]]:
    """Executions of panels as DescribeExecution returns them, the latest first; none where the roots are older."""
    try:
        yield from quarters.executions(account, status, account.panel_machine_arn())
    except ClientError as error:
        if error.response["Error"]["Code"] != "StateMachineDoesNotExist":
            raise


def panel_of(execution: dict[str, Any]) -> str:
    """The panel's name in an execution's input, or an empty string if it has none."""
    given = json.loads(execution.get("input", "{}"))
    return str(given.get("name", "")) if isinstance(given, dict) else ""


def latest(account: Account, name: str, status: str | None = None) -> dict[str, Any] | None:
    """The last execution of a panel, of those in this status."""
    return next((one for one in executions(account, status) if panel_of(one) == name), None)


def start(account: Account, name: str, names: Sequence[str], themes_from: str | None) -> str:
    """Start the panel of these quarters and return the execution's ARN.

    Of several that are started together, with other quarters, one runs: AWS lists executions a little late, but takes
    no name twice. Raises InvalidInput when one of this name runs already, or what the state machine would refuse.
    """
    last = latest(account, name)
    if last and last["status"] == "RUNNING":
        raise InvalidInput(f"panel {name} is already running: {last['executionArn']}; ftm aws follow {name}")
    given: dict[str, Any] = {"quarters": list(names), "bucket": account.bucket(), "name": name}
    if themes_from is not None:
        given["themes_from"] = themes_from
    panel_input.check(lambda: account.client("s3"), given)
    try:
        return quarters.start_execution(account, account.panel_machine_arn(), given, _name_after(last, name))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        raise InvalidInput(f"panel {name} has just been started: ftm aws follow {name}") from error


def _name_after(last: dict[str, Any] | None, name: str) -> str:
    """Of the execution of a panel that follows this one."""
    if last is None:
        return f"{name}-first"
    return f"{name}-after-{last['startDate'].astimezone(UTC):%Y%m%dT%H%M%S%f}"


def last_started(account: Account, name: str) -> str:
    """The ARN of the panel's last execution; raises InvalidInput when it was never started."""
    return str(_last(account, name)["executionArn"])


def follow(account: Account, name: str, arn: str, say: Say, sleep: Callable[[float], None] = time.sleep) -> None:
    """Say what changes until the execution ends; raises QuarterEnded when it has not succeeded."""
    execution = Execution(account, arn, account.bucket(), "")

    def look() -> tuple[str, str]:
        status = str(execution.describe()["status"])
        return status, f"{status}{_of_job(account, name) if status == 'RUNNING' else ''}"

    status = quarters.until_ended(look, say, sleep)
    if status == "SUCCEEDED":
        return
    queue = account.parameter(parameters.JOB_QUEUE_ARN)
    for line in failed_job_log(account, execution, queue, lambda job: _is_of(job, name)):
        say(line)
    raise QuarterEnded(f"panel {name}: {quarters.how_it_ended(execution.describe())}")


def stop(account: Account, name: str, say: Say, sleep: Callable[[float], None] = time.sleep) -> None:
    """Stop the panel that runs, and its job; InvalidInput when none does."""
    running = latest(account, name, "RUNNING")
    if running is None:
        raise InvalidInput(f"no panel {name} is running")
    quarters.stop_execution(account, running["executionArn"], lambda job: _is_of(job, name), say, sleep)


def logs(account: Account, name: str, n_lines: int, all_jobs: bool, say: Say) -> None:
    """Say the last lines of the job of the panel's last execution if it failed or runs, or in any case."""
    since = _last(account, name)["startDate"]
    quarters.logs_since(account, since, lambda job: _is_of(job, name), name, n_lines, all_jobs, say)


def cost_of(account: Account, name: str) -> PanelCost:
    """Cost of the panel's jobs that Batch remembers."""
    queue = account.parameter(parameters.JOB_QUEUE_ARN)
    ended = [job for status in ("SUCCEEDED", "FAILED") for job in jobs_since(account, queue, status, LONG_AGO)]
    own = [job for job in ended if _is_of(job, name) and "startedAt" in job and "stoppedAt" in job]
    return PanelCost(name, len(own), sum(job["stoppedAt"] - job["startedAt"] for job in own) / 3_600_000)


def _last(account: Account, name: str) -> dict[str, Any]:
    found = latest(account, name)
    if found is None:
        raise InvalidInput(f"no panel {name} was started here: ftm aws panel {name} QUARTER... (quarters: like 2023Q1)")
    return found


def _of_job(account: Account, name: str) -> str:
    """For example ``, job RUNNING: 34 of 50 parts``: its state, and what it has logged last."""
    job = next((job for job in quarters.jobs(account) if _is_of(job, name)), None)
    if job is None:
        return ""
    said = [line.partition(": ")[2] or line for line in log_tail(account, job, 1)]
    return ": ".join([f", job {job['status']}", *said])


def _is_of(job: dict[str, Any], name: str) -> bool:
    return bool(job["jobName"] == f"{PANEL_JOB}{name}")
