"""Auto Scaling: what Terraform needs for a scaling policy and moto lacks."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import FakeScalingPolicy

from cloud.src.localaws.moto_gaps.patching import patch


def install() -> None:
    """Let moto describe a policy as AWS does."""
    describe_simple_policies()


def describe_simple_policies() -> None:
    """Stock moto does not call a policy enabled, and gives it an empty prediction: the next plan changes both."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        stock_init(self, *args, **kwargs)
        self.enabled = True
        self.predictive_scaling_configuration = self.predictive_scaling_configuration or None

    stock_init = patch(FakeScalingPolicy, "__init__", init)
