"""EC2 and its load balancers: what Terraform needs and moto lacks."""

from __future__ import annotations

from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.utils import parse_user_data
from moto.elbv2.models import FakeLoadBalancer

from cloud.src.localaws.moto_gaps.patching import patch


def install() -> None:
    """Let moto answer Terraform's questions about launch templates, security groups and load balancers."""
    separate_template_tags()
    encode_user_data_of_later_versions()
    describe_rules_between_groups()
    activate_load_balancers()


def separate_template_tags() -> None:
    """Stock moto lists the launch template's own tags among the instances' tags, which a plan shows as a difference."""

    def init(
        self: LaunchTemplate, backend: Any, name: str, template_data: dict[str, Any], description: str, tags: Any
    ) -> None:
        specifications = template_data.get("TagSpecifications", [])
        others = [one for one in specifications if one.get("ResourceType") != "launch-template"]
        data = {key: value for key, value in template_data.items() if key != "TagSpecifications"}
        stock_init(self, backend, name, {**data, "TagSpecifications": others} if others else data, description, tags)

    stock_init = patch(LaunchTemplate, "__init__", init)


def encode_user_data_of_later_versions() -> None:
    """Stock moto cannot start an instance from a template's second version: its user data has the wrong type."""

    def create_version(self: LaunchTemplate, data: dict[str, Any], description: str) -> Any:
        user_data = data.get("UserData")
        if user_data and not isinstance(user_data, Base64EncodedString):  # the first version's has the right type
            data["UserData"] = parse_user_data(user_data)
        return stock_create_version(self, data, description)

    stock_create_version = patch(LaunchTemplate, "create_version", create_version)


def describe_rules_between_groups() -> None:
    """Stock moto shows the description of a rule for addresses, but not of a rule for a group."""

    def description(self: SecurityGroupRule) -> str | None:
        return self.ip_range.get("Description") or self.source_group.get("Description")

    patch(SecurityGroupRule, "description", property(description))


def activate_load_balancers() -> None:
    """Stock moto first reports a new load balancer as not ready, and Terraform then waits half a minute."""

    def init(self: FakeLoadBalancer, *args: Any, **kwargs: Any) -> None:
        stock_init(self, *args, **kwargs)
        self.activate()

    stock_init = patch(FakeLoadBalancer, "__init__", init)
