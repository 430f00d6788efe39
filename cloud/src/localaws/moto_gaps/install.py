"""Adds what moto lacks for Terraform to apply, plan and destroy FTM's roots, service by service and patch by patch."""

from __future__ import annotations

from moto.core.config import default_user_config

from cloud.src.localaws.moto_gaps import athena, autoscaling, batch, budgets, ec2, ecs, s3, stepfunctions


def install() -> None:
    """Patch moto; each function in the modules says what stock moto lacks."""
    athena.install()
    autoscaling.install()
    batch.install()
    budgets.install()
    ec2.install()
    ecs.install()
    load_managed_policies()
    s3.install()
    stepfunctions.install()


def load_managed_policies() -> None:
    """Stock moto has no AWS-managed policies until it is told to load them."""
    default_user_config["iam"]["load_aws_managed_policies"] = True
