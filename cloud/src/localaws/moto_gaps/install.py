"""What moto lacks so that Terraform can apply, plan and destroy FTM's roots. By service, each patch on its own."""

from __future__ import annotations

from moto.core.config import default_user_config

from cloud.src.localaws.moto_gaps import athena, batch, budgets, ec2, ecs, s3, stepfunctions


def install() -> None:
    """Patch moto; each function of the modules says what stock moto lacks."""
    athena.install()
    batch.install()
    budgets.install()
    ec2.install()
    ecs.install()
    load_managed_policies()
    s3.install()
    stepfunctions.install()


def load_managed_policies() -> None:
    """Stock moto has none of the policies that AWS manages, until it is told to load them."""
    default_user_config["iam"]["load_aws_managed_policies"] = True
