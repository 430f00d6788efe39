"""Executions of a quarter on AWS: which runs, starting, following and stopping one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from cloud.src.cli.aws import vllm_group
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.pace import Pace
from cloud.src.cli.run.execution import (
    Execution,
    ExecutionProgress,
    ReduceProgress,
    failed_job_log,
    jobs_since,
    log_tail,
    message_of,
)
from cloud.src.cli.screen import duration
from cloud.src.contract import documents, keys, parameters, prices
from cloud.src.contract.batch import MAP_JOB, REDUCE_JOB
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.vllm import WANTED, Priced

SECONDS_BETWEEN_LOOKS = 10.0
UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
OF_INTEREST = ("FAILED", "RUNNING")  # jobs, where not all are asked for

# As long as a laptop may be without a network while it follows an execution that goes on without it.
PATIENCE_S = 600.0
_NO_NETWORK = (HTTPClientError, ConnectionError)

Say = Callable[[str], None]


class QuarterEnded(FtmError):
    """The execution ended without success."""


@dataclass(frozen=True)
class Estimate:
    """What a quarter costs with names by the LLM, on the assumptions of docs/measurements/costs.md."""

    n_firms: int
    vllm: Priced = WANTED

    def n_names(self) -> int:
        """Number of topics to name."""
        return self.n_firms * prices.TOPICS_PER_FIRM

    def hours(self) -> float:
        """Hours the LLM needs for the names."""
        return self.n_names() / prices.NAMES_PER_S / 3600

    def vllm_usd(self) -> float:
        """Cost of the vLLM instance."""
        return self.hours() * self.vllm.usd_per_hour

    def waiting_usd(self) -> float:
        """Cost of the jobs while they wait for names; their other work takes minutes."""
        return self.hours() * prices.JOB_VCPUS * prices.JOB_VCPU_HOUR

    def usd(self) -> float:
        """Cost of vLLM and of the waiting jobs."""
        return self.vllm_usd() + self.waiting_usd()

    def in_words(self) -> str:
        """The estimate in one line."""
        return (
            f"{self.n_firms:,} firms, about {self.n_names():,} names: about {self.hours():.1f} h and "
            f"${self.usd():.2f} with a {self.vllm.kind}, jobs on Spot and {prices.NAMES_PER_S} names per second "
            "(not measured)"
        )


def estimate(account: Account, quarter: str) -> Estimate:
    """Estimate a prefetched quarter; raise InvalidInput when it is not prefetched."""
    bucket, key = account.bucket(), keys.prefetch_manifest(quarter)
    try:
        body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        raise InvalidInput(f"{quarter} is not prefetched: ftm prefetch {quarter} --from wrds") from error
    return Estimate(len(documents.prefetched_firms(body, f"s3://{bucket}/{key}")), vllm_group.wanted(account))


def executions(account: Account, status: str | None = None, machine: str | None = None) -> Iterator[dict[str, Any]]:
    """Executions as DescribeExecution returns them, the latest first.

    ``machine``: the state machine's ARN, None for that of quarters.
    """
    states = account.client("stepfunctions")
    chosen = {"stateMachineArn": machine or account.state_machine_arn(), **({"statusFilter": status} if status else {})}
    pages = states.get_paginator("list_executions").paginate(**chosen)
    for page in pages:
        for listed in page["executions"]:
            yield states.describe_execution(executionArn=listed["executionArn"])


def quarter_of(execution: dict[str, Any]) -> str:
    """The quarter in an execution's input, or an empty string if it names none."""
    given = json.loads(execution.get("input", "{}"))
    return str(given.get("quarter", "")) if isinstance(given, dict) else ""


def latest(account: Account, quarter: str, status: str | None = None) -> dict[str, Any] | None:
    """The last execution of a quarter, of those in this status."""
    return next((one for one in executions(account, status) if quarter_of(one) == quarter), None)


def start(account: Account, quarter: str, batch_size: int, naming: dict[str, str]) -> str:
    """Start the quarter and return the execution's ARN; raises InvalidInput when it runs already."""
    if running := latest(account, quarter, "RUNNING"):
        raise InvalidInput(f"{quarter} is already running: {running['executionArn']}; ftm aws follow {quarter}")
    given = {"quarter": quarter, "bucket": account.bucket(), "batch_size": batch_size, **naming}
    return start_execution(account, account.state_machine_arn(), given)


