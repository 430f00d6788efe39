"""What vLLM's group, cluster and service are called on AWS, and what its instances cost.

Standard library only: a Lambda function uses it too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cloud.src.contract import prices

CLUSTER = "ftm-vllm-cluster"
SERVICE = "ftm-vllm-service"
SCALING_GROUP = "ftm-vllm-asg"
TARGET_GROUP = "ftm-vllm-tg2"
LOG_GROUP = "/ecs/ftm-vllm"
STOP = (
    f"aws ecs update-service --cluster {CLUSTER} --service {SERVICE} --desired-count 0 && "
    f"aws autoscaling set-desired-capacity --auto-scaling-group-name {SCALING_GROUP} --desired-capacity 0"
)


class Priced(NamedTuple):
    """What an instance is, such as ``g5.xlarge on Spot``, and what it costs with its disk and address."""

    kind: str
    usd_per_hour: float


WANTED = Priced("g5.xlarge on Spot", prices.VLLM_INSTANCE_HOUR_WITH_DISK)  # where no group says otherwise


def priced(instance: dict[str, Any]) -> Priced:
    """The price of an instance as DescribeInstances returns it: Spot only where its lifecycle says so.

    On Spot all types have one price here, as it changes; a type that nobody has priced costs what a g5.xlarge does.
    """
    name = instance.get("InstanceType", "an instance")
    if instance.get("InstanceLifecycle") == "spot":
        return Priced(f"{name} on Spot", prices.VLLM_INSTANCE_HOUR_WITH_DISK)
    hour = prices.VLLM_ON_DEMAND_HOUR.get(name, prices.VLLM_ON_DEMAND_HOUR["g5.xlarge"])
    return Priced(f"{name} on demand", hour + prices.VLLM_DISK_AND_ADDRESS_HOUR)


def wanted(group: dict[str, Any]) -> Priced:
    """The price of an instance that the group, as DescribeAutoScalingGroups returns it, would start.

    On demand it tries the first of its types first.
    """
    policy = group.get("MixedInstancesPolicy", {})
    if policy.get("InstancesDistribution", {}).get("OnDemandPercentageAboveBaseCapacity", 100) == 0:
        return WANTED
    types = policy.get("LaunchTemplate", {}).get("Overrides", [])
    return priced(types[0] if types else {"InstanceType": "g5.xlarge"})


def instances(ec2: Any, group: dict[str, Any]) -> list[Priced]:
    """The prices of the group's instances, by a client of EC2; one that it does not know yet costs what is wanted."""
    ids = [one["InstanceId"] for one in group["Instances"]]
    if not ids:
        return []
    pages = ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "instance-id", "Values": ids}])
    found = {one["InstanceId"]: one for page in pages for group in page["Reservations"] for one in group["Instances"]}
    return [priced(found[one]) if one in found else wanted(group) for one in ids]
