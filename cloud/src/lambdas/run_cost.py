"""Writes down what an execution has cost when it ends: Batch forgets its jobs about a week later.

progress/<quarter>/_cost.json lists the quarter's executions, since an execution that resumes another one costs, too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cloud.src.contract import batch, documents, keys, vllm
from cloud.src.contract.cost import ExecutionCost, JobsCost, Prices
from cloud.src.lambdas.looks import Looks
from cloud.src.lambdas.running_vllm import VllmSeen

log = logging.getLogger(__name__)

LONGEST_LOOK_AT_JOBS_S = 20.0  # so that time is left to write down the rest
METRIC_PERIOD_S = 300  # CloudWatch gives 1,440 of them, five days


def recorded(
    looks: Looks, event: dict[str, Any], outcome: str, themes: dict[str, Any] | None, running: VllmSeen
) -> list[str]:
    """Write the cost of the execution; return the mail's line about it.

    ``event`` is that of NotifyCompletion, ``themes`` the progress of reduce if an LLM was asked, ``running`` what
    runs of vLLM, whose price is taken. It says so where it could not be written, because the mail matters more.
    """
    try:
        s3, quarter, bucket = looks.client("s3"), event["quarter"], event["bucket"]
        cost = _cost(looks, event, outcome, themes or {}, Prices(vllm_hour=running.instance_usd_per_hour))
        key = keys.cost(quarter)
        others = [one for one in _read(s3, bucket, key) if one.manifest_key != cost.manifest_key]
        body = json.dumps({"quarter": quarter, "executions": [asdict(one) for one in [*others, cost]]}, indent=1)
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    except Exception as error:
        log.warning("what the execution has cost was not written down: %s", error)
        return [f"Cost: not recorded ({type(error).__name__}), see this function's log"]
    return [f"Cost: {_in_words(cost)}; ftm aws cost {quarter}"]


def _in_words(cost: ExecutionCost) -> str:
    jobs = "jobs not seen" if cost.jobs is None else f"jobs ${cost.jobs_usd():.2f}"
    vllm_usd = "vLLM not seen" if cost.vllm_hours is None else f"vLLM ${cost.vllm_usd():.2f}"
    return f"about ${cost.usd():.2f} ({jobs}, {vllm_usd})"


def _cost(looks: Looks, event: dict[str, Any], outcome: str, themes: dict[str, Any], prices: Prices) -> ExecutionCost:
    since, until = keys.created_at(event["manifest_key"]), datetime.now(UTC)
    topics, naming = event.get("naming_took", {}), themes.get("naming", {})  # an older image counts less
    waited = {"map": topics.get("waited_s", 0), "reduce": themes.get("waited_s", 0)}
    return ExecutionCost(
        manifest_key=event["manifest_key"],
        since=since.isoformat(timespec="seconds"),
        until=until.isoformat(timespec="seconds"),
        outcome=outcome,
        n_firms=event["firms_total"],
        names_by_llm=(event.get("naming") or {}).get("by_llm", 0) + naming.get("named by llm", 0),
        prompt_tokens=topics.get("prompt_tokens", 0) + naming.get("prompt tokens", 0),
        answer_tokens=topics.get("answer_tokens", 0) + naming.get("answer tokens", 0),
        jobs=_jobs(looks, event["quarter"], since, until, waited),
        vllm_hours=_vllm_hours(looks, since, until),
        prices=prices,
    )


def _jobs(
    looks: Looks, quarter: str, since: datetime, until: datetime, waited_s: dict[str, float]
) -> dict[str, JobsCost] | None:
    """What the jobs took, by kind; None where Batch does not answer, or not in time."""
    client = looks.client("batch", LONGEST_LOOK_AT_JOBS_S)
    names = {"map": f"{batch.MAP_JOB}{quarter}*", "reduce": f"{batch.REDUCE_JOB}{quarter}*"}
    try:
        return {kind: _add_up(_described(client, name, since), until, waited_s[kind]) for kind, name in names.items()}
    except Exception as error:
        log.warning("the jobs could not be seen: %s", error)
        return None


def _described(client: Any, name: str, since: datetime) -> Iterator[dict[str, Any]]:
    """The jobs of this name since then, as DescribeJobs returns them; it takes 100, the most that a page lists."""
    asked = {"jobQueue": batch.QUEUE, "filters": [{"name": "JOB_NAME", "values": [name]}]}
    for page in client.get_paginator("list_jobs").paginate(**asked):
        ids = [job["jobId"] for job in page["jobSummaryList"] if job["createdAt"] >= since.timestamp() * 1000]
        if ids:
            yield from client.describe_jobs(jobs=ids)["jobs"]


def _add_up(jobs: Iterator[dict[str, Any]], until: datetime, waited_s: float) -> JobsCost:
    took = [(_seconds(job, until), _vcpus(job)) for job in jobs]
    return JobsCost(
        n_jobs=len(took),
        seconds=round(sum(seconds for seconds, _ in took), 3),
        vcpu_seconds=round(sum(seconds * vcpus for seconds, vcpus in took), 3),
        waited_s=waited_s,
    )


def _seconds(job: dict[str, Any], until: datetime) -> float:
    """Of all attempts; one that is just being stopped counts to ``until``. AWS says when in milliseconds."""
    times = [(attempt.get("startedAt"), attempt.get("stoppedAt")) for attempt in job.get("attempts", [])]
    ended = sum((stopped - started) / 1000 for started, stopped in times if started and stopped)
    started = job.get("startedAt") if job["status"] == "RUNNING" else None
    return float(ended + (until.timestamp() - started / 1000 if started else 0))


def _vcpus(job: dict[str, Any]) -> float:
    container = job.get("container", {})
    required = {one["type"]: one["value"] for one in container.get("resourceRequirements", [])}
    return float(required.get("VCPU", container.get("vcpus", 1)))


def _vllm_hours(looks: Looks, since: datetime, until: datetime) -> float | None:
    """How long instances of vLLM were there, all of them added up; None where CloudWatch does not tell."""
    try:
        points = looks.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/AutoScaling",
            MetricName="GroupInServiceInstances",
            Dimensions=[{"Name": "AutoScalingGroupName", "Value": vllm.SCALING_GROUP}],
            StartTime=since,
            EndTime=until,
            Period=METRIC_PERIOD_S,
            Statistics=["Average"],
        )["Datapoints"]
    except Exception as error:
        log.warning("vLLM's hours could not be seen: %s", error)
        return None
    return sum(point["Average"] for point in points) * METRIC_PERIOD_S / 3600 if points else None


def _read(s3: Any, bucket: str, key: str) -> list[ExecutionCost]:
    """What earlier executions of the quarter have cost."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return []
        raise
    return documents.cost(body, f"s3://{bucket}/{key}")
