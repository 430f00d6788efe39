"""What is written down of an execution's cost when it ends, and that the mail is sent whether or not it can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from cloud.src.contract import documents, keys, prices
from cloud.src.contract.cost import ExecutionCost, JobsCost
from cloud.src.lambdas import run_cost
from cloud.src.lambdas.looks import Looks
from cloud.src.lambdas.running_vllm import VllmSeen
from tests.component.cli.aws_faults import check_answer
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
RUNNING = VllmSeen("vLLM: as it is")
SINCE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
MANIFEST = keys.batch_manifest(QUARTER, SINCE)
EVENT: dict[str, Any] = {
    "quarter": QUARTER,
    "bucket": BUCKET,
    "manifest_key": MANIFEST,
    "firms_total": 150,
    "naming": {"by_llm": 90, "by_keywords": {}},
    "naming_took": {"prompt_tokens": 5000, "answer_tokens": 700, "waited_s": 900.0},
}
THEMES = {"naming": {"named by llm": 10, "prompt tokens": 1000, "answer tokens": 50}, "waited_s": 60.0}


def milliseconds(hours_after_start: float) -> int:
    return int((SINCE.timestamp() + hours_after_start * 3600) * 1000)


def job(name: str, vcpus: str, *attempts: tuple[float, float], created: float = 0.01) -> dict[str, Any]:
    """A job as DescribeJobs returns it; attempts from and to, in hours after the start."""
    return {
        "jobName": name,
        "jobId": f"{name} {created}",
        "jobQueue": "ftm-queue-main",
        "status": "SUCCEEDED",
        "jobDefinition": "ftm-firm-processor:1",
        "createdAt": milliseconds(created),
        "startedAt": milliseconds(attempts[-1][0]),
        "attempts": [{"startedAt": milliseconds(start), "stoppedAt": milliseconds(end)} for start, end in attempts],
        "container": {"resourceRequirements": [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": "4096"}]},
    }


JOBS = [
    job("ftm-map-2023Q1_batch_0000", "2", (0.1, 0.6)),
    job("ftm-map-2023Q1_batch_0001", "2", (0.1, 0.2), (0.3, 0.7)),  # Spot took the first instance back
    job("ftm-map-2023Q1_batch_0000", "2", (-5, -4), created=-5.1),  # of an earlier execution
    job("ftm-reduce-2023Q1", "4", (0.8, 1.3)),
    job("ftm-map-2023Q2_batch_0000", "2", (0.1, 0.6)),  # another quarter
]


class Batch:
    """Batch with these jobs; moto's would need Docker to run any."""

    def __init__(self, client: Any) -> None:
        self._client, self.meta = client, client.meta

    def get_paginator(self, _operation: str) -> Any:
        def paginate(jobQueue: str, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N803
            assert jobQueue == "ftm-queue-main"
            (pattern,) = filters[0]["values"]
            assert pattern.endswith("*")
            names = ("jobId", "jobName", "createdAt")
            found = [{name: one[name] for name in names} for one in JOBS if one["jobName"].startswith(pattern[:-1])]
            page = {"jobSummaryList": found}
            check_answer(self._client, "list_jobs", page)
            return [page]

        return SimpleNamespace(paginate=paginate)

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        answer = {"jobs": [one for one in JOBS if one["jobId"] in jobs]}
        check_answer(self._client, "describe_jobs", answer)
        return answer


@pytest.fixture
def on_aws(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Jobs as above; the function gives another client of a service, or one that cannot be made."""
    real: Any = boto3.client
    clients: dict[str, Any] = {"batch": Batch(real("batch"))}

    def client(service: str, **options: Any) -> Any:
        given = clients.get(service)
        if isinstance(given, Exception):
            raise given
        return given or real(service, **options)

    monkeypatch.setattr(boto3, "client", client)
    return clients.__setitem__


@pytest.fixture
def one_instance(aws_environment: None) -> None:
    """CloudWatch with one instance of vLLM for half an hour, as it has it: one value a minute."""
    minutes = [
        {
            "MetricName": "GroupInServiceInstances",
            "Dimensions": [{"Name": "AutoScalingGroupName", "Value": "ftm-vllm-asg"}],
            "Timestamp": SINCE + timedelta(minutes=minute),
            "Value": 1 if 60 <= minute < 90 else 0,
        }
        for minute in range(120)
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/AutoScaling", MetricData=minutes)


def recorded(s3: Any) -> list[ExecutionCost]:
    return documents.cost(s3.get_object(Bucket=BUCKET, Key=keys.cost(QUARTER))["Body"].read(), "here")


def test_jobs_names_and_prices_are_written_down(on_aws: Any, s3: Any) -> None:
    [line] = run_cost.recorded(Looks(), EVENT, "succeeded", THEMES, RUNNING)

    [cost] = recorded(s3)
    assert cost.jobs == {"map": JobsCost(2, 3600, 7200, 900), "reduce": JobsCost(1, 1800, 7200, 60)}
    assert (cost.names_by_llm, cost.prompt_tokens, cost.answer_tokens) == (100, 6000, 750)
    assert (cost.outcome, cost.n_firms, cost.since) == ("succeeded", 150, SINCE.isoformat())
    assert cost.prices.job_vcpu_hour == prices.JOB_VCPU_HOUR
    assert cost.jobs_usd() == pytest.approx(4 * prices.JOB_VCPU_HOUR)
    assert cost.waiting_usd() == pytest.approx((900 * 2 + 60 * 4) / 3600 * prices.JOB_VCPU_HOUR)
    assert line == "Cost: about $0.07 (jobs $0.07, vLLM not seen); ftm aws cost 2023Q1"


def test_a_job_that_is_just_being_stopped_counts_to_now() -> None:
    stopped = job("ftm-map-2023Q1_batch_0000", "2", (0.1, 0.6))
    running = {**stopped, "startedAt": milliseconds(0.8), "status": "RUNNING"}

    assert run_cost._seconds(stopped, SINCE + timedelta(hours=1)) == pytest.approx(1800)
    assert run_cost._seconds(running, SINCE + timedelta(hours=1)) == pytest.approx(1800 + 720)


def test_hours_of_vllm(on_aws: Any, one_instance: None, s3: Any) -> None:
    [line] = run_cost.recorded(Looks(), EVENT, "succeeded", THEMES, RUNNING)

    [cost] = recorded(s3)
    assert cost.vllm_hours == pytest.approx(0.5)
    assert cost.vllm_usd() == pytest.approx(0.5 * prices.VLLM_INSTANCE_HOUR_WITH_DISK)
    assert "vLLM $0.20" in line


def test_instances_on_demand_cost_more(on_aws: Any, one_instance: None, s3: Any) -> None:
    [line] = run_cost.recorded(Looks(), EVENT, "succeeded", THEMES, VllmSeen("", 1.04))

    assert recorded(s3)[0].prices.vllm_hour == 1.04
    assert "vLLM $0.52" in line


def test_an_execution_is_written_down_once_and_beside_earlier_ones(on_aws: Any, s3: Any) -> None:
    earlier = keys.batch_manifest(QUARTER, SINCE - timedelta(days=1))
    run_cost.recorded(Looks(), {**EVENT, "manifest_key": earlier}, "failed, no themes", None, RUNNING)
    run_cost.recorded(Looks(), EVENT, "finished with names missing", THEMES, RUNNING)
    run_cost.recorded(Looks(), EVENT, "succeeded", THEMES, RUNNING)  # the state machine repeats a call that failed

    assert [(one.manifest_key, one.outcome) for one in recorded(s3)] == [
        (earlier, "failed, no themes"),
        (MANIFEST, "succeeded"),
    ]


def test_without_batch_the_rest_is_written_down(on_aws: Any, s3: Any) -> None:
    on_aws("batch", SimpleNamespace(meta=boto3.client("s3").meta))
    [line] = run_cost.recorded(Looks(), EVENT, "succeeded", THEMES, RUNNING)

    assert recorded(s3)[0].jobs is None
    assert "jobs not seen" in line


@pytest.mark.parametrize("service", ["s3", "batch"])
def test_what_cannot_be_written_down_is_said_in_the_mail(on_aws: Any, service: str) -> None:
    on_aws(service, RuntimeError("no network"))

    [line] = run_cost.recorded(Looks(), EVENT, "succeeded", THEMES, RUNNING)

    assert line == "Cost: not recorded (RuntimeError), see this function's log"


def test_an_older_state_machine_says_less(on_aws: Any, s3: Any) -> None:
    event = {name: value for name, value in EVENT.items() if name not in ("naming", "naming_took")}
    run_cost.recorded(Looks(), event, "succeeded", None, RUNNING)

    assert (recorded(s3)[0].names_by_llm, recorded(s3)[0].prompt_tokens) == (0, 0)


def test_a_damaged_record_is_not_overwritten(on_aws: Any, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=keys.cost(QUARTER), Body=json.dumps({"executions": [{"since": 3}]}))

    [line] = run_cost.recorded(Looks(), EVENT, "succeeded", THEMES, RUNNING)

    assert line.startswith("Cost: not recorded (InvalidInput)")
