"""vLLM's instances, tasks and targets: what there is, why there is nothing, and scaling it by hand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli.aws.account import Account
from cloud.src.contract import vllm
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.vllm import CLUSTER, LOG_GROUP, SCALING_GROUP, SERVICE, TARGET_GROUP, Priced

TAIL = f"aws logs tail {LOG_GROUP} --since 30m"
AGE_GUARD = "ftm-vllm-up-too-long"
GUARDS = ("ftm-vllm-idle", AGE_GUARD)
METRIC_PERIOD_S = 300  # the guards' too
SECONDS_BETWEEN_LOOKS = 10.0
MAX_REASONS = 3
# What vLLM, PyTorch and the Hugging Face client log when they give up: the last such line says most.
LOGGED_ERROR = re.compile(r"\b\w*(Error|Exception)\b|out of memory|Killed")
# What its server says after its engine has said why (github.com/vllm-project/vllm/issues/26898).
SAYS_NO_MORE = re.compile("See root cause above")
MAX_LOGGED = 300  # characters of that line

Say = Callable[[str], None]


@dataclass(frozen=True)
class Vllm:
    """``healthy_tasks``: those whose container lists its models. ``reasons``: what AWS says went wrong.

    ``priced``: what each instance is and costs.
    """

    desired_instances: int
    instances: tuple[str, ...]  # their states in the group
    desired_tasks: int
    running_tasks: int
    healthy_tasks: int
    healthy_targets: int
    reasons: tuple[str, ...] = ()
    priced: tuple[Priced, ...] = ()

    def usd_per_hour(self) -> float:
        """Approximate cost of the instances per hour."""
        return sum(one.usd_per_hour for one in self.priced)

    def is_gone(self) -> bool:
        """Whether nothing bills any more."""
        return not self.instances and not self.running_tasks

    def in_words(self) -> str:
        """One line, such as ``1 of 1 instances (InService), 1 of 1 tasks running, 0 healthy, ...``."""
        states = f" ({', '.join(self.instances)})" if self.instances else ""
        kinds = ", ".join(dict.fromkeys(one.kind for one in self.priced))
        return (
            f"{len(self.instances)} of {self.desired_instances} instances{states}, "
            f"{self.running_tasks} of {self.desired_tasks} tasks running, "
            f"{self.healthy_tasks} healthy, {self.healthy_targets} healthy targets, "
            f"about ${self.usd_per_hour():.2f} an hour{f' ({kinds})' if kinds else ''}"
        )


def look(account: Account) -> Vllm:
    """What there is of vLLM; raises InvalidInput where the root ecs is not applied."""
    autoscaling, ecs = account.client("autoscaling"), account.client("ecs")
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[SCALING_GROUP])["AutoScalingGroups"]
    if not groups:
        raise InvalidInput(
            f"there is no group {SCALING_GROUP} in this account and region: apply the Terraform root ecs"
        )
    (group,) = groups
    (service,) = ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    return Vllm(
        desired_instances=group["DesiredCapacity"],
        instances=tuple(instance["LifecycleState"] for instance in group["Instances"]),
        desired_tasks=service["desiredCount"],
        running_tasks=service["runningCount"],
        healthy_tasks=sum(task.get("healthStatus") == "HEALTHY" for task in tasks(ecs, "RUNNING")),
        healthy_targets=_healthy_targets(account),
        reasons=tuple(dict.fromkeys([*failed_activities(autoscaling), *_stopped(ecs), *_events(service)])),
        priced=tuple(vllm.instances(account.client("ec2"), group)),
    )


def wanted(account: Account) -> Priced:
    """What an instance of the group will be, and cost; where the root ecs is not applied, what it would be."""
    groups = account.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[SCALING_GROUP])
    return vllm.wanted(groups["AutoScalingGroups"][0]) if groups["AutoScalingGroups"] else vllm.WANTED


def up(account: Account, timeout_s: float, say: Say, sleep: Callable[[float], None] = time.sleep) -> Vllm:
    """Start one instance and its task, and wait until it serves; raises FtmError that says why it does not.

    A group that somebody has scaled to more than one is left as it is.
    """
    since, end = datetime.now(UTC), time.monotonic() + timeout_s
    _wait_for_guards(account, end, say, sleep)
    before = look(account)
    _scale(account, max(1, before.desired_instances), max(1, before.desired_tasks))
    said = ""
    while not _serves(account, now := look(account)):
        if now.in_words() != said:
            said = now.in_words()
            say(said)
        if time.monotonic() >= end:
            new = [reason for reason in now.reasons if reason not in before.reasons][:MAX_REASONS]
            why = "; ".join([*new, *logged_error(account, since)]) or f"AWS gives no reason; see: {TAIL}"
            raise FtmError(
                f"vLLM does not serve after {timeout_s:.0f} s: {now.in_words()}; {why}; stop it: ftm aws down"
            )
        sleep(SECONDS_BETWEEN_LOOKS)
    return now


def down(account: Account, timeout_s: float, say: Say, sleep: Callable[[float], None] = time.sleep) -> Vllm:
    """Scale to 0 and wait until nothing bills; raises FtmError when something still does."""
    scale_down(account)
    return wait_until_gone(account, timeout_s, say, sleep)


def scale_down(account: Account) -> None:
    """Scale to 0 without waiting for it."""
    _scale(account, 0, 0)


def wait_until_gone(account: Account, timeout_s: float, say: Say, sleep: Callable[[float], None] = time.sleep) -> Vllm:
    """Wait until nothing bills; raises FtmError when something still does."""
    end = time.monotonic() + timeout_s
    said = ""
    while not (now := look(account)).is_gone():
        if now.in_words() != said:
            said = now.in_words()
            say(said)
        if time.monotonic() >= end:
            raise FtmError(
                f"vLLM still costs money after {timeout_s:.0f} s: {now.in_words()}; check again: ftm aws status"
            )
        sleep(SECONDS_BETWEEN_LOOKS)
    return now


def _serves(account: Account, now: Vllm) -> bool:
    if account.is_local():  # it has no tasks to look at
        return bool(now.instances) and now.running_tasks > 0
    return now.healthy_tasks > 0 and now.healthy_targets > 0


def _scale(account: Account, n_instances: int, n_tasks: int) -> None:
    """Scale up the group first, or scale down the service first, then the group whether or not that worked."""
    ecs, autoscaling = account.client("ecs"), account.client("autoscaling")
    if n_instances:
        autoscaling.set_desired_capacity(AutoScalingGroupName=SCALING_GROUP, DesiredCapacity=n_instances)
    try:
        ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=n_tasks)
    finally:
        if not n_instances:
            autoscaling.set_desired_capacity(AutoScalingGroupName=SCALING_GROUP, DesiredCapacity=0)


def _wait_for_guards(account: Account, end: float, say: Say, sleep: Callable[[float], None]) -> None:
    """An alarm calls its action for every period in which it is red, so that it would stop what has just started.

    It turns by itself within three periods of a stop. Setting its state would last until it is evaluated again.
    """
    cloudwatch = account.client("cloudwatch")
    is_said = False
    while True:
        alarms = cloudwatch.describe_alarms(AlarmNames=list(GUARDS))["MetricAlarms"]
        red = " and ".join(alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM")
        if not red:
            return
        if time.monotonic() >= end:
            raise FtmError(f"{red} is still red and would stop the group again: see its history in CloudWatch")
        if not is_said:
            say(f"{red} is still red and would stop the group again: waiting until it is not, up to 15 minutes")
        is_said = True
        sleep(SECONDS_BETWEEN_LOOKS)


def most_hours(account: Account) -> float | None:
    """How long the group may be up until the age guard sets it to 0 (``max_hours`` of ecs); None without the guard."""
    alarms = account.client("cloudwatch").describe_alarms(AlarmNames=[AGE_GUARD])["MetricAlarms"]
    return next((alarm["Period"] * alarm["EvaluationPeriods"] / 3600 for alarm in alarms), None)


def hours_up(account: Account, most_hours: float) -> float | None:
    """For how long the group has wanted instances, as the age guard counts it; None where CloudWatch does not tell.

    It is asked for as far back as the guard looks: ``most_hours``.
    """
    groups = account.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[SCALING_GROUP])
    if not any(group["DesiredCapacity"] for group in groups["AutoScalingGroups"]):
        return 0.0
    now = datetime.now(UTC)
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/AutoScaling",
        MetricName="GroupDesiredCapacity",
        Dimensions=[{"Name": "AutoScalingGroupName", "Value": SCALING_GROUP}],
        StartTime=now - timedelta(hours=most_hours),
        EndTime=now,
        Period=METRIC_PERIOD_S,
        Statistics=["Minimum"],
    )["Datapoints"]
    if not points:
        return None
    at_zero = [point["Timestamp"] for point in points if not point["Minimum"]]
    since = max(at_zero) + timedelta(seconds=METRIC_PERIOD_S) if at_zero else min(one["Timestamp"] for one in points)
    return float(max(0.0, (now - since).total_seconds() / 3600))


def logged_error(account: Account, since: datetime) -> list[str]:
    """The last line of vLLM's log since then that names an error: model not loaded, GPU memory too small."""
    asked = {"logGroupName": LOG_GROUP, "startTime": int(since.timestamp() * 1000)}
    try:
        pages = account.client("logs").get_paginator("filter_log_events").paginate(**asked)
        lines = [event["message"].strip() for page in pages for event in page["events"]]
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException":
            return []
        return [f"its log cannot be read: {error}"]
    errors = [line for line in lines if LOGGED_ERROR.search(line) and not SAYS_NO_MORE.search(line)]
    return [f"its log says: {line[:MAX_LOGGED]}" for line in errors[-1:]]


