"""One execution of the state machine for one quarter: start it, see how far it is, stop it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

from cloud.src.contract import keys


class Aws(Protocol):
    """Whatever gives boto3 clients of one AWS."""

    def client(self, service: str) -> Any: ...


@dataclass(frozen=True)
class Progress:
    """How far an execution is."""

    status: str  # RUNNING | SUCCEEDED | FAILED | TIMED_OUT | ABORTED
    map_done: bool  # all batches are finished, reduce comes next
    n_batches: int  # 0: not known yet
    batches_done: int  # finished in whatever way
    firms_done: int  # finished in whatever way
    firms_failed: int
    firms_reused: int  # of those done: finished by an earlier execution


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
        return self._states.describe_execution(executionArn=self.arn)

    def progress(self) -> Progress:
        """How far the state machine is, by its history, and the map jobs, by their progress files."""
        status = self.describe()["status"]  # first: what follows is then at least as new
        events = self._events()
        batches = _output_of("CreateBatchManifest", events).get("batches", {})
        jobs = self._map_jobs(batches.get("manifest_key"))
        return Progress(
            status=status,
            map_done=any(_exited(event) == "ProcessBatches" for event in events),
            n_batches=len(batches.get("batch_ids", [])),
            batches_done=sum(event["type"] in ("MapIterationSucceeded", "MapIterationFailed") for event in events),
            firms_done=sum(job["analysed"] for job in jobs),
            firms_failed=sum(len(job["failed"]) for job in jobs),
            firms_reused=sum(job.get("reused_firms", 0) for job in jobs),  # an older image does not tell
        )

    def naming(self) -> Counter[str]:
        """What the map jobs have counted while they named topics (progress files, ``naming``), added up."""
        batches = _output_of("CreateBatchManifest", self._events()).get("batches", {})
        jobs = self._map_jobs(batches.get("manifest_key"))
        return sum((Counter(job["naming"]) for job in jobs), Counter())

    def summary(self) -> dict[str, Any]:
        """What SummarizeResults counted; empty when the execution has not come that far."""
        return _output_of("SummarizeResults", self._events())

    def stop(self, cause: str) -> None:
        """Stop the execution, and with it the jobs it waits for."""
        self._states.stop_execution(executionArn=self.arn, error="Interrupted", cause=cause)

    def _events(self) -> list[dict[str, Any]]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=self.arn)
        return [event for page in pages for event in page["events"]]

    def _map_jobs(self, manifest_key: str | None) -> list[dict[str, Any]]:
        """The progress files that this execution's map jobs have written; others are from an earlier execution."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=keys.progress_prefix(self._quarter)
        )
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
        jobs = [json.load(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]) for key in found]
        return [job for job in jobs if job["manifest_key"] == manifest_key]


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


def _exited(event: dict[str, Any]) -> str | None:
    """Name of the state that an event is the end of."""
    return event.get("stateExitedEventDetails", {}).get("name")


def _output_of(state: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    outputs = (json.loads(event["stateExitedEventDetails"]["output"]) for event in events if _exited(event) == state)
    return next(outputs, {})
