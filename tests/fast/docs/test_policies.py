"""The policies of operator and deployer: what the runbook lists, and what the roots create."""

from __future__ import annotations

import json
import re

import pytest

from tests.fast.docs.repository import ROOT
from tests.fast.terraform.terraform_files import ORDER, ROOTS

FOLDER = ROOT / "docs/operations/policies"
RUNBOOK = (ROOT / "docs/operations/runbook.md").read_text(encoding="utf-8")

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: of a managed policy, without white space.
MOST_CHARACTERS = 6_144

# Type of resource -> the action that creates it.
CREATED_BY = {
    "athena_workgroup": "athena:CreateWorkGroup",
    "autoscaling_group": "autoscaling:CreateAutoScalingGroup",
    "autoscaling_policy": "autoscaling:PutScalingPolicy",
    "batch_compute_environment": "batch:CreateComputeEnvironment",
    "batch_job_definition": "batch:RegisterJobDefinition",
    "batch_job_queue": "batch:CreateJobQueue",
    "budgets_budget": "budgets:ModifyBudget",
    "cloudwatch_event_rule": "events:PutRule",
    "cloudwatch_event_target": "events:PutTargets",
    "cloudwatch_log_group": "logs:CreateLogGroup",
    "cloudwatch_metric_alarm": "cloudwatch:PutMetricAlarm",
    "ecr_lifecycle_policy": "ecr:PutLifecyclePolicy",
    "ecr_repository": "ecr:CreateRepository",
    "ecs_cluster": "ecs:CreateCluster",
    "ecs_service": "ecs:CreateService",
    "ecs_task_definition": "ecs:RegisterTaskDefinition",
    "glue_catalog_database": "glue:CreateDatabase",
    "glue_catalog_table": "glue:CreateTable",
    "iam_instance_profile": "iam:CreateInstanceProfile",
    "iam_role": "iam:CreateRole",
    "iam_role_policy": "iam:PutRolePolicy",
    "iam_role_policy_attachment": "iam:AttachRolePolicy",
    "lambda_function": "lambda:CreateFunction",
    "lambda_function_event_invoke_config": "lambda:PutFunctionEventInvokeConfig",
    "lambda_permission": "lambda:AddPermission",
    "launch_template": "ec2:CreateLaunchTemplate",
    "lb": "elasticloadbalancing:CreateLoadBalancer",
    "lb_listener": "elasticloadbalancing:CreateListener",
    "lb_target_group": "elasticloadbalancing:CreateTargetGroup",
    "s3_bucket": "s3:CreateBucket",
    "s3_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "s3_bucket_ownership_controls": "s3:PutBucketOwnershipControls",
    "s3_bucket_policy": "s3:PutBucketPolicy",
    "s3_bucket_public_access_block": "s3:PutBucketPublicAccessBlock",
    "s3_bucket_server_side_encryption_configuration": "s3:PutEncryptionConfiguration",
    "s3_bucket_versioning": "s3:PutBucketVersioning",
    "scheduler_schedule": "scheduler:CreateSchedule",
    "secretsmanager_secret": "secretsmanager:CreateSecret",
    "security_group": "ec2:CreateSecurityGroup",
    "sfn_state_machine": "states:CreateStateMachine",
    "sns_topic": "sns:CreateTopic",
    "sns_topic_policy": "sns:SetTopicAttributes",
    "sns_topic_subscription": "sns:Subscribe",
    "ssm_parameter": "ssm:PutParameter",
    "vpc_security_group_egress_rule": "ec2:AuthorizeSecurityGroupEgress",
    "vpc_security_group_ingress_rule": "ec2:AuthorizeSecurityGroupIngress",
}


def actions(name: str) -> set[str]:
    """All that the policy allows."""
    statements = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["Statement"]
    listed = [one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements]
    return {action for some in listed for action in some}


def test_the_operator_may_do_exactly_what_the_runbook_lists() -> None:
    section = RUNBOOK.partition("## Rights\n")[2].partition("\n## ")[0]
    table = "".join(line for line in section.splitlines(keepends=True) if line.startswith("|"))
    assert actions("operator") == set(re.findall(r"`(\w+:\w+)`", table))


@pytest.mark.parametrize("root", ORDER)
def test_the_deployer_may_create_all_resources_of_a_root(root: str) -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOTS / root).glob("*.tf"))
    types = set(re.findall(r'^resource "aws_(\w+)"', text, flags=re.MULTILINE))
    assert {CREATED_BY[one] for one in types} <= actions(f"deploy_{root}")


def test_the_deployer_may_use_the_examples_state_and_lock() -> None:
    """https://developer.hashicorp.com/terraform/language/backend/s3#s3-bucket-permissions"""
    example = (ROOTS / "s3_backend.tf.example").read_text(encoding="utf-8")
    policy = json.loads((FOLDER / "deploy_state.json").read_text(encoding="utf-8"))
    resources = {one["Sid"]: one["Resource"].partition("STATE-BUCKET")[2] for one in policy["Statement"]}

    assert "key=ftm/<root>.tfstate" in example
    assert re.search(r"use_lockfile += true", example)
    assert resources == {"FindState": "", "State": "/ftm/*.tfstate", "Lock": "/ftm/*.tfstate.tflock"}
    assert actions("deploy_state") == {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"}


@pytest.mark.parametrize("name", ["operator", "deploy_state", *(f"deploy_{root}" for root in ORDER)])
def test_policies_are_valid_and_name_each_action(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert len("".join(text.split())) <= MOST_CHARACTERS
    assert not [action for action in actions(name) if "*" in action]
