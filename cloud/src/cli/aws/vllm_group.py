"""vLLM's instances, tasks and targets: what there is, why there is nothing, and scaling it by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud.src.cli.aws.account import Account
from cloud.src.contract import prices
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.vllm import CLUSTER, SCALING_GROUP, SERVICE, TARGET_GROUP

AGE_GUARD = "ftm-vllm-up-too-long"
GUARDS = ("ftm-vllm-idle", AGE_GUARD)
SECONDS_BETWEEN_LOOKS = 10.0
MAX_REASONS = 3

Say = Callable[[str], None]


@dataclass(frozen=True)
class Vllm:
    """``healthy_tasks``: those whose container lists its models. ``reasons``: what AWS says went wrong."""

    desired_instances: int
    instances: tuple[str, ...]  # their states in the group
    desired_tasks: int
    running_tasks: int
    healthy_tasks: int
    healthy_targets: int
    reasons: tuple[str, ...] = ()

    def usd_per_hour(self) -> float:
        """What the instances cost on Spot, about."""
        return len(self.instances) * prices.VLLM_INSTANCE_HOUR_WITH_DISK

    def is_gone(self) -> bool:
        """Whether nothing bills any more."""
        return not self.instances and not self.running_tasks

    def in_words(self) -> str:
        """One line, such as ``1 of 1 instances (InService), 1 of 1 tasks running, 0 healthy, ...``."""
        states = f" ({', '.join(self.instances)})" if self.instances else ""
        return (
            f"{len(self.instances)} of {self.desired_instances} instances{states}, "
            f"{self.running_tasks} of {self.desired_tasks} tasks running, "
            f"{self.healthy_tasks} healthy, {self.healthy_targets} healthy targets, "
            f"about ${self.usd_per_hour():.2f} an hour"
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
    )


def up(account: Account, timeout_s: float, say: Say, sleep: Callable[[float], None] = time.sleep) -> Vllm:
    """Start one instance and its task, and wait until it serves; raises FtmError that says why it does not."""
    end = time.monotonic() + timeout_s
    _wait_for_guards(account, end, say, sleep)
    before = set(look(account).reasons)
    _scale(account, 1)
    said = ""
    while not _serves(account, now := look(account)):
        if now.in_words() != said:
            said = now.in_words()
            say(said)
        new = [reason for reason in now.reasons if reason not in before]
        if time.monotonic() >= end:
            why = "; ".join(new[:MAX_REASONS]) or "AWS gives no reason; see: aws logs tail /ecs/ftm-vllm --since 30m"
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
    _scale(account, 0)


def wait_until_gone(account: Account, timeout_s: float, say: Say, sleep: Callable[[float], None] = time.sleep) -> Vllm:
    """Wait until nothing bills; raises FtmError when something still does."""
    end = time.monotonic() + timeout_s
    said = ""
    while not (now := look(account)).is_gone():
        if now.in_words() != said:
            said = now.in_words()
            say(said)
        if time.monotonic() >= end:
            raise FtmError(f"vLLM still bills after {timeout_s:.0f} s: {now.in_words()}; look again: ftm aws status")
        sleep(SECONDS_BETWEEN_LOOKS)
    return now


def _serves(account: Account, now: Vllm) -> bool:
    if account.is_local():  # it has no tasks to look at
        return bool(now.instances) and now.running_tasks > 0
    return now.healthy_tasks > 0 and now.healthy_targets > 0


def _scale(account: Account, count: int) -> None:
    """The group first on the way up, the service first on the way down."""
    ecs, autoscaling = account.client("ecs"), account.client("autoscaling")
    steps = [
        lambda: autoscaling.set_desired_capacity(AutoScalingGroupName=SCALING_GROUP, DesiredCapacity=count),
        lambda: ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=count),
    ]
    for step in steps if count else reversed(steps):
        step()


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
