"""One execution of the state machine for one quarter: start it, see how far it has got, stop it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NotRequired, Protocol, TypedDict, cast

from botocore.exceptions import ClientError

from cloud.src.contract import documents, keys, names_count
from cloud.src.contract.errors import FtmError
from cloud.src.localaws.provision import JOB_LOG_GROUP


class Aws(Protocol):
    """Anything that gives boto3 clients of one AWS."""

    def client(self, service: str) -> Any:
        """A boto3 client for this service."""


@dataclass(frozen=True)
class ExecutionProgress:
    """How far an execution has got."""

    status: str  # RUNNING | SUCCEEDED | FAILED | TIMED_OUT | ABORTED
    map_done: bool  # all batches are finished, reduce comes next
    n_batches: int  # 0: not known yet
    batches_done: int  # finished in whatever way
    firms_done: int  # finished in whatever way
    firms_failed: int
    firms_reused: int  # of firms_done: finished by an earlier execution
    topics_named: int = 0  # by the LLM, in this execution
    topics_asked: int = 0  # of the LLM, whatever came of it


@dataclass(frozen=True)
class ReduceProgress:
    """How far the reduce job is."""

    step: str = ""  # what it is doing
    n_named: int = 0  # themes
    n_themes: int | None = None  # not known yet


class MapProgress(TypedDict):
    """What this module reads of a map job's progress file (worker/progress.py)."""

    manifest_key: str
    analysed: int
    failed: list[dict[str, str]]
    naming: dict[str, int]
    reused_firms: NotRequired[int]  # an older image does not say


