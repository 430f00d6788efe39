"""``ftm local up --apply``: the Terraform roots applied to the local AWS, one apply each and in order, and used.

That they are destroyed without a rest is shown by tests/e2e/test_deployment_guide.py.
"""

from __future__ import annotations

import io
import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cloud.src.cli.environment import vllm
from cloud.src.contract import keys, schemas
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws
from cloud.src.localaws.provision import JOBS
from cloud.src.localaws.terraform_roots import FILES, LESS_GARBAGE_COLLECTION, ROOTS, copy_roots
from tests.e2e.aws_command import open_terminal
from tests.e2e.ftm_process import run_ftm, until
from tests.e2e.local_up_process import MODELS, NAME, commands, exports, local_up
from tests.integration.fake_llm import FakeLlm, fake_llm
from tests.integration.terraform_roots import (
    NO_CHANGES,
    Root,
    badly_formatted_files,
    require_terraform,
    terraform_environment,
)
from tests.integration.terraform_texts import plan_texts, texts_of

SERVICE = {"cluster": "ftm-vllm-cluster", "service": "ftm-vllm-service"}
LLM_API_KEY = "a key that only the LLM gets to see"
WRDS_PASSWORD = "a password that only WRDS gets to see"


@pytest.fixture(scope="module")
def llm() -> Iterator[FakeLlm]:
    with fake_llm(MODELS, NAME) as llm:
        yield llm


@pytest.fixture(scope="module")
def printed(llm: FakeLlm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What ``ftm local up --apply`` says when all roots are applied."""
    require_terraform(tmp_path_factory.mktemp("provider"))
    with local_up(llm, "--apply", LLM_API_KEY=LLM_API_KEY) as printed:
        yield printed


@pytest.fixture(scope="module")
def aws(printed: str) -> Iterator[LocalAws]:
    aws = LocalAws(Endpoint.of(exports(printed)))
    with terraform_environment(aws):
        yield aws


@pytest.fixture(scope="module")
def roots(printed: str, aws: LocalAws) -> dict[str, Root]:
    """The roots where they were applied."""
    (folder,) = set(re.findall(r"terraform -chdir=(\S+)/\w+ ", printed))
    return {name: Root(name, Path(folder) / name) for name in ROOTS}


@pytest.fixture(scope="module")
def texts(aws: LocalAws, roots: dict[str, Root]) -> dict[str, dict[str, str]]:
    """All that Terraform writes down about each root after its apply, in which an operator has put a login.

    A plan takes Terraform seconds of computing, so the tests that only read one share it.
    """
    login = json.dumps({"username": "operator", "password": WRDS_PASSWORD})
    aws.client("secretsmanager").put_secret_value(SecretId="ftm/wrds", SecretString=login)
    return {name: texts_of(root.folder) for name, root in roots.items()}


def test_the_files_are_formatted() -> None:
    assert badly_formatted_files() == []  # that they are valid is seen when they are applied


def test_it_says_whether_vllm_runs_and_what_it_costs(aws: LocalAws, printed: str) -> None:
    assert "vLLM: not running, $0.00 an hour (about $0.37 an hour on AWS when it runs)" in printed
    with scaled_up(aws):
        assert vllm.status(aws) == "vLLM: running (instances: 1, tasks: 1), about $0.37 an hour on AWS, nothing here"


@pytest.mark.aws_cli
def test_every_printed_command_works(printed: str, tmp_path: Path) -> None:
    terminal = open_terminal(tmp_path, {**exports(printed), **LESS_GARBAGE_COLLECTION, "CHECKPOINT_DISABLE": "1"})
    typed = commands(printed, "aws", "terraform")
    started = ""
    for command in typed:
        output = terminal.type(command.replace("EXECUTION_ARN", started))
        if " start-execution " in command:  # of a quarter that is not there yet
            started = json.loads(output)["executionArn"]
    assert {"update-service", "set-desired-capacity", "list-jobs", "plan", "describe-execution"} <= {
        word for command in typed for word in command.split()
    }


@pytest.mark.parametrize("name", ROOTS)
def test_a_second_plan_is_empty(texts: dict[str, dict[str, str]], name: str) -> None:
    plan = texts[name]["terraform plan"]
    assert "\nNo changes. " in plan, plan


def test_the_roots_publish_what_joins_them(aws: LocalAws, roots: dict[str, Root]) -> None:
    pages = aws.client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/ftm", Recursive=True)
    parameters = {one["Name"]: one["Value"] for page in pages for one in page["Parameters"]}
    assert set(parameters) == {
        "/ftm/storage/bucket",
        "/ftm/storage/alerts_topic_arn",
        "/ftm/vllm/base_url",
        "/ftm/vllm/alb_security_group_id",
        "/ftm/batch/job_queue_arn",
        "/ftm/batch/firm_processor_arn",
        "/ftm/batch/theme_aggregator_arn",
        "/ftm/batch/panel_aggregator_arn",
        "/ftm/stepfunctions/state_machine_arn",
    }
    assert parameters["/ftm/storage/bucket"] == roots["storage"].outputs()["bucket"]
    assert parameters["/ftm/storage/alerts_topic_arn"] == roots["storage"].outputs()["alerts_topic_arn"]
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
    with scaled_up(aws):
        described = aws.client("ecs").describe_services(cluster=SERVICE["cluster"], services=[SERVICE["service"]])
        assert described["services"][0]["runningCount"] == 1
        code, plan = roots["ecs"].plan()
    assert code == NO_CHANGES, plan


@contextmanager
def scaled_up(aws: LocalAws) -> Iterator[None]:
    try:
        scale(aws, 1)
        yield
    finally:
        scale(aws, 0)


def scale(aws: LocalAws, count: int) -> None:
    aws.client("autoscaling").set_desired_capacity(AutoScalingGroupName="ftm-vllm-asg", DesiredCapacity=count)
    aws.client("ecs").update_service(**SERVICE, desiredCount=count)


def test_the_guards_policy_sets_the_group_to_0(aws: LocalAws, roots: dict[str, Root]) -> None:
    """moto's alarms call nothing, so the policy is called as they would."""
    group = {"AutoScalingGroupName": "ftm-vllm-asg"}
    policies = aws.client("autoscaling").describe_policies(**group)["ScalingPolicies"]
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=["ftm-vllm-idle", "ftm-vllm-up-too-long"])
    topic = roots["storage"].outputs()["alerts_topic_arn"]
    # In any order: AWS promises none.
    assert [{*alarm["AlarmActions"]} for alarm in alarms["MetricAlarms"]] == [{topic, policies[0]["PolicyARN"]}] * 2
    periods = {alarm["AlarmName"]: alarm["EvaluationPeriods"] for alarm in alarms["MetricAlarms"]}
    assert periods == {"ftm-vllm-idle": 36, "ftm-vllm-up-too-long": 288}
    with scaled_up(aws):
        aws.client("autoscaling").execute_policy(**group, PolicyName="ftm-vllm-stop")
        (described,) = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["ftm-vllm-asg"])[
            "AutoScalingGroups"
        ]
    assert (described["DesiredCapacity"], described["Instances"]) == (0, [])


