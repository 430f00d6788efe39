"""Whether vLLM gets its instance, stays up and answers."""

from __future__ import annotations

from typing import Any

from cloud.src.cli.aws import vllm_group
from cloud.src.cli.aws.doctor.finding import Check, Patient, Seen, not_checked, passed, verdict
from cloud.src.contract.vllm import CLUSTER, SCALING_GROUP, TARGET_GROUP

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html: not scaled down, and no deployment.
ENDED_BADLY = ("EssentialContainerExited", "TaskFailedToStart", "SpotInterruption")
# Such a task is stopped by the scheduler, as one that is scaled down: only the reason tells.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
UNHEALTHY = "health checks"


def _capacity(patient: Patient) -> Seen:
    client = patient.account.client("autoscaling")
    groups = client.describe_auto_scaling_groups(AutoScalingGroupNames=[SCALING_GROUP])["AutoScalingGroups"]
    if not groups:
        return not_checked(f"there is no group {SCALING_GROUP}: apply the root ecs")
    wanted, n_there = groups[0]["DesiredCapacity"], len(groups[0]["Instances"])
    if not wanted:
        return passed(f"scaled to 0, {n_there} instances are left")
    reasons = "; ".join(vllm_group.failed_activities(client)[:1]) or "AWS gives no reason"
    said = f"{n_there} of {wanted} instances"
    return verdict([f"{said}: {reasons}"] if n_there < wanted else [], said)


def _targets(patient: Patient) -> Seen:
    elb = patient.account.client("elbv2")
    group = elb.describe_target_groups(Names=[TARGET_GROUP])["TargetGroups"][0]["TargetGroupArn"]
    targets = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    if not targets:
        return not_checked("no target: vLLM is down")
    health = [target["TargetHealth"] for target in targets]
    bad = [f"{one['State']}: {one.get('Description', one.get('Reason', 'no reason'))}" for one in health]
    return verdict([said for said in bad if not said.startswith("healthy:")], f"{len(targets)} healthy")


def _restarts(patient: Patient) -> Seen:
    ecs = patient.account.client("ecs")
    if not ecs.describe_clusters(clusters=[CLUSTER])["clusters"]:
        return not_checked(f"there is no cluster {CLUSTER}: apply the root ecs")
    stopped = [task for task in vllm_group.tasks(ecs, "STOPPED") if _ended_badly(task)]
    reasons = list(dict.fromkeys(vllm_group.why_stopped(task) for task in stopped))
    return verdict(reasons[: vllm_group.MAX_REASONS], "no task has stopped unexpectedly in the last hour")


def _ended_badly(task: dict[str, Any]) -> bool:
    return task.get("stopCode") in ENDED_BADLY or UNHEALTHY in task.get("stoppedReason", "")


CHECKS = (
    Check(
        "vLLM's instance",
        "whether the group has the instances that it wants, or why not",
        "no Spot capacity: wait, or apply ecs with use_spot = false (guide, section 14); a quota: see above",
        _capacity,
    ),
    Check(
        "target health",
        "whether the load balancer reaches vLLM",
        "loading the model takes up to ten minutes; then: aws logs tail /ecs/ftm-vllm --since 30m",
        _targets,
    ),
    Check(
        "container restarts",
        "tasks of vLLM that have ended by themselves, which ECS remembers for an hour",
        "out of memory or image missing: correct ecs; else: aws logs tail /ecs/ftm-vllm --since 1h",
        _restarts,
    ),
)