class Execution:
    """An execution, by its ARN."""

    def __init__(self, aws: Aws, arn: str, bucket: str, quarter: str) -> None:
        self.arn = arn
        self._states = aws.client("stepfunctions")
        self._s3 = aws.client("s3")
        self._bucket = bucket
        self._quarter = quarter

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeExecution."""
        return dict(self._states.describe_execution(executionArn=self.arn))

    def progress(self) -> ExecutionProgress:
        """How far the state machine has got, by its history, and the map jobs, by their progress files."""
        status = self.describe()["status"]  # read first, so that what follows is at least as recent
        events = self._events()
        batches = _output_of("CreateBatchManifest", events).get("batches", {})
        jobs = self._map_jobs(batches.get("manifest_key"))
        named = names_count.who_named(_added_up(jobs))
        return ExecutionProgress(
            status=status,
            map_done=any(_exited(event) == "ProcessBatches" for event in events),
            n_batches=len(batches.get("batch_ids", [])),
            batches_done=sum(event["type"] in ("MapIterationSucceeded", "MapIterationFailed") for event in events),
            firms_done=sum(job["analysed"] for job in jobs),
            firms_failed=sum(len(job["failed"]) for job in jobs),
            firms_reused=sum(job.get("reused_firms", 0) for job in jobs),
            topics_named=named["by_llm"],
            topics_asked=names_count.asked(named),
        )

    def reduce_progress(self) -> ReduceProgress:
        """How far the reduce job has got, by its progress file."""
        body = self._read(keys.themes_progress(self._quarter))
        if body is None or body["manifest_key"] != self._manifest_key():
            return ReduceProgress()
        return ReduceProgress(body["step"], body["n_named"], body["n_themes"])

    def run_id(self) -> str | None:
        """The id of the tables that this execution's reduce job writes; None before it knows."""
        body = self._read(keys.themes_progress(self._quarter))
        if body is None or body["manifest_key"] != self._manifest_key():
            return None
        run_id: str | None = body.get("run")  # an older image does not tell
        return run_id

    def naming(self) -> Counter[str]:
        """What the map jobs have counted while they named topics (progress files, ``naming``), added up."""
        return _added_up(self._map_jobs(self._manifest_key()))

    def n_firms(self) -> int | None:
        """How many firms its batches have; None before they are made."""
        key = self._manifest_key()
        if key is None:
            return None
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return sum(len(firms) for firms in documents.batches(body, f"s3://{self._bucket}/{key}").values())

    def summary(self) -> dict[str, Any]:
        """What SummarizeResults counted; empty if the execution has not got that far."""
        return _output_of("SummarizeResults", self._events())

    def stop(self, cause: str) -> None:
        """Stop the execution, and with it the jobs that it waits for."""
        self._states.stop_execution(executionArn=self.arn, error="Interrupted", cause=cause)

    def _events(self) -> list[dict[str, Any]]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=self.arn)
        return [event for page in pages for event in page["events"]]

    def _map_jobs(self, manifest_key: str | None) -> list[MapProgress]:
        """The progress files written by this execution's map jobs; any others are from an earlier execution."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=keys.progress_prefix(self._quarter)
        )
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
        jobs = [cast("MapProgress | None", self._read(key)) for key in found if keys.is_batch_progress(key)]
        return [job for job in jobs if job is not None and job["manifest_key"] == manifest_key]

    def _manifest_key(self) -> str | None:
        key: str | None = _output_of("CreateBatchManifest", self._events()).get("batches", {}).get("manifest_key")
        return key

    def _read(self, key: str) -> dict[str, Any] | None:
        """The JSON document, None if it does not exist."""
        try:
            return dict(json.load(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise


def start_execution(
    aws: Aws, state_machine_arn: str, bucket: str, quarter: str, batch_size: int, topic_naming: str, theme_naming: str
) -> Execution:
    """Start the state machine for one quarter."""
    execution_input = {
        "quarter": quarter,
        "bucket": bucket,
        "batch_size": batch_size,
        "topic_naming": topic_naming,
        "theme_naming": theme_naming,
    }
    started = aws.client("stepfunctions").start_execution(
        stateMachineArn=state_machine_arn, input=json.dumps(execution_input)
    )
    return Execution(aws, started["executionArn"], bucket, quarter)


def _added_up(jobs: list[MapProgress]) -> Counter[str]:
    return sum((Counter(job["naming"]) for job in jobs), Counter())


def _exited(event: dict[str, Any]) -> str | None:
    """Name of the state that ended with this event."""
    name: str | None = event.get("stateExitedEventDetails", {}).get("name")
    return name


def _output_of(state: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    outputs = (json.loads(event["stateExitedEventDetails"]["output"]) for event in events if _exited(event) == state)
    return next(outputs, {})


LOG_LINES = 15


class ExecutionFailed(FtmError):
    """The state machine failed. What the jobs had finished is kept."""


class NamesIncomplete(ExecutionFailed):
    """All tables are written, but the LLM has not given many of the names that it was asked for."""


def failure_of(execution: Execution, quarter: str, folder: Path) -> ExecutionFailed:
    """Say in one line the error and cause, how many firms failed, and where the reasons are."""
    description = execution.describe()
    failure = f"{quarter} failed: {description.get('error') or description['status']}"
    if cause := description.get("cause"):
        failure += f": {message_of(cause)}"
    counts = execution.summary()
    firms = f"{counts['firms_failed']} of {counts['firms_total']} firms failed" if counts else "no firm was counted"
    reasons = folder / keys.progress_prefix(quarter) / "*.json"
    kind = NamesIncomplete if description.get("error") == NamesIncomplete.__name__ else ExecutionFailed
    return kind(f"{failure} ({firms}, reasons in {reasons}; finished parts are kept for the next run)")


def failed_job_log(
    aws: Aws, execution: Execution, job_queue: str, is_own: Callable[[dict[str, Any]], bool]
) -> list[str]:
    """A line that names the first failed job, and the end of its log; nothing if no job failed.

    The first, because later jobs often fail for lack of its results. ``is_own``: others share the queue.
    """
    failed = list(filter(is_own, jobs_since(aws, job_queue, "FAILED", since=execution.describe()["startDate"])))
    if not failed:
        return []
    job = aws.client("batch").describe_jobs(jobs=[failed[0]["jobId"]])["jobs"][0]
    lines = log_tail(aws, job, LOG_LINES) or ["it never started"]
    # The container's reason says more: if the image is missing, the job's is "Task failed to start".
    reason = job.get("container", {}).get("reason") or job.get("statusReason") or "no reason given"
    title = f"job {job['jobName']} failed ({reason}); the end of its log:"
    return [title, *(f"  {line}" for line in lines)]


def message_of(cause: str) -> str:
    """The sentence in a cause: a Lambda function's cause is JSON, any other is the sentence itself."""
    try:
        details = json.loads(cause)
    except ValueError:
        return cause
    return str(details.get("errorMessage", cause)) if isinstance(details, dict) else cause


def jobs_since(aws: Aws, job_queue: str, status: str, since: datetime) -> list[dict[str, Any]]:
    """The jobs in this status submitted since then, oldest first, as ListJobs returns them."""
    pages = aws.client("batch").get_paginator("list_jobs").paginate(jobQueue=job_queue, jobStatus=status)
    found = [job for page in pages for job in page["jobSummaryList"]]
    return sorted(
        (job for job in found if job["createdAt"] >= since.timestamp() * 1000), key=lambda job: job["createdAt"]
    )


def log_tail(aws: Aws, job: dict[str, Any], n_lines: int) -> list[str]:
    """The last lines that a job has logged; empty if it has not started."""
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
