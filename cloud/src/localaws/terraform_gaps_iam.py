"""IAM: what Terraform needs and moto lacks."""

from __future__ import annotations

from moto.core.config import default_user_config


def install() -> None:
    load_managed_policies()


def load_managed_policies() -> None:
    """Stock moto has none of the policies that AWS manages, until it is told to load them."""
    default_user_config["iam"]["load_aws_managed_policies"] = True