def test_instances_of_a_later_launch_template_version_start(aws: LocalAws, roots: dict[str, Root]) -> None:
    with applied(roots["ecs"], root_volume_gib=200), scaled_up(aws):
        groups = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["ftm-vllm-asg"])
        (instance,) = groups["AutoScalingGroups"][0]["Instances"]
    assert instance["LaunchTemplate"]["Version"] == "2"


@contextmanager
def applied(root: Root, **variables: object) -> Iterator[None]:
    """The root applied with other values, and afterwards again with its own."""
    try:
        root.apply(var=variables)
        yield
    finally:
        root.apply()


def test_a_quarter_runs_through_what_was_applied(
    aws: LocalAws, roots: dict[str, Root], llm: FakeLlm, tmp_path: Path
) -> None:
    run = run_ftm("demo", "--out", tmp_path / "out", **aws.endpoint.variables(aws.region))
    assert run.returncode == 0, run.stderr
    assert "18 firms (0 skipped, 0 failed)" in run.stdout

    bucket = roots["storage"].outputs()["bucket"]
    tables = {
        keys.firms("2023Q1"): schemas.FIRM,
        keys.calls("2023Q1"): schemas.CALL,
        keys.topics("2023Q1"): schemas.TOPIC,
        keys.themes("2023Q1"): schemas.THEME,
        keys.theme_contributions("2023Q1"): schemas.THEME_CONTRIBUTION,
        keys.exposures("2023Q1"): schemas.EXPOSURE,
        keys.themes_for_sentiment("2023Q1"): schemas.THEME_FOR_SENTIMENT,
    }
    for key, schema in tables.items():
        table = pq.read_table(io.BytesIO(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))
        assert (table.column_names, table.num_rows > 0) == (schema.names, True), key
    streams = aws.client("logs").describe_log_streams(logGroupName="/aws/batch/ftm")["logStreams"]
    jobs = Counter(stream["logStreamName"].partition("/")[0] for stream in streams)
    assert jobs == {"ftm-firm-processor": 3, "ftm-theme-aggregator": 1}
    assert {request.headers["Authorization"] for request in llm.requests} == {f"Bearer {LLM_API_KEY}"}


def test_a_panel_is_made_through_what_was_applied(aws: LocalAws, roots: dict[str, Root]) -> None:
    """Of the quarter that the test before has run."""
    outputs, bucket = roots["stepfunctions"].outputs(), roots["storage"].outputs()["bucket"]
    panel = {"quarters": ["2023Q1"], "bucket": bucket, "name": "spring", "themes_from": "2023Q1"}
    states = aws.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=outputs["panel_state_machine_arn"], input=json.dumps(panel))
    arn = {"executionArn": execution["executionArn"]}
    until(lambda: states.describe_execution(**arn)["status"] != "RUNNING", "the end of the panel", timeout_s=120)
    assert states.describe_execution(**arn)["status"] == "SUCCEEDED", states.describe_execution(**arn)

    key = keys.panel_prefix("spring") + keys.panel_table("grid")
    grid = pq.read_table(io.BytesIO(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))
    assert (grid.schema.names, len(set(grid["call_id"].to_pylist()))) == (schemas.GRID.names, 18)