def start_execution(account: Account, machine: str, given: dict[str, Any], name: str | None = None) -> str:
    """Start the state machine of this ARN with this input; return the execution's ARN.

    ``name``: of the execution. Where one of this name and input runs, it is that one.
    """
    named = {"name": name} if name else {}
    states = account.client("stepfunctions")
    return str(states.start_execution(stateMachineArn=machine, input=json.dumps(given), **named)["executionArn"])


def last_started(account: Account, quarter: str) -> str:
    """The ARN of the quarter's last execution; raises InvalidInput when it was never started."""
    found = latest(account, quarter)
    if found is None:
        raise InvalidInput(f"{quarter} was never started here: ftm aws start {quarter}")
    return str(found["executionArn"])


def follow(account: Account, quarter: str, arn: str, say: Say, sleep: Callable[[float], None] = time.sleep) -> None:
    """Say what changes until the execution ends, also over some minutes without a network.

    Raises QuarterEnded when it has not succeeded, FtmError when it cannot be followed.
    """
    execution = Execution(account, arn, account.bucket(), quarter)
    status = until_ended(_Watched(execution).look, say, sleep)
    if status == "SUCCEEDED":
        return
    queue = account.parameter(parameters.JOB_QUEUE_ARN)
    for line in failed_job_log(account, execution, queue, lambda job: is_of(job, quarter)):
        say(line)
    raise QuarterEnded(f"{quarter}: {how_it_ended(execution.describe())}")


def how_it_ended(execution: dict[str, Any]) -> str:
    """For example ``FAILED NotifyFailed: quarter 2023Q1: the tables are there, but ...``."""
    error = f" {execution['error']}" if execution.get("error") else ""
    return f"{execution['status']}{error}: {message_of(execution.get('cause') or 'no cause given')}"


def until_ended(look: Callable[[], tuple[str, str]], say: Say, sleep: Callable[[float], None]) -> str:
    """Say what changes until an execution ends, and return its status then; ``look`` returns status and line."""
    said = ""
    while True:
        status, line = _look_with_retries(look, sleep)
        if line != said:
            said = line
            say(line)
        if status != "RUNNING":
            return status
        sleep(SECONDS_BETWEEN_LOOKS)


def stop(
    account: Account, quarter: str, say: Say, sleep: Callable[[float], None] = time.sleep, arn: str | None = None
) -> None:
    """Stop an execution of the quarter, by default the one that runs, and its jobs; InvalidInput when none runs.

    Who has just started one gives its ARN: AWS lists executions a little late.
    """
    if arn is None:
        running = latest(account, quarter, "RUNNING")
        if running is None:
            raise InvalidInput(f"{quarter} is not running")
        arn = running["executionArn"]
    stop_execution(account, arn, lambda job: is_of(job, quarter), say, sleep)


def stop_execution(
    account: Account, arn: str, is_own: Callable[[dict[str, Any]], bool], say: Say, sleep: Callable[[float], None]
) -> None:
    """Stop an execution and its own jobs."""
    states = account.client("stepfunctions")
    states.stop_execution(executionArn=arn, error="Stopped", cause="ftm aws stop")
    while states.describe_execution(executionArn=arn)["status"] == "RUNNING":
        sleep(1)
    say(f"stopped {arn}")
    batch = account.client("batch")
    for job in jobs(account):
        if is_own(job):
            batch.terminate_job(jobId=job["jobId"], reason="ftm aws stop")
            say(f"ended job {job['jobName']}")


def is_of(job: dict[str, Any], quarter: str) -> bool:
    """Whether a job maps or reduces the quarter; a panel may have a quarter in its name, too."""
    name: str = job["jobName"]
    return name.startswith((f"{MAP_JOB}{quarter}", f"{REDUCE_JOB}{quarter}"))


