"""Whether vLLM runs on its instance, and what that costs: it is scaled by hand, so it is easily forgotten."""

from __future__ import annotations

from cloud.src.contract import prices
from cloud.src.contract.vllm import CLUSTER, SCALING_GROUP, SERVICE
from cloud.src.localaws.environment import LocalAws

USD_AN_HOUR = prices.VLLM_INSTANCE_HOUR


def status(aws: LocalAws) -> str | None:
    """One line: the running instances, the tasks on them, and what the instances cost.

    None where the root ecs is not applied, as in a run that starts its own local AWS.
    """
    groups = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[SCALING_GROUP])
    if not groups["AutoScalingGroups"]:
        return None
    n_instances = len(groups["AutoScalingGroups"][0]["Instances"])
    services = aws.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    n_tasks = sum(service["runningCount"] for service in services)
    if not n_instances and not n_tasks:
        return f"vLLM: not running, $0.00 an hour (about ${USD_AN_HOUR:.2f} an hour on AWS when it runs)"
    cost = f"about ${USD_AN_HOUR * n_instances:.2f} an hour on AWS, nothing here"
    return f"vLLM: running (instances: {n_instances}, tasks: {n_tasks}), {cost}"
