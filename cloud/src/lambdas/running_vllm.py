"""Says whether vLLM runs and what that costs: it is scaled by hand (ADR-006), and whoever forgets it pays for it."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from cloud.src.contract import prices, vllm
from cloud.src.lambdas.looks import Looks

log = logging.getLogger(__name__)

STOP = f"to stop it: ftm aws down, or {vllm.STOP}"


class VllmSeen(NamedTuple):
    """The mail's line, and what an hour of one instance costs: of those that run, or else of one that would start."""

    in_words: str
    instance_usd_per_hour: float = prices.VLLM_INSTANCE_HOUR_WITH_DISK


def look(looks: Looks) -> VllmSeen:
    """Return what the mail says of vLLM, even when AWS cannot be asked: the mail matters more."""
    try:
        return _look(looks)
    except Exception as error:
        log.warning("whether vLLM runs could not be seen: %s", error)
        price = _per_hour([vllm.WANTED])
        why = type(error).__name__
        return VllmSeen(f"vLLM: cannot see whether it is running ({why}); it costs {price} if it is; {STOP}")


def _look(looks: Looks) -> VllmSeen:
    asked = {"AutoScalingGroupNames": [vllm.SCALING_GROUP]}
    groups = looks.client("autoscaling").describe_auto_scaling_groups(**asked)["AutoScalingGroups"]
    if not groups:
        return VllmSeen("vLLM: not deployed in this account and region")
    group, will_be = groups[0], vllm.wanted(groups[0])
    services = looks.client("ecs").describe_services(cluster=vllm.CLUSTER, services=[vllm.SERVICE])["services"]
    n_tasks, n_wanted = sum(service["runningCount"] for service in services), group["DesiredCapacity"]
    found = _priced(looks, group)
    if found:
        words = f"vLLM: running (instances: {len(found)}, tasks: {n_tasks}), {_per_hour(found)}; {STOP}"
        return VllmSeen(words, sum(one.usd_per_hour for one in found) / len(found))
    if n_wanted:
        price = _per_hour([will_be] * n_wanted)
        return VllmSeen(
            f"vLLM: no instance yet, {n_wanted} wanted, which will cost {price}; {STOP}", will_be.usd_per_hour
        )
    return VllmSeen("vLLM: not running, $0.00 an hour", will_be.usd_per_hour)


def _priced(looks: Looks, group: dict[str, Any]) -> list[vllm.Priced]:
    """The instances and their prices; assumed ones where EC2 does not answer, since the mail matters more."""
    try:
        return vllm.instances(looks.client("ec2"), group)
    except Exception as error:
        log.warning("what vLLM's instances are could not be seen: %s", error)
        return [vllm.wanted(group)] * len(group["Instances"])


def _per_hour(instances: list[vllm.Priced]) -> str:
    kinds = ", ".join(dict.fromkeys(one.kind for one in instances))
    return f"about ${sum(one.usd_per_hour for one in instances):.2f} an hour ({kinds})"