def jobs(account: Account) -> Iterator[dict[str, Any]]:
    """The jobs in the queue that have not ended, as ListJobs returns them."""
    queue = account.parameter(parameters.JOB_QUEUE_ARN)
    paginator = account.client("batch").get_paginator("list_jobs")
    for status in UNFINISHED:
        for page in paginator.paginate(jobQueue=queue, jobStatus=status):
            yield from ({"status": status, **job} for job in page["jobSummaryList"])


def logs(account: Account, quarter: str, n_lines: int, all_jobs: bool, say: Say) -> None:
    """Say the last lines of the jobs of the quarter's last execution: those that failed or run, or all."""
    found = latest(account, quarter)
    if found is None:
        raise InvalidInput(f"{quarter} was never started here: ftm aws start {quarter}")
    logs_since(account, found["startDate"], lambda job: is_of(job, quarter), quarter, n_lines, all_jobs, say)


def logs_since(
    account: Account,
    since: datetime,
    is_own: Callable[[dict[str, Any]], bool],
    name: str,
    n_lines: int,
    all_jobs: bool,
    say: Say,
) -> None:
    """Say the last lines of a quarter's or panel's own jobs since then; ``name`` is what it is called."""
    queue = account.parameter(parameters.JOB_QUEUE_ARN)
    statuses = (*OF_INTEREST, "SUCCEEDED") if all_jobs else OF_INTEREST
    n_jobs = 0
    for status in statuses:
        for job in jobs_since(account, queue, status, since):
            if is_own(job):
                n_jobs += 1
                say(f"{job['jobName']}: {status}")
                for line in log_tail(account, job, n_lines) or ["it has not started"]:
                    say(f"  {line}")
    if not n_jobs:
        say(f"no job of {name} has failed or is running" if not all_jobs else f"no job of {name} has started")


class _Watched:
    """An execution being followed, and its pace."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._firms, self._themes = Pace(), Pace()
        self._n_firms: int | None = None
        self._line, self._said = "", ""

    def look(self) -> tuple[str, str]:
        """Its status, and how far it is, in one line; the time left is as when the rest of the line has changed."""
        now = self._execution.progress()
        reduce = self._execution.reduce_progress() if now.map_done else ReduceProgress()
        if now.n_batches and self._n_firms is None:
            self._n_firms = self._execution.n_firms()
        line, left = line_of(now, self._n_firms, reduce), self._left(now, reduce)
        if line != self._line:
            self._line, self._said = line, f"{line}{left}"
        return now.status, self._said

    def _left(self, now: ExecutionProgress, reduce: ReduceProgress) -> str:
        if now.status != "RUNNING":
            return ""
        if now.map_done:
            seconds, of_what = self._themes.seconds_left(reduce.n_named, reduce.n_themes or 0), "names of themes"
        else:
            n_made, n_to_make = now.firms_done - now.firms_reused, (self._n_firms or 0) - now.firms_reused
            seconds, of_what = self._firms.seconds_left(n_made, n_to_make), "firms"
        return "" if seconds is None else f"; about {duration(seconds)} left for the {of_what}"


def _look_with_retries(look: Callable[[], tuple[str, str]], sleep: Callable[[float], None]) -> tuple[str, str]:
    for attempt in Retrying(
        retry=retry_if_exception_type(_NO_NETWORK),
        stop=stop_after_delay(PATIENCE_S),
        wait=wait_fixed(SECONDS_BETWEEN_LOOKS),
        sleep=sleep,
        reraise=True,
    ):
        with attempt:
            found = look()
    return found


def line_of(now: ExecutionProgress, n_firms: int | None, reduce: ReduceProgress) -> str:
    """Such as ``RUNNING: 3 of 9 batches, 120 of 450 firms (40 done before, 1 failed), 950 of 980 topics named``."""
    of_firms = "" if n_firms is None else f" of {n_firms:,}"
    line = f"{now.status}: {now.batches_done} of {now.n_batches} batches, {now.firms_done:,}{of_firms} firms"
    line += f" ({now.firms_reused:,} done before, {now.firms_failed:,} failed)"
    if now.topics_asked:
        line += f", {now.topics_named:,} of {now.topics_asked:,} topics named"
    if not now.map_done:
        return line
    named = f", {reduce.n_named} of {reduce.n_themes} themes named" if reduce.n_themes else ""
    return f"{line}{named}, {reduce.step or 'reduce'}"
