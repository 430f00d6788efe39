"""``ftm aws doctor``: each check in the state that it is for, in the opposite one, and where AWS does not tell."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from cloud.src.cli import version
from cloud.src.cli.__main__ import run
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.doctor import checks
from cloud.src.cli.aws.doctor.finding import Finding, Patient, State
from cloud.src.contract import keys, parameters
from tests.component.cli.aws_faults import faulty, refusal
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
COMMIT = "0123456"
Faults = dict[str, dict[str, Any]]
MINUTE_MS = 60_000


def finding(account: Account, check: str, faults: Faults, quarter: str | None = None) -> Finding:
    """What the check of this name finds in an account with faults."""
    [found] = [one for one in checks.examine(Patient(faulty(account, faults), quarter)) if one.check == check]
    return found


@pytest.fixture(scope="module")
def session() -> Any:
    """One for all tests: it reads the descriptions of AWS's services, which takes longer than the checks."""
    return boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def empty(session: Any, aws_environment: None) -> Account:
    """An account with nothing in it."""
    return Account(session, "")


@pytest.fixture(autouse=True)
def only_the_asked_check(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The others take time, and have tests of their own."""
    values = getattr(request.node, "callspec", None)
    check = values.params.get("check") if values else None
    if check:
        monkeypatch.setattr(checks, "CHECKS", [one for one in checks.CHECKS if one.name == check])


# --- answers of AWS, each in the shape that botocore knows ----------------------------------------


def published(**values: str) -> Faults:
    return {"ssm": {"get_parameter": {"Parameter": {"Name": "name", "Value": values.get("value", "value")}}}}


def worker(image: str | None, **ecr: Any) -> Faults:
    definition = {
        "jobDefinitionName": "ftm-firm-processor",
        "jobDefinitionArn": "arn",
        "revision": 2,
        "type": "container",
        "containerProperties": {"image": image},
    }

    def described(**asked: str) -> dict[str, Any]:
        # Not by the ARN that is published: AWS finds none without a revision.
        assert asked == {"jobDefinitionName": "ftm-firm-processor", "status": "ACTIVE"}
        older = {**definition, "containerProperties": {"image": "old"}, "revision": 1}
        return {"jobDefinitions": [older, definition] if image else []}

    arn = "arn:aws:batch:us-east-1:1:job-definition/ftm-firm-processor"
    return {
        **published(value=arn),
        "batch": {"describe_job_definitions": described},
        "ecr": {"describe_images": ecr.get("answer", {"imageDetails": [{}]})},
    }


def vllm(image: str, answer: Any = None) -> Faults:
    service = {"services": [{"serviceName": "ftm-vllm-service", "taskDefinition": "ftm-vllm:1"}]}
    task = {"taskDefinition": {"containerDefinitions": [{"name": "vllm", "image": image}]}}
    ecs = {"describe_services": service, "describe_task_definition": task}
    return {"ecs": ecs, "ecr": {"describe_images": answer or {"imageDetails": [{}]}}}


def batch(state: str = "ENABLED", status: str = "VALID", environments: list[Any] | None = None) -> Faults:
    queue = {
        "jobQueueName": "ftm-queue-main",
        "jobQueueArn": "arn",
        "state": state,
        "status": status,
        "priority": 1,
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "spot"}],
    }
    answers: dict[str, Any] = {"describe_job_queues": {"jobQueues": [queue]}}
    if environments is not None:
        answers["describe_compute_environments"] = {"computeEnvironments": environments}
    return {"batch": answers}


def environment(**said: str) -> dict[str, str]:
    defaults = {"state": "ENABLED", "status": "VALID", "ecsClusterArn": "arn"}
    return {"computeEnvironmentName": "ftm-compute-spot", "computeEnvironmentArn": "spot", **defaults, **said}


def runnable(minutes: int, n_running: int = 0, **said: str) -> Faults:
    """A job that waits, on the second page, and others that run."""
    created = int(time.time() * 1000) - minutes * MINUTE_MS
    job = {"jobId": "1", "jobName": "ftm-map-2023Q1_batch_0000", "createdAt": created}

    def list_jobs(jobQueue: str, jobStatus: str) -> list[dict[str, Any]]:  # noqa: N803
        assert jobQueue == "ftm-queue-main"
        found = {"RUNNABLE": [{**job, **said}], "RUNNING": [job] * n_running}[jobStatus]
        return [{"jobSummaryList": []}, {"jobSummaryList": found}]

    return {"batch": {"list_jobs": list_jobs}}


def quota(value: float) -> Faults:
    return {"service-quotas": {"get_service_quota": {"Quota": {"Value": value}}}}


def group(name: str, *admitted: str, cidr: str = "") -> dict[str, Any]:
    pairs = [{"GroupId": f"sg-{one}"} for one in admitted]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": pairs}
    ranges = [{"CidrIp": cidr}] if cidr else []
    return {"GroupName": name, "GroupId": f"sg-{name}", "IpPermissions": [{**rule, "IpRanges": ranges}]}


def groups(alb: dict[str, Any], *others: dict[str, Any]) -> Faults:
    instance = group("ftm-vllm-instance-sg", "ftm-vllm-alb-sg")
    found = [alb, instance, group("ftm-batch-sg"), *others]
    return {"ec2": {"describe_security_groups": {"SecurityGroups": found}}}


def scaling(desired: int, *messages: str) -> Faults:
    found = {
        "AutoScalingGroupName": "ftm-vllm-asg",
        "MinSize": 0,
        "MaxSize": 1,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "EC2",
        "CreatedTime": datetime(2026, 5, 1, tzinfo=UTC),
        "Instances": [],
    }
    activities = [
        {
            "ActivityId": "1",
            "AutoScalingGroupName": "ftm-vllm-asg",
            "Cause": "a user request",
            "StartTime": datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
            "StatusCode": "Failed",
            "StatusMessage": message,
        }
        for message in messages
    ]
    answers = {"describe_auto_scaling_groups": {"AutoScalingGroups": [found]}}
    return {"autoscaling": {**answers, "describe_scaling_activities": {"Activities": activities}}}


def targets(*states: dict[str, str]) -> Faults:
    described = [{"Target": {"Id": "i-1"}, "TargetHealth": state} for state in states]
    group = {"describe_target_groups": {"TargetGroups": [{"TargetGroupArn": "arn"}]}}
    return {"elbv2": {**group, "describe_target_health": {"TargetHealthDescriptions": described}}}


def stopped(code: str, reason: str, why: str = "Essential container in task exited") -> Faults:
    container = {"name": "vllm", "exitCode": 137, "reason": reason}
    task = {"stopCode": code, "stoppedReason": why, "containers": [container]}
    cluster = {"describe_clusters": {"clusters": [{"clusterName": "ftm-vllm-cluster"}]}}
    return {"ecs": {**cluster, "list_tasks": {"taskArns": ["t"]}, "describe_tasks": {"tasks": [task]}}}


TOPIC, STOP = "arn:aws:sns:us-east-1:123456789012:ftm-alerts", "arn:aws:autoscaling:us-east-1:1:scalingPolicy:1"


def alarms(*names: str, enabled: bool = True, actions: tuple[str, ...] = (TOPIC, STOP), subscribed: Any = ()) -> Faults:
    found = [{"AlarmName": n, "ActionsEnabled": enabled, "AlarmActions": [*actions], "StateValue": "OK"} for n in names]
    subscriptions = [{"Endpoint": "you@example.com", "SubscriptionArn": arn} for arn in subscribed]
    topic = {"list_subscriptions_by_topic": {"Subscriptions": subscriptions}}
    return {**published(value=TOPIC), "cloudwatch": {"describe_alarms": {"MetricAlarms": found}}, "sns": topic}


def budget(spent: str) -> Faults:
    kept = {"BudgetName": "ftm-monthly", "TimeUnit": "MONTHLY", "BudgetType": "COST"}
    limit, actual = {"Amount": "20", "Unit": "USD"}, {"ActualSpend": {"Amount": spent, "Unit": "USD"}}
    return {"budgets": {"describe_budget": {"Budget": {**kept, "BudgetLimit": limit, "CalculatedSpend": actual}}}}


GUARDS = ("ftm-vllm-idle", "ftm-vllm-up-too-long")
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
NO_IMAGE = refusal("ImageNotFoundException")
# https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html
MISCONFIGURED = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - the job needs more than maxvCpus"
# https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
NO_QUOTA_OF_ITS_OWN = refusal("NoSuchResourceException")
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-capacity.html
NO_CAPACITY = "Could not launch Spot Instances. UnfulfillableCapacity - There is no Spot capacity available."
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
UNHEALTHY = {"State": "unhealthy", "Reason": "Target.Timeout", "Description": "Request timed out"}
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
NO_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
FAILED_CHECKS = "Task failed ELB health checks in (target-group arn)"
ALB = "ftm-vllm-alb-sg"

SICK: list[tuple[str, Faults, str]] = [
    ("worker's image", worker(None), "there is no job definition ftm-firm-processor"),
    ("worker's image", worker(f"{REGISTRY}/ftm-worker:{COMMIT}", answer=NO_IMAGE), "is not in the registry"),
    ("worker's image", worker(f"{REGISTRY}/ftm-worker:fedcba9"), f"fedcba9 is deployed, this checkout is of {COMMIT}"),
    ("vLLM's image", vllm(f"{REGISTRY}/ftm-vllm@sha256:0", NO_IMAGE), "ftm-vllm@sha256:0 is not in the registry"),
    ("queue", batch(state="DISABLED"), "ftm-queue-main: DISABLED, VALID"),
    ("queue", batch(status="INVALID"), "ftm-queue-main: ENABLED, INVALID"),
    ("queue", {"batch": {"describe_job_queues": {"jobQueues": []}}}, "there is no queue ftm-queue-main"),
    (
        "compute environments",
        batch(environments=[environment(status="INVALID", statusReason="CLIENT_ERROR - no such role")]),
        "ftm-compute-spot: ENABLED, INVALID CLIENT_ERROR - no such role",
    ),
    ("compute environments", batch(environments=[]), "1 of the queue's 1 environments are not there"),
    ("waiting jobs", runnable(11, statusReason=MISCONFIGURED), f"for longer than 10 minutes: {MISCONFIGURED}"),
    ("waiting jobs", runnable(11, 1, statusReason=MISCONFIGURED), MISCONFIGURED),
    ("waiting jobs", runnable(11), "AWS gives no reason"),
    ("quota L-3819A6DF", quota(4), "4 vCPUs, 8 are needed"),
    ("quota L-DB2E81BA", quota(0), "0 vCPUs, 4 are needed"),
    ("quota L-34B43A08", quota(31), "31 vCPUs, 32 are needed"),
    ("quota L-1216C47A", quota(1), "1 vCPUs, 4 are needed"),
    ("security groups", groups(group(ALB)), "ftm-vllm-alb-sg does not admit ftm-batch-sg"),
    ("security groups", groups(group(ALB, "ftm-batch-sg", cidr="0.0.0.0/0")), "admits 0.0.0.0/0, too"),
    ("security groups", {}, "not there: ftm-batch-sg, ftm-vllm-alb-sg, ftm-vllm-instance-sg"),
    ("vLLM's instance", scaling(1, NO_CAPACITY), f"0 of 1 instances: 09:30 {NO_CAPACITY}"),
    ("target health", targets({"State": "healthy"}, UNHEALTHY), "unhealthy: Request timed out"),
    ("container restarts", stopped("EssentialContainerExited", NO_MEMORY), NO_MEMORY),
    ("container restarts", stopped("ServiceSchedulerInitiated", "", FAILED_CHECKS), FAILED_CHECKS),
    ("guards", {}, "ftm-vllm-idle is not there; ftm-vllm-up-too-long is not there"),
    ("guards", alarms(*GUARDS, enabled=False), "ftm-vllm-idle: its actions are switched off"),
    ("guards", alarms(*GUARDS, actions=(TOPIC,)), "ftm-vllm-idle does not stop the group"),
    ("alarms confirmed", alarms(*GUARDS), "nobody has subscribed to the mails"),
    ("alarms confirmed", alarms(*GUARDS, subscribed=["PendingConfirmation"]), "you@example.com has not confirmed"),
    ("budget", budget("20.5"), "$20.50 of $20.00 spent this month, by the whole account"),
]
WELL: list[tuple[str, Faults, str]] = [
    ("worker's image", worker(f"{REGISTRY}/ftm-worker:{COMMIT}"), f"ftm-worker:{COMMIT} is there"),
    ("vLLM's image", vllm(f"{REGISTRY}/ftm-vllm:1"), "ftm-vllm:1 is there"),
    ("queue", batch(), "ftm-queue-main: ENABLED, VALID"),
    ("compute environments", batch(environments=[environment()]), "ftm-compute-spot"),
    ("waiting jobs", runnable(11, 2), "1 jobs wait for longer than 10 minutes, behind 2 that are running"),
    ("waiting jobs", runnable(0), "1 jobs wait, none for longer than 10 minutes"),
    ("quota L-3819A6DF", quota(8), "8 vCPUs"),
    (
        "quota L-34B43A08",
        {
            "service-quotas": {
                "get_service_quota": NO_QUOTA_OF_ITS_OWN,
                "get_aws_default_service_quota": {"Quota": {"Value": 64}},
            }
        },
        "64 vCPUs",
    ),
    ("security groups", groups(group(ALB, "ftm-batch-sg")), "ftm-vllm-alb-sg admits only ftm-batch-sg"),
    ("vLLM's instance", scaling(0), "scaled to 0"),
    ("target health", targets({"State": "healthy"}), "1 healthy"),
    ("container restarts", stopped("ServiceSchedulerInitiated", "scaled down"), "no task has stopped unexpectedly"),
    ("guards", alarms(*GUARDS), "ftm-vllm-idle OK, ftm-vllm-up-too-long OK"),
    ("alarms confirmed", alarms(*GUARDS, subscribed=["arn:aws:sns:us-east-1:1:ftm:1"]), "1 confirmed"),
    ("budget", budget("3"), "$3.00 of $20.00 spent this month"),
    ("budget", {"budgets": {"describe_budget": refusal("NotFoundException")}}, "budgets can be seen"),
]
UNKNOWN: list[tuple[str, Faults, str]] = [
    ("worker's image", worker("ftm-worker:local"), "ftm-worker:local is not in an AWS registry"),
    ("vLLM's image", vllm("vllm/vllm-openai:v1"), "vllm/vllm-openai:v1 is not in an AWS registry"),
    ("prefetch", {}, "no quarter was given"),
    ("target health", targets(), "vLLM is down"),
    ("alarms confirmed", {}, "there is no parameter /ftm/storage/alerts_topic_arn"),
    (
        "budget",
        {"budgets": {"describe_budget": refusal("AccessDeniedException")}},
        "the root user has to switch on IAM",
    ),
    ("budget", {"budgets": {"describe_budget": refusal("ThrottlingException")}}, "ThrottlingException"),
    *(
        (check, {service: {method: refusal("AccessDeniedException")}}, "AccessDeniedException")
        for check, service, method in (
            ("parameters", "ssm", "get_parameters"),
            ("queue", "batch", "describe_job_queues"),
            ("waiting jobs", "batch", "list_jobs"),
            ("quota L-3819A6DF", "service-quotas", "get_service_quota"),
            ("security groups", "ec2", "describe_security_groups"),
            ("vLLM's instance", "autoscaling", "describe_auto_scaling_groups"),
            ("target health", "elbv2", "describe_target_groups"),
            ("container restarts", "ecs", "describe_clusters"),
            ("guards", "cloudwatch", "describe_alarms"),
        )
    ),
]


@pytest.fixture
def of_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "commit", lambda: COMMIT)


@pytest.mark.usefixtures("of_commit")
@pytest.mark.parametrize(("check", "faults", "evidence"), SICK)
def test_what_is_wrong_is_said_with_a_fix(empty: Account, check: str, faults: Faults, evidence: str) -> None:
    found = finding(empty, check, faults)

    assert evidence in found.evidence
    assert found.state is State.FAILED
    assert found.fix


@pytest.mark.usefixtures("of_commit")
@pytest.mark.parametrize(("check", "faults", "evidence"), WELL)
def test_what_is_well_has_passed(empty: Account, check: str, faults: Faults, evidence: str) -> None:
    found = finding(empty, check, faults)

    assert evidence in found.evidence
    assert (found.state, found.fix) == (State.PASSED, "")


@pytest.mark.parametrize(("check", "faults", "why"), UNKNOWN)
def test_what_aws_does_not_tell_has_not_passed(empty: Account, check: str, faults: Faults, why: str) -> None:
    found = finding(empty, check, faults)

    assert why in found.evidence
    assert (found.state, found.fix) == (State.NOT_CHECKED, "")


def test_each_check_is_seen_failing() -> None:
    sick = {check for check, _, _ in SICK} | {"parameters", "prefetch"}  # see below
    assert sick == {check.name for check in checks.CHECKS}


@pytest.mark.parametrize("check", ["parameters"])
def test_parameters(account: Account, check: str) -> None:
    """Of the account's, which has two."""
    found = finding(account, check, {})

    assert found.state is State.FAILED
    assert f"{parameters.JOB_QUEUE_ARN} is missing" in found.evidence
    assert parameters.BUCKET not in found.evidence


@pytest.mark.parametrize("check", ["prefetch"])
def test_prefetch(account: Account, s3: Any, check: str) -> None:
    assert finding(account, check, {}, QUARTER).state is State.FAILED
    s3.put_object(Bucket=BUCKET, Key=keys.prefetch_manifest(QUARTER), Body=b'{"firms": {"1": "chunk_0000.parquet"}}')
    assert finding(account, check, {}, QUARTER).evidence == f"{QUARTER}: 1 firms"


def test_the_command(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """In an account with vLLM's group and little else."""
    assert run(["aws", "doctor", QUARTER, "--json"]) == 1

    printed = {one["check"]: one for one in json.loads(capsys.readouterr().out)}
    assert list(printed) == [check.name for check in checks.CHECKS]
    assert printed["prefetch"]["state"] == "failed"
    assert printed["vLLM's instance"]["state"] == "passed"
    assert printed["worker's image"]["state"] == "not checked"

    assert run(["aws", "doctor"]) == 1
    out = capsys.readouterr().out
    assert "account 123456789012, region us-east-1" in out
    assert " passed, " in out
    assert "ftm-vllm-idle is not there" in out


@pytest.mark.parametrize("check", ["vLLM's instance"])
def test_it_succeeds_when_nothing_fails(account: Account, check: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aws", "doctor"]) == 0
    assert "1 passed, 0 failed, 0 not checked" in capsys.readouterr().out
