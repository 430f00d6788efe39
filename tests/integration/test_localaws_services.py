"""vLLM's service in a local AWS without Terraform: tasks follow the instances, targets and log follow the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cloud.src.contract.vllm import CLUSTER, LOG_GROUP, SCALING_GROUP, SERVICE, TARGET_GROUP, WANTED
from cloud.src.contract.vllm import instances as priced_instances
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.vllm_stand_in import BALANCER, JOBS, provision_vllm
from tests.integration.localaws_helpers import local_aws_without


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as aws:
        provision_vllm(aws)
        yield aws


def want(aws: LocalAws, *, tasks: int | None = None, instances: int | None = None) -> None:
    if tasks is not None:
        aws.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=tasks)
    if instances is not None:
        group = {"AutoScalingGroupName": SCALING_GROUP}
        aws.client("autoscaling").set_desired_capacity(**group, DesiredCapacity=instances)


def service(aws: LocalAws) -> tuple[int, int, int]:
    """Desired, running, pending."""
    (found,) = aws.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    return found["desiredCount"], found["runningCount"], found["pendingCount"]


def targets(aws: LocalAws) -> list[str]:
    elb = aws.client("elbv2")
    (group,) = elb.describe_target_groups(Names=[TARGET_GROUP])["TargetGroups"]
    health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    return [one["TargetHealth"]["State"] for one in health]


def log(aws: LocalAws) -> list[str]:
    found = aws.client("logs").filter_log_events(logGroupName=LOG_GROUP)["events"]
    return [event["message"].partition(":")[0] for event in found]


def test_a_task_runs_while_wanted_if_there_is_an_instance(aws: LocalAws) -> None:
    want(aws, tasks=1)
    assert (service(aws), targets(aws), log(aws)) == ((1, 0, 1), [], [])
    want(aws, instances=1)
    assert (service(aws), targets(aws)) == ((1, 1, 0), ["healthy"])
    assert log(aws) == ["the local AWS runs no container"]
    want(aws, instances=0)
    assert (service(aws), targets(aws)) == ((1, 0, 1), [])
    want(aws, tasks=0)
    assert service(aws) == (0, 0, 0)
    assert log(aws)[1:] == ["the service has been scaled down, or its instance has gone"]


def test_its_instances_are_on_spot_as_the_root_has_them(aws: LocalAws) -> None:
    want(aws, instances=1)
    (group,) = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[SCALING_GROUP])[
        "AutoScalingGroups"
    ]
    assert priced_instances(aws.client("ec2"), group) == [WANTED]
    want(aws, instances=0)


def test_a_service_that_is_scaled_down_has_no_target(aws: LocalAws) -> None:
    want(aws, tasks=1, instances=1)
    assert targets(aws) == ["healthy"]
    want(aws, tasks=0)
    assert (service(aws), targets(aws)) == ((0, 0, 0), [])
    want(aws, instances=0)


def test_the_jobs_may_talk_to_the_load_balancer(aws: LocalAws) -> None:
    filters: Any = [{"Name": "group-name", "Values": [JOBS, BALANCER]}]
    groups = {
        one["GroupName"]: one for one in aws.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    }
    (rule,) = groups[BALANCER]["IpPermissions"]
    assert (rule["FromPort"], rule["UserIdGroupPairs"][0]["GroupId"]) == (80, groups[JOBS]["GroupId"])


def test_stock_moto_runs_tasks_without_an_instance() -> None:
    with local_aws_without("services:install") as stock:
        provision_vllm(stock)
        want(stock, tasks=1)
        assert (service(stock)[1], targets(stock)) == (1, [])
