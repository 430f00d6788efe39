"""Says whether vLLM runs and what that costs: it is scaled by hand (ADR-006), and whoever forgets it pays for it."""

from __future__ import annotations

import logging
from typing import Any

from cloud.src.contract import prices, vllm
from cloud.src.lambdas.looks import Looks

log = logging.getLogger(__name__)

STOP = f"to stop it: ftm aws down, or {vllm.STOP}"


def in_words(looks: Looks) -> str:
    """One line. It says so where it could not look, because the mail matters more."""
    try:
        return _look(looks.client("autoscaling"), looks.client("ecs"))
    except Exception as error:
        log.warning("whether vLLM runs could not be seen: %s", error)
        price = _per_hour(1)
        return f"vLLM: whether it runs could not be seen ({type(error).__name__}); it costs {price} if it does; {STOP}"


def _look(autoscaling: Any, ecs: Any) -> str:
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[vllm.SCALING_GROUP])["AutoScalingGroups"]
    if not groups:
        return "vLLM: not deployed in this account and region"
    services = ecs.describe_services(cluster=vllm.CLUSTER, services=[vllm.SERVICE])["services"]
    n_tasks = sum(service["runningCount"] for service in services)
    n_instances, n_wanted = len(groups[0]["Instances"]), groups[0]["DesiredCapacity"]
    if n_instances:
        return f"vLLM: running (instances: {n_instances}, tasks: {n_tasks}), {_per_hour(n_instances)}; {STOP}"
    if n_wanted:
        return f"vLLM: no instance yet, {n_wanted} wanted, which will cost {_per_hour(n_wanted)}; {STOP}"
    return "vLLM: not running, $0.00 an hour"


def _per_hour(n_instances: int) -> str:
    return f"about ${n_instances * prices.VLLM_INSTANCE_HOUR_WITH_DISK:.2f} an hour"
