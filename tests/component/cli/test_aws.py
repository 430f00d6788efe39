"""``ftm aws`` against a plain local AWS with what the Terraform roots make, and in states that moto does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from cloud.src.cli.__main__ import run
from cloud.src.cli.aws import quarters, vllm_group
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.quarters import QuarterEnded
from cloud.src.cli.run.execution import Execution, ExecutionProgress
from cloud.src.contract import keys, parameters, prices, vllm
from cloud.src.contract.errors import FtmError, InvalidInput
from tests.component.cli.aws_faults import faulty, refusal
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"


def no_wait(_seconds: float) -> None:
    """Time that passes at once."""


def prefetch(s3: Any, n_firms: int) -> None:
    firms = {str(number): "chunk_0000.parquet" for number in range(n_firms)}
    s3.put_object(Bucket=BUCKET, Key=keys.prefetch_manifest(QUARTER), Body=json.dumps({"firms": firms}))


def test_up_and_down(account: Account) -> None:
    said: list[str] = []

    serving = vllm_group.up(account, 60, said.append, no_wait)
    assert (len(serving.instances), serving.running_tasks) == (1, 1)
    assert serving.usd_per_hour() == pytest.approx(1.006 + 0.03)  # a plain launch template is on demand
    assert serving.in_words().endswith("about $1.04 an hour (g5.xlarge on demand)")

    gone = vllm_group.down(account, 60, said.append, no_wait)
    assert (gone.instances, gone.running_tasks, gone.desired_tasks, gone.usd_per_hour()) == ((), 0, 0, 0)


def test_spot_instances_have_the_price_of_spot(account: Account) -> None:
    vllm_group.up(account, 60, print, no_wait)
    (group,) = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    spot = {"InstanceId": group["Instances"][0]["InstanceId"], "InstanceType": "g6.xlarge", "InstanceLifecycle": "spot"}
    answer = {"ec2": {"describe_instances": {"Reservations": [{"Instances": [spot]}]}}}

    seen = vllm_group.look(faulty(account, answer))

    assert seen.in_words().endswith("about $0.40 an hour (g6.xlarge on Spot)")
    vllm_group.down(account, 60, print, no_wait)


def group_of(on_demand: int, *types: str) -> dict[str, Any]:
    """As AWS describes one with a distribution."""
    return {
        "Instances": [],
        "MixedInstancesPolicy": {
            "LaunchTemplate": {"Overrides": [{"InstanceType": one} for one in types]},
            "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": on_demand},
        },
    }


@pytest.mark.parametrize(
    ("group", "kind", "usd"),
    [
        (group_of(0, "g6.xlarge", "g5.xlarge"), "g5.xlarge on Spot", 200 * 0.40),
        (group_of(100, "g6.xlarge", "g5.xlarge"), "g6.xlarge on demand", 200 * 0.8348),
        (group_of(100), "g5.xlarge on demand", 200 * 1.036),
        ({"Instances": []}, "g5.xlarge on demand", 200 * 1.036),
    ],
    ids=["Spot", "on demand", "no types", "no distribution"],
)
def test_an_estimate_has_the_price_of_the_next_instance(group: dict[str, Any], kind: str, usd: float) -> None:
    n_firms = 200 * 3600 * prices.NAMES_PER_S // prices.TOPICS_PER_FIRM
    found = quarters.Estimate(n_firms, vllm.wanted(group))

    assert f" with a {kind}, jobs on Spot and " in found.in_words()
    assert found.vllm_usd() == pytest.approx(usd, rel=1e-4)


def test_up_leaves_a_group_that_somebody_has_scaled_further(account: Account) -> None:
    account.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="ftm-vllm-asg", MaxSize=2, DesiredCapacity=2
    )
    account.client("ecs").update_service(cluster="ftm-vllm-cluster", service="ftm-vllm-service", desiredCount=2)

    serving = vllm_group.up(account, 60, print, no_wait)

    assert (serving.desired_instances, serving.desired_tasks) == (2, 2)
    vllm_group.down(account, 60, print, no_wait)


NOW = datetime.now(UTC)


def desired(*minutes_and_counts: tuple[int, int]) -> dict[str, Any]:
    """What CloudWatch has of the group: how many were wanted so many minutes ago."""
    points = [
        {"Timestamp": NOW - timedelta(minutes=minutes), "Minimum": float(count)}
        for minutes, count in minutes_and_counts
    ]
    return {"cloudwatch": {"get_metric_statistics": {"Label": "GroupDesiredCapacity", "Datapoints": points}}}


@pytest.mark.parametrize(
    ("seen", "hours"),
    [
        (desired((125, 0), (120, 1), (60, 1), (5, 1)), 2.0),
        (desired((5, 1), (125, 0), (120, 1), (300, 1), (305, 0)), 2.0),  # in no order; it was down in between
        (desired((240, 1), (5, 1)), 4.0),  # up for longer than is known
        (desired((4, 0)), 0.0),
        (desired(), None),
    ],
    ids=["up", "down in between", "always up", "just started", "nothing is known"],
)
def test_how_long_the_group_has_been_up(account: Account, seen: dict[str, Any], hours: float | None) -> None:
    assert vllm_group.hours_up(faulty(account, seen), 24) == 0  # whatever was before

    account.client("autoscaling").set_desired_capacity(AutoScalingGroupName="ftm-vllm-asg", DesiredCapacity=1)
    up = vllm_group.hours_up(faulty(account, seen), 24)

    assert up == (None if hours is None else pytest.approx(hours, abs=0.05))
    vllm_group.down(account, 60, print, no_wait)


def test_the_age_guard_tells_how_long_vllm_may_be_up(account: Account) -> None:
    cloudwatch = account.client("cloudwatch")
    assert vllm_group.most_hours(account) is None
    cloudwatch.put_metric_alarm(
        AlarmName="ftm-vllm-up-too-long",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=24 * 12,
        Threshold=0,
        Namespace="AWS/AutoScaling",
        MetricName="GroupDesiredCapacity",
        Period=300,
        Statistic="Minimum",
    )
    assert vllm_group.most_hours(account) == 24
    cloudwatch.delete_alarms(AlarmNames=["ftm-vllm-up-too-long"])


@pytest.fixture
def red_guard(account: Account) -> Iterator[Any]:
    """The client of CloudWatch while the idle guard is red."""
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="ftm-vllm-idle",
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=1,
        Threshold=1,
        Namespace="AWS/EC2",
        MetricName="NetworkIn",
        Period=300,
        Statistic="Sum",
    )
    cloudwatch.set_alarm_state(AlarmName="ftm-vllm-idle", StateValue="ALARM", StateReason="idle")
    yield cloudwatch
    cloudwatch.delete_alarms(AlarmNames=["ftm-vllm-idle"])


def test_up_waits_for_a_guard_that_is_still_red(account: Account, red_guard: Any) -> None:
    said: list[str] = []
    desired_while_red: list[int] = []

    def evaluated_meanwhile(_seconds: float) -> None:
        desired_while_red.append(vllm_group.look(account).desired_instances)
        red_guard.set_alarm_state(AlarmName="ftm-vllm-idle", StateValue="OK", StateReason="no data")

    vllm_group.up(account, 60, said.append, evaluated_meanwhile)

    assert desired_while_red[0] == 0
    assert said[0].startswith("ftm-vllm-idle is still red and would stop the group again: waiting until it is not")


@pytest.mark.usefixtures("red_guard")
def test_up_gives_up_on_a_guard_that_stays_red(account: Account) -> None:
    with pytest.raises(FtmError, match="ftm-vllm-idle is still red"):
        vllm_group.up(account, 0, print, no_wait)


# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-capacity.html
NO_CAPACITY = "Could not launch Spot Instances. UnfulfillableCapacity - There is no Spot capacity available."
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
NO_QUOTA = (
    "You have requested more vCPU capacity than your current vCPU limit of 0 allows. Launching EC2 instance failed."
)
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
NO_MEMORY, NO_IMAGE = "OutOfMemoryError: Container killed due to memory usage", "CannotPullContainerError: not found"


def failed_activity(message: str) -> dict[str, Any]:
    activity: dict[str, Any] = {
        "ActivityId": "1",
        "AutoScalingGroupName": "ftm-vllm-asg",
        "Cause": "a user request",
        "StartTime": datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
        "StatusCode": "Failed",
        "StatusMessage": message,
    }
    return {"autoscaling": {"describe_scaling_activities": {"Activities": [activity]}}}


def stopped_task(reason: str) -> dict[str, Any]:
    container = {"name": "vllm", "exitCode": 137, "reason": reason}
    task = {"stoppedReason": "Essential container in task exited", "containers": [container]}
    return {"ecs": {"list_tasks": {"taskArns": ["t"]}, "describe_tasks": {"tasks": [task], "failures": []}}}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (failed_activity(NO_CAPACITY), f"09:30 {NO_CAPACITY}"),
        (failed_activity(NO_QUOTA), f"09:30 {NO_QUOTA}"),
        (stopped_task(NO_MEMORY), f"task stopped: Essential container in task exited: {NO_MEMORY} (exit code 137)"),
        (stopped_task(NO_IMAGE), NO_IMAGE),
        ({}, "AWS gives no reason; see: aws logs tail /ecs/ftm-vllm"),
    ],
    ids=["no Spot capacity", "quota 0", "out of memory", "image missing", "no reason"],
)
def test_up_says_why_it_does_not_serve(account: Account, fault: dict[str, Any], why: str) -> None:
    real_look = vllm_group.look
    looks = iter([real_look(account)])  # before the start there was nothing wrong
    on_aws = faulty(account, fault)

    def look(_account: Account) -> vllm_group.Vllm:
        return next(looks, None) or real_look(on_aws)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm_group, "look", look)
        with pytest.raises(FtmError) as error:
            vllm_group.up(on_aws, 0, lambda _line: None, no_wait)

    assert why in str(error.value)
    assert str(error.value).endswith("stop it: ftm aws down")


NO_MODEL = "OSError: Qwen/Qwen3-8B is not a local folder and is not a valid model identifier"
NO_GPU_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.32 GiB."


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["Starting vLLM", "Traceback (most recent call last):", NO_MODEL, "Shutting down"], NO_MODEL),
        (
            [NO_MODEL, NO_GPU_MEMORY, "(APIServer pid=1) RuntimeError: Engine failed. See root cause above."],
            NO_GPU_MEMORY,
        ),
        (["Loading the model"], "AWS gives no reason; see: aws logs tail /ecs/ftm-vllm"),
    ],
    ids=["model download", "memory of the GPU", "no error"],
)
def test_up_says_what_the_log_says(account: Account, lines: list[str], why: str) -> None:
    events = {"events": [{"message": f"{line}\n", "timestamp": 1} for line in lines]}

    with pytest.raises(FtmError) as error:
        vllm_group.up(faulty(account, {"logs": {"filter_log_events": events}}), 0, lambda _line: None, no_wait)

    assert why in str(error.value)
    vllm_group.down(account, 60, print, no_wait)


def test_on_aws_a_healthy_task_and_target_are_waited_for(account: Account) -> None:
    task = {"healthStatus": "HEALTHY"}
    target = {"Target": {"Id": "i-1"}, "TargetHealth": {"State": "healthy"}}
    healthy: dict[str, Any] = {
        "ecs": {"list_tasks": {"taskArns": ["t"]}, "describe_tasks": {"tasks": [task], "failures": []}},
        "elbv2": {"describe_target_health": {"TargetHealthDescriptions": [target]}},
    }
    unhealthy: dict[str, Any] = {**healthy, "elbv2": {"describe_target_health": {"TargetHealthDescriptions": []}}}

    assert vllm_group.up(faulty(account, healthy), 0, print, no_wait).healthy_targets == 1
    with pytest.raises(FtmError, match="1 healthy, 0 healthy targets"):
        vllm_group.up(faulty(account, unhealthy), 0, print, no_wait)


def test_the_group_goes_to_0_though_the_service_does_not(account: Account) -> None:
    vllm_group.up(account, 60, print, no_wait)

    with pytest.raises(ClientError, match="ThrottlingException"):
        vllm_group.scale_down(faulty(account, {"ecs": {"update_service": refusal("ThrottlingException")}}))

    assert vllm_group.look(account).desired_instances == 0
    vllm_group.down(account, 60, print, no_wait)


def test_down_says_what_still_bills(account: Account) -> None:
    vllm_group.up(account, 60, print, no_wait)
    stuck: dict[str, Any] = {
        "AutoScalingGroupName": "ftm-vllm-asg",
        "MinSize": 0,
        "MaxSize": 1,
        "DesiredCapacity": 0,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "EC2",
        "CreatedTime": datetime(2026, 5, 1, tzinfo=UTC),
        "Instances": [
            {
                "InstanceId": "i-1",
                "AvailabilityZone": "us-east-1a",
                "LifecycleState": "Terminating:Wait",
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": False,
            }
        ],
    }
    held: dict[str, Any] = {"autoscaling": {"describe_auto_scaling_groups": {"AutoScalingGroups": [stuck]}}}

    with pytest.raises(FtmError, match=r"still costs money after 0 s: 1 of 0 instances \(Terminating:Wait\)"):
        vllm_group.down(faulty(account, held), 0, print, no_wait)


def test_commands(account: Account, s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Up, start, what must be refused while it runs, stop, down: as an operator types them."""
    prefetch(s3, 10)

    assert run(["aws", "up", "--timeout", "60s"]) == 0
    assert "account 123456789012, region us-east-1, local AWS at http://" in capsys.readouterr().out
    assert run(["aws", "start", QUARTER]) == 0
    out = capsys.readouterr().out
    assert (
        "10 firms, about 330 names: about 0.0 h and $0.01 with a g5.xlarge on demand, jobs on Spot and 10 names per "
        "second (not measured)" in out
    )
    assert "started arn:aws:states:" in out

    assert run(["aws", "start", QUARTER]) == 2
    assert f"{QUARTER} is already running: arn:aws:states:" in capsys.readouterr().err
    assert run(["aws", "down"]) == 2
    assert f"{QUARTER} is still running and needs vLLM" in capsys.readouterr().err
    assert run(["aws", "down", "--force", "--timeout", "60s"]) == 0
    assert "vLLM is down: 0 of 0 instances, 0 of 0 tasks running" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start", "2024Q1"], "2024Q1 is not prefetched: ftm prefetch 2024Q1"),
        (["start", QUARTER, "--limit", "0"], "is more than --limit 0: add --yes"),
        (["follow", "2024Q1"], "2024Q1 was never started here"),
        (["stop", QUARTER], f"{QUARTER} is not running"),
        (["up", "--timeout", "soon"], "--timeout 'soon' is not a time"),
        (["status", "--profile", "no-such-profile"], "no-such-profile"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    account: Account, s3: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    prefetch(s3, 10)

    assert run(["aws", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_the_roots_it_says_so(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aws", "up"]) == 2
    assert "there is no group ftm-vllm-asg in this account and region" in capsys.readouterr().err


def test_a_quarter_is_found_among_executions_with_any_input(account: Account) -> None:
    states, machine = boto3.client("stepfunctions"), account.state_machine_arn()
    for name, given in {"a": "[]", "b": '{"quarter": "2023Q2"}', "c": "{}"}.items():
        states.start_execution(stateMachineArn=machine, input=given, name=name)

    found = quarters.latest(account, "2023Q2")

    assert found is not None
    assert quarters.quarter_of(found) == "2023Q2"
    assert quarters.latest(account, QUARTER) is None
    with pytest.raises(InvalidInput):
        quarters.last_started(account, QUARTER)


@pytest.fixture
def no_jobs(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A queue without jobs."""
    account.client("ssm").put_parameter(Name=parameters.JOB_QUEUE_ARN, Value="arn", Type="String")
    monkeypatch.setattr(quarters, "jobs", lambda _: iter([]))
    monkeypatch.setattr(quarters, "failed_job_log", lambda *_: [])
    yield
    account.client("ssm").delete_parameter(Name=parameters.JOB_QUEUE_ARN)


@pytest.mark.usefixtures("no_jobs")
def test_an_execution_not_yet_listed_is_stopped_by_arn(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = quarters.start(account, QUARTER, 50, {})
    monkeypatch.setattr(quarters, "latest", lambda *_: None)

    quarters.stop(account, QUARTER, print, no_wait, arn=arn)

    assert boto3.client("stepfunctions").describe_execution(executionArn=arn)["status"] == "ABORTED"


@pytest.mark.usefixtures("no_jobs")
@pytest.mark.parametrize("error", [EndpointConnectionError(endpoint_url="x"), ReadTimeoutError(endpoint_url="x")])
def test_following_outlasts_some_minutes_without_a_network(
    account: Account, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    arn = quarters.start(account, QUARTER, 50, {})
    quarters.stop(account, QUARTER, print, no_wait, arn=arn)
    troubles, progress = [error, error], Execution.progress
    waited: list[float] = []

    def without_a_network(execution: Execution) -> ExecutionProgress:
        if troubles:
            raise troubles.pop()
        return progress(execution)

    monkeypatch.setattr(Execution, "progress", without_a_network)
    with pytest.raises(QuarterEnded, match="ABORTED"):
        quarters.follow(account, QUARTER, arn, print, waited.append)
    assert waited == [10.0, 10.0]


@pytest.mark.parametrize(
    ("job", "is_of"),
    [
        (f"ftm-map-{QUARTER}_batch_0000", True),
        (f"ftm-reduce-{QUARTER}", True),
        (f"ftm-panel-{QUARTER}", False),  # a panel may be called like a quarter
        ("ftm-check", False),
    ],
)
def test_only_a_quarters_own_jobs_are_ended_with_it(job: str, is_of: bool) -> None:
    assert quarters.is_of({"jobName": job}, QUARTER) is is_of
