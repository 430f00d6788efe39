"""Auto Scaling: what Terraform needs for a scaling policy and moto lacks, and which instances are on Spot."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import FakeAutoScalingGroup, FakeScalingPolicy

from cloud.src.localaws.moto_gaps.patching import patch


def install() -> None:
    """Let moto describe a policy, and a group's Spot instances, as AWS does."""
    describe_simple_policies()
    start_spot_instances()


def describe_simple_policies() -> None:
    """Stock moto does not call a policy enabled, and gives it an empty prediction: the next plan changes both."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        stock_init(self, *args, **kwargs)
        self.enabled = True
        self.predictive_scaling_configuration = self.predictive_scaling_configuration or None

    stock_init = patch(FakeScalingPolicy, "__init__", init)


def start_spot_instances() -> None:
    """Stock moto starts instances on demand whatever a group's distribution says; ours knows all or nothing."""

    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        before = {id(state) for state in self.instance_states}
        stock_start(self, *args, **kwargs)
        distribution = (self.mixed_instances_policy or {}).get("InstancesDistribution", {})
        if int(distribution.get("OnDemandPercentageAboveBaseCapacity", 100)):
            return
        for state in self.instance_states:
            if id(state) not in before:
                state.instance.lifecycle = "spot"

    stock_start = patch(FakeAutoScalingGroup, "replace_autoscaling_group_instances", start)
