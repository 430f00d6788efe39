"""Says whether vLLM runs and what that costs: it is scaled by hand (ADR-006), and whoever forgets it pays for it."""

from __future__ import annotations

import logging
from typing import NamedTuple

from cloud.src.contract import prices, vllm
from cloud.src.lambdas.looks import Looks

log = logging.getLogger(__name__)

STOP = f"to stop it: ftm aws down, or {vllm.STOP}"


class Seen(NamedTuple):
    """The mail's line, and what an hour of one instance costs: of those that run, or else of one on Spot."""

    in_words: str
    instance_usd_per_hour: float = prices.VLLM_INSTANCE_HOUR_WITH_DISK


def look(looks: Looks) -> Seen:
    """It says so where it could not look, because the mail matters more."""
    try:
        return _look(looks)
    except Exception as error:
        log.warning("whether vLLM runs could not be seen: %s", error)
        price = _per_hour([vllm.WANTED])
        why = type(error).__name__
        return Seen(f"vLLM: whether it runs could not be seen ({why}); it costs {price} if it does; {STOP}")


def _look(looks: Looks) -> Seen:
    asked = {"AutoScalingGroupNames": [vllm.SCALING_GROUP]}
    groups = looks.client("autoscaling").describe_auto_scaling_groups(**asked)["AutoScalingGroups"]
    if not groups:
        return Seen("vLLM: not deployed in this account and region")
    services = looks.client("ecs").describe_services(cluster=vllm.CLUSTER, services=[vllm.SERVICE])["services"]
    n_tasks, n_wanted = sum(service["runningCount"] for service in services), groups[0]["DesiredCapacity"]
    found = _priced(looks, [one["InstanceId"] for one in groups[0]["Instances"]])
    if found:
        words = f"vLLM: running (instances: {len(found)}, tasks: {n_tasks}), {_per_hour(found)}; {STOP}"
        return Seen(words, sum(one.usd_per_hour for one in found) / len(found))
    if n_wanted:
        price = _per_hour([vllm.WANTED] * n_wanted)
        return Seen(f"vLLM: no instance yet, {n_wanted} wanted, which will cost {price}; {STOP}")
    return Seen("vLLM: not running, $0.00 an hour")


def _priced(looks: Looks, ids: list[str]) -> list[vllm.Priced]:
    """Where EC2 does not tell, that they run matters more than their price."""
    try:
        return vllm.instances(looks.client("ec2"), ids)
    except Exception as error:
        log.warning("what vLLM's instances are could not be seen: %s", error)
        return [vllm.WANTED] * len(ids)


def _per_hour(instances: list[vllm.Priced]) -> str:
    kinds = ", ".join(dict.fromkeys(one.kind for one in instances))
    return f"about ${sum(one.usd_per_hour for one in instances):.2f} an hour ({kinds})"
