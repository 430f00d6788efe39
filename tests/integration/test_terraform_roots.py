"""The Terraform roots applied to the local AWS, one apply each and in order, and destroyed again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.src.contract import schemas
from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.localaws_helpers import until
from tests.integration.terraform_roots import (
    FILES,
    NO_CHANGES,
    ROOTS,
    Root,
    all_roots,
    require_terraform,
    terraform_environment,
)

SERVICE = {"cluster": "ftm-vllm-cluster", "service": "ftm-vllm-service"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    require_terraform(tmp_path_factory.mktemp("provider"))
    with local_aws() as aws, terraform_environment(aws):
        yield aws


@pytest.fixture(scope="module")
def roots(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Root]:
    """All roots, applied."""
    roots = all_roots(tmp_path_factory.mktemp("roots"))
    for root in roots:
        root.init()
        root.validate()
        root.apply()
    return {root.name: root for root in roots}


@pytest.mark.parametrize("name", ROOTS)
def test_a_second_plan_is_empty(roots: dict[str, Root], name: str) -> None:
    code, plan = roots[name].plan()
    assert code == NO_CHANGES, plan


def test_the_roots_publish_what_joins_them(aws: LocalAws, roots: dict[str, Root]) -> None:
    pages = aws.client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/ftm", Recursive=True)
    parameters = {one["Name"]: one["Value"] for page in pages for one in page["Parameters"]}
    assert set(parameters) == {
        "/ftm/storage/bucket",
        "/ftm/vllm/base_url",
        "/ftm/vllm/alb_security_group_id",
        "/ftm/batch/job_queue_arn",
        "/ftm/batch/firm_processor_arn",
        "/ftm/batch/theme_aggregator_arn",
        "/ftm/stepfunctions/state_machine_arn",
    }
    assert parameters["/ftm/storage/bucket"] == roots["storage"].outputs()["bucket"]
    assert parameters["/ftm/vllm/base_url"] == roots["ecs"].outputs()["base_url"]


def test_the_bucket_is_private_versioned_encrypted_and_usable(aws: LocalAws, roots: dict[str, Root]) -> None:
    s3, bucket = aws.client("s3"), roots["storage"].outputs()["bucket"]
    assert bucket.startswith("ftm-pipeline-")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert [rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules] == ["AES256"]
    expired = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert {"intermediate/", "athena-results/"} <= {rule["Filter"].get("Prefix") for rule in expired}
    s3.put_object(Bucket=bucket, Key="intermediate/a", Body=b"content")
    assert s3.get_object(Bucket=bucket, Key="intermediate/a")["Body"].read() == b"content"


def test_the_tables_have_the_columns_of_the_contract(aws: LocalAws, roots: dict[str, Root]) -> None:
    tables = {table["Name"]: table for table in aws.client("glue").get_tables(DatabaseName="ftm")["TableList"]}
    assert columns(tables["firms"]) == schemas.FIRM.names
    assert columns(tables["themes"]) == schemas.THEME.names
    assert columns(tables["themes_for_sentiment"]) == schemas.THEME_FOR_SENTIMENT.names
    values = tables["firms"]["Parameters"]["projection.quarter.values"].split(",")
    assert (values[0], values[-1], "2023Q1" in values) == ("2005Q1", "2034Q4", True)


def columns(table: dict[str, Any]) -> list[str]:
    """All columns as a query sees them, the partition's last."""
    fields = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]
    return [field["Name"] for field in fields]


def test_scaling_by_hand_is_no_change_to_terraform(aws: LocalAws, roots: dict[str, Root]) -> None:
    scale(aws, 1)
    described = aws.client("ecs").describe_services(cluster=SERVICE["cluster"], services=[SERVICE["service"]])
    assert described["services"][0]["runningCount"] == 1
    code, plan = roots["ecs"].plan()
    scale(aws, 0)
    assert code == NO_CHANGES, plan


def scale(aws: LocalAws, count: int) -> None:
    aws.client("autoscaling").set_desired_capacity(AutoScalingGroupName="ftm-vllm-asg", DesiredCapacity=count)
    aws.client("ecs").update_service(**SERVICE, desiredCount=count)


def test_instances_of_a_later_launch_template_version_start(aws: LocalAws, roots: dict[str, Root]) -> None:
    roots["ecs"].apply(var={"root_volume_gib": 200})
    scale(aws, 1)
    groups = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["ftm-vllm-asg"])
    (instance,) = groups["AutoScalingGroups"][0]["Instances"]
    assert instance["LaunchTemplate"]["Version"] == "2"
    scale(aws, 0)
    roots["ecs"].apply()


def test_state_in_s3_is_locked_and_stays_out_of_the_folder(
    aws: LocalAws, tmp_path: Path, roots: dict[str, Root]
) -> None:
    aws.client("s3").create_bucket(Bucket="ftm-terraform-state")
    root = Root("storage", tmp_path, {"bucket_suffix": "with-remote-state"})
    shutil.copy(FILES / "s3_backend.tf.example", root.folder / "backend.tf")
    root.init({"bucket": "ftm-terraform-state", "key": "storage.tfstate", "region": aws.region})
    root.apply(target=["aws_s3_bucket.pipeline"])
    stored = [item["Key"] for item in aws.client("s3").list_objects_v2(Bucket="ftm-terraform-state")["Contents"]]
    assert stored == ["storage.tfstate"]
    assert not list(root.folder.glob("*.tfstate"))
    root.destroy()


def test_destroying_in_reverse_order_leaves_nothing(aws: LocalAws, roots: dict[str, Root]) -> None:
    scale(aws, 1)  # also when somebody has forgotten to scale down
    for root in reversed(roots.values()):
        root.destroy()
        assert root.resources() == []
    assert left_behind(aws) == []
    instances = aws.client("ec2").describe_instances()["Reservations"]
    until(lambda: all(one["State"]["Name"] == "terminated" for group in instances for one in group["Instances"]))


def left_behind(aws: LocalAws) -> list[str]:
    """What is still there with a name of FTM's."""
    roles = [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]]
    groups = [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]]
    buckets = [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
    parameters = aws.client("ssm").get_parameters_by_path(Path="/ftm", Recursive=True)["Parameters"]
    names = [*roles, *groups, *buckets, *(one["Name"] for one in parameters)]
    names += aws.client("ecs").list_clusters()["clusterArns"]
    names += [group["GroupName"] for group in aws.client("ec2").describe_security_groups()["SecurityGroups"]]
    names += [table["Name"] for table in aws.client("glue").get_databases()["DatabaseList"]]
    names += [secret["Name"] for secret in aws.client("secretsmanager").list_secrets()["SecretList"]]
    return [name for name in names if "ftm" in name and name != "ftm-terraform-state"]
