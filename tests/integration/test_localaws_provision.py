"""FTM set up in a local AWS, under the names of the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import Provisioned, provision
from tests.integration.localaws_helpers import invoke, until

JOB_ENVIRONMENT = {"LLM_BASE_URL": "http://127.0.0.1:1/v1", "EMBEDDING_THREADS": "2"}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def provisioned(aws: LocalAws) -> Provisioned:
    return provision(aws, JOB_ENVIRONMENT)


def test_the_parameters_by_which_the_parts_find_one_another(aws: LocalAws, provisioned: Provisioned) -> None:
    found = aws.client("ssm").get_parameters_by_path(Path="/ftm", Recursive=True)["Parameters"]
    assert {parameter["Name"]: parameter["Value"] for parameter in found} == {
        "/ftm/storage/bucket": "ftm-pipeline-78ea68c8",
        "/ftm/vllm/base_url": "http://127.0.0.1:1/v1",
        "/ftm/batch/job_queue_arn": provisioned.job_queue_arn,
        "/ftm/batch/firm_processor_arn": provisioned.firm_processor_arn,
        "/ftm/batch/theme_aggregator_arn": provisioned.theme_aggregator_arn,
        "/ftm/batch/panel_aggregator_arn": provisioned.panel_aggregator_arn,
        "/ftm/stepfunctions/state_machine_arn": provisioned.state_machine_arn,
    }


def test_job_definitions(aws: LocalAws, provisioned: Provisioned) -> None:
    definitions = aws.client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    assert {
        definition["jobDefinitionName"]: definition["containerProperties"]["command"] for definition in definitions
    } == {"ftm-firm-processor": ["map"], "ftm-theme-aggregator": ["reduce"], "ftm-panel-aggregator": ["panel"]}
    for definition in definitions:
        environment = definition["containerProperties"]["environment"]
        assert {pair["name"]: pair["value"] for pair in environment} == JOB_ENVIRONMENT
        assert definition["containerProperties"]["logConfiguration"]["options"]["awslogs-group"] == "/aws/batch/ftm"
        assert definition["timeout"]["attemptDurationSeconds"] > 0
    (queue,) = aws.client("batch").describe_job_queues()["jobQueues"]
    assert queue["jobQueueName"] == "ftm-queue-main"


def test_log_groups_and_roles(aws: LocalAws, provisioned: Provisioned) -> None:
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    functions = ("create-batch-manifest", "notify-completion", "prefetch-check", "summarize-results")
    assert {group["logGroupName"] for group in groups} == {
        "/aws/batch/ftm",
        "/aws/states/ftm-quarter-processor",
        "/aws/states/ftm-panel-processor",
        *(f"/aws/lambda/ftm-{function}" for function in functions),
    }
    trusted = {
        role["RoleName"]: role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for role in aws.client("iam").list_roles()["Roles"]
    }
    assert trusted == {
        "ftm-batch-service-role": "batch.amazonaws.com",
        "ftm-lambda-role": "lambda.amazonaws.com",
        "ftm-states-role": "states.amazonaws.com",
    }


def test_the_state_machine_runs_the_functions(aws: LocalAws, provisioned: Provisioned) -> None:
    states = aws.client("stepfunctions")
    execution = states.start_execution(
        stateMachineArn=provisioned.state_machine_arn,
        input=json.dumps({"quarter": "2023Q1", "bucket": provisioned.bucket}),
    )["executionArn"]
    until(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING")
    assert states.describe_execution(executionArn=execution)["error"] == "PrefetchRequiredError"


@pytest.mark.parametrize(
    "function",
    ["ftm-prefetch-check", "ftm-create-batch-manifest", "ftm-summarize-results", "ftm-notify-completion"],
)
def test_every_function_checks_its_input(aws: LocalAws, provisioned: Provisioned, function: str) -> None:
    answer = invoke(aws, function, {"quarter": "2023"})
    assert (answer["error"], answer["payload"]["errorType"]) == ("Unhandled", "InvalidInput")


def test_a_second_time_is_refused(aws: LocalAws, provisioned: Provisioned) -> None:
    with pytest.raises(InvalidInput, match=f"the local AWS at {aws.endpoint_url} is set up already"):
        provision(aws, JOB_ENVIRONMENT)