def tasks(ecs: Any, status: str) -> list[dict[str, Any]]:
    """The service's tasks, RUNNING or STOPPED, as DescribeTasks returns them."""
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE, desiredStatus=status)["taskArns"]
    return list(ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]) if arns else []


def _healthy_targets(account: Account) -> int:
    elb = account.client("elbv2")
    group = elb.describe_target_groups(Names=[TARGET_GROUP])["TargetGroups"][0]["TargetGroupArn"]
    targets = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sum(target["TargetHealth"]["State"] == "healthy" for target in targets)


def failed_activities(autoscaling: Any) -> list[str]:
    """Why no instance was started: no Spot capacity, a quota, a zone without the type."""
    found = autoscaling.describe_scaling_activities(AutoScalingGroupName=SCALING_GROUP, MaxRecords=10)["Activities"]
    failed = [activity for activity in found if activity["StatusCode"] in ("Failed", "Cancelled")]
    return [f"{activity['StartTime']:%H:%M} {activity.get('StatusMessage', 'no message')}" for activity in failed]


def _stopped(ecs: Any) -> list[str]:
    return [why_stopped(task) for task in tasks(ecs, "STOPPED")]


def why_stopped(task: dict[str, Any]) -> str:
    """Why a task ended: the image, memory, the container's exit."""
    containers = [one for one in task.get("containers", []) if one.get("reason") or one.get("exitCode")]
    details = [f"{one.get('reason', 'exit')} (exit code {one.get('exitCode', 'none')})" for one in containers]
    return ": ".join(["task stopped", task.get("stoppedReason", "no reason"), *details])


def _events(service: dict[str, Any]) -> list[str]:
    unable = [event["message"] for event in service.get("events", [])[:5] if "unable" in event["message"]]
    return [f"service: {message}" for message in unable]