@pytest.mark.parametrize("name", ROOTS)
def test_no_secret_is_in_a_state_or_a_plan(texts: dict[str, dict[str, str]], name: str) -> None:
    """Neither the key of the LLM, which ``ftm`` has put into its secret, nor the login that an operator has put in."""
    assert [what for what, text in texts[name].items() if LLM_API_KEY in text or WRDS_PASSWORD in text] == []


def test_a_secret_that_a_root_reads_would_be_found(roots: dict[str, Root]) -> None:
    folder = roots["batch"].folder
    (folder / "reads_secret.tf").write_text(
        'data "aws_secretsmanager_secret_version" "read" {\n  secret_id = aws_secretsmanager_secret.xai.id\n}\n'
    )
    try:
        assert LLM_API_KEY in plan_texts(folder)["terraform show PLAN"]
    finally:
        (folder / "reads_secret.tf").unlink()


def test_an_execution_may_take_all_waves_of_batches(aws: LocalAws, roots: dict[str, Root]) -> None:
    arn = roots["stepfunctions"].outputs()["state_machine_arn"]
    definition = json.loads(aws.client("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"])
    waves = math.ceil(5_000 / keys.DEFAULT_BATCH_SIZE / definition["States"]["ProcessBatches"]["MaxConcurrency"])
    map_timeout = definition["States"]["ProcessBatches"]["ItemProcessor"]["States"]["ProcessFirms"]["TimeoutSeconds"]
    longest = waves * map_timeout + definition["States"]["AggregateThemes"]["TimeoutSeconds"]
    assert longest < definition["TimeoutSeconds"] <= longest + 86_400


def test_jobs_prefer_spot_and_retry_only_host_or_image_failures(aws: LocalAws, roots: dict[str, Root]) -> None:
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
    for name, command in JOBS.items():
        definition = job_definition(aws, name)
        container = definition["containerProperties"]
        assert (container["command"], container["readonlyRootFilesystem"]) == ([command], True)
        assert definition["retryStrategy"]["evaluateOnExit"] == [  # the provider writes actions in lower case
            {"onStatusReason": "Host EC2*", "action": "retry"},
            {"onReason": "CannotPullContainer*", "action": "retry"},
            {"onReason": "DockerTimeoutError*", "action": "retry"},
            {"onStatusReason": "Task failed to start*", "action": "retry"},
            {"onReason": "*", "action": "exit"},
        ]


def test_a_changed_compute_environment_is_replaced_under_the_queue(aws: LocalAws, roots: dict[str, Root]) -> None:
    before = environments_of(job_queue(aws))
    grok = {"llm": "grok", "llm_model_name": "grok-4", "job_environment": {}}
    with applied(roots["batch"], **grok, instance_types=["c6i.large"]):
        after = environments_of(job_queue(aws))
        left = aws.client("batch").describe_compute_environments()["computeEnvironments"]
        with_grok = job_definition(aws, "ftm-firm-processor")["containerProperties"]
        roots["batch"].apply(var={"llm": "vllm", "job_environment": {}})
        with_vllm = job_definition(aws, "ftm-firm-processor")["containerProperties"]
        code, plan = roots["stepfunctions"].plan()
    assert len(after) == 2
    assert not set(before) & set(after)
    assert {environment["computeEnvironmentArn"] for environment in left} == set(after)
    assert [secret["name"] for secret in with_grok["secrets"]] == ["LLM_API_KEY"]
    assert "LLM_BASE_URL" not in environment_of(with_grok)

    assert with_vllm.get("secrets", []) == []
    assert environment_of(with_vllm)["LLM_BASE_URL"] == roots["ecs"].outputs()["base_url"]
    assert environment_of(with_vllm)["DEPLOYED_COMMIT"] == "local"  # the tag of the image
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


def test_state_in_s3_is_locked_and_not_in_folders(aws: LocalAws, tmp_path: Path, roots: dict[str, Root]) -> None:
    aws.client("s3").create_bucket(Bucket="ftm-terraform-state")
    copies = {copy.name: copy.folder for copy in copy_roots(tmp_path / "copies", {})}
    root = Root("storage", copies["storage"], {"bucket_suffix": "with-remote-state"})
    shutil.copy(FILES / "s3_backend.tf.example", root.folder / "backend.tf")
    root.init({"bucket": "ftm-terraform-state", "key": "storage.tfstate", "region": aws.region})
    root.apply(target=["aws_s3_bucket.pipeline"])
    stored = [item["Key"] for item in aws.client("s3").list_objects_v2(Bucket="ftm-terraform-state")["Contents"]]
    assert stored == ["storage.tfstate"]
    assert not list(root.folder.glob("*.tfstate"))
    root.destroy()
