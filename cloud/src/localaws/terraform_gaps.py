"""What moto lacks so that Terraform can apply, plan and destroy FTM's roots. By service, each patch on its own."""

from __future__ import annotations

from cloud.src.localaws import (
    terraform_gaps_athena,
    terraform_gaps_batch,
    terraform_gaps_budgets,
    terraform_gaps_ec2,
    terraform_gaps_ecs,
    terraform_gaps_iam,
    terraform_gaps_s3,
    terraform_gaps_stepfunctions,
)


def install() -> None:
    """Patch moto; each function of the modules says what stock moto lacks."""
    terraform_gaps_athena.install()
    terraform_gaps_batch.install()
    terraform_gaps_budgets.install()
    terraform_gaps_ec2.install()
    terraform_gaps_ecs.install()
    terraform_gaps_iam.install()
    terraform_gaps_s3.install()
    terraform_gaps_stepfunctions.install()
