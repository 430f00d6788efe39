"""What the roots make of their options: mails, a schedule, on-demand and GPU instances; and what they refuse."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.terraform_roots import copy_roots
from tests.integration.instance_boot import CONTAINER, INSTANCE, reached, require_namespaces
from tests.integration.terraform_roots import (
    NO_CHANGES,
    Root,
    TerraformFailed,
    require_terraform,
    terraform_environment,
)

ACCOUNT = "666938415731"
BUCKET = "ftm-pipeline-options"
ADDRESS = "who@example.com"
DIGEST = f"sha256:{64 * 'a'}"
# Terraform computes for seconds per plan, so one has all the options of vLLM.
VLLM = {
    "use_spot": False,
    "vllm_image": None,
    "vllm_image_digest": DIGEST,
    "model_revision": "abc1234",
    "session_access": True,
}
BATCH = {"instance_types": ["c6i"]}
GPUS = {"gpus_per_job": 1, "instance_types": ["g5.xlarge", "g6.xlarge"]}
SCHEDULE = {"expression": "at(2036-05-20T04:00:00)", "quarter": "2036Q1", "topic_naming": "keywords"}
# What summarize_results returns.
COUNTS = {"succeeded": 1, "failed": 1, "failed_batches": ["2036Q1_batch_0001"], "has_failures": True}
FIRMS = {"firms_total": 4, "firms_succeeded": 2, "firms_skipped": 0, "firms_failed": 2}

Planned = Callable[[str, dict[str, Any]], dict[str, dict[str, Any]]]  # root, options -> address -> values


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """A local AWS with what the roots before ecs, batch and stepfunctions publish, and with nothing applied."""
    with local_aws() as aws, terraform_environment(aws):
        group = aws.client("ec2").create_security_group(GroupName="alb", Description="of the load balancer")["GroupId"]
        for name, value in {
            "/ftm/storage/bucket": BUCKET,
            "/ftm/storage/alerts_topic_arn": aws.client("sns").create_topic(Name="ftm-alerts")["TopicArn"],
            "/ftm/vllm/base_url": "http://vllm/v1",
            "/ftm/vllm/alb_security_group_id": group,
            "/ftm/batch/job_queue_arn": f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/ftm-queue-main",
            "/ftm/batch/firm_processor_arn": f"arn:aws:batch:us-east-1:{ACCOUNT}:job-definition/ftm-firm-processor",
            "/ftm/batch/theme_aggregator_arn": f"arn:aws:batch:us-east-1:{ACCOUNT}:job-definition/ftm-theme-aggregator",
            "/ftm/batch/panel_aggregator_arn": f"arn:aws:batch:us-east-1:{ACCOUNT}:job-definition/ftm-panel-aggregator",
        }.items():
            aws.client("ssm").put_parameter(Name=name, Value=value, Type="String")
        yield aws


@pytest.fixture(scope="module")
def roots(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Root]:
    require_terraform(tmp_path_factory.mktemp("provider"))
    copies = copy_roots(tmp_path_factory.mktemp("roots") / "copies", {})
    roots = {copy.name: Root(copy.name, copy.folder) for copy in copies}
    for root in roots.values():
        root.init()
    return roots


@pytest.fixture(scope="module")
def planned(roots: dict[str, Root]) -> Planned:
    """What a root plans with some options while nothing of it is applied; the same plan is made once."""
    made: dict[str, dict[str, dict[str, Any]]] = {}

    def plan(root: str, options: dict[str, Any]) -> dict[str, dict[str, Any]]:
        asked = json.dumps([root, options])
        if asked not in made:
            made[asked] = roots[root].planned(options)
        return made[asked]

    return plan


@pytest.fixture(scope="module")
def notifying(roots: dict[str, Root]) -> Iterator[Root]:
    """The root stepfunctions, applied with a schedule, and taken down again."""
    root = roots["stepfunctions"]
    options = {"schedule": SCHEDULE}
    root.apply(var=options)
    code, plan = root.plan(var=options)
    assert code == NO_CHANGES, plan
    yield root
    root.destroy()
    assert root.resources() == []


# --- mails and a schedule ---------------------------------------------------------------------


def test_the_address_hears_alarms_and_budget_of_this_account_only(aws: LocalAws, roots: dict[str, Root]) -> None:
    mails = ["aws_sns_topic_subscription.alerts", "aws_sns_topic_policy.alerts"]
    roots["storage"].apply(var={"alert_email": ADDRESS}, target=mails)
    topic = roots["storage"].outputs()["alerts_topic_arn"]
    subscriptions = aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(one["Protocol"], one["Endpoint"]) for one in subscriptions] == [("email", ADDRESS)]
    (statement,) = json.loads(aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])[
        "Statement"
    ]
    assert sorted(statement["Principal"]["Service"]) == ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", topic)
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_a_budget_is_made_on_request(aws: LocalAws, roots: dict[str, Root], planned: Planned) -> None:
    assert not [address for address in planned("ecs", {}) if "aws_budgets_budget" in address]
    only_budget: dict[str, Any] = {"var": {"monthly_budget_usd": 50}, "target": ["aws_budgets_budget.monthly"]}
    roots["ecs"].apply(**only_budget)
    code, plan = roots["ecs"].plan(**only_budget)
    assert code == NO_CHANGES, plan
    (budget,) = aws.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    assert (budget["BudgetName"], float(budget["BudgetLimit"]["Amount"])) == ("ftm-monthly", 50)
    roots["ecs"].destroy()


def topic_arn(aws: LocalAws) -> str:
    """The topic that is published."""
    return str(aws.client("ssm").get_parameter(Name="/ftm/storage/alerts_topic_arn")["Parameter"]["Value"])


def test_the_function_may_publish_to_the_topic_and_see_endings(aws: LocalAws, notifying: Root) -> None:
    policy = aws.client("iam").get_role_policy(RoleName="ftm-notify-completion-role", PolicyName="notify")
    publish, look = policy["PolicyDocument"]["Statement"]
    assert (publish["Action"], publish["Resource"]) == ("sns:Publish", topic_arn(aws))
    assert look["Action"] == ["states:GetExecutionHistory", "states:DescribeExecution"]


def test_the_rule_covers_every_ending_not_mailed_otherwise(aws: LocalAws, notifying: Root) -> None:
    rule = aws.client("events").describe_rule(Name="ftm-execution-ended")
    assert (rule["State"], json.loads(rule["EventPattern"])["detail"]) == (
        "ENABLED",
        {
            "$or": [
                {
                    "stateMachineArn": [notifying.outputs()["state_machine_arn"]],
                    "status": ["FAILED", "ABORTED", "TIMED_OUT"],
                },
                {
                    "stateMachineArn": [notifying.outputs()["panel_state_machine_arn"]],
                    "status": ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"],
                },
            ]
        },
    )
    (target,) = aws.client("events").list_targets_by_rule(Rule="ftm-execution-ended")["Targets"]
    assert target["Arn"] == notifying.outputs()["function_arns"]["ftm-notify-completion"]
    policy = json.loads(aws.client("lambda").get_policy(FunctionName="ftm-notify-completion")["Policy"])
    (allowed,) = policy["Statement"]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert allowed["Condition"]["ArnLike"] == {"AWS:SourceArn": rule["Arn"]}


def test_where_the_function_fails_lambda_mails_its_event(aws: LocalAws, notifying: Root) -> None:
    """So that nobody waits for a mail of the function that is broken."""
    config = aws.client("lambda").get_function_event_invoke_config(FunctionName="ftm-notify-completion")
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == topic_arn(aws)
    assert config["MaximumRetryAttempts"] == 2


def test_the_deployed_function_publishes_how_a_quarter_went(aws: LocalAws, notifying: Root) -> None:
    """The state machine's last step, called as it calls it; a queue reads what a mail would say."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    queue = sqs.create_queue(QueueName="mails")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(TopicArn=topic_arn(aws), Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    event = {"quarter": "2036Q1", "bucket": BUCKET, **COUNTS, **FIRMS}
    answer = aws.client("lambda").invoke(
        FunctionName="ftm-notify-completion", Payload=io.BytesIO(json.dumps(event).encode())
    )
    result = json.loads(answer["Payload"].read())
    sns.unsubscribe(SubscriptionArn=subscription)
    assert result["notified"] is True, result
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    mail = json.loads(message["Body"])
    assert mail["Subject"] == "FTM 2036Q1: finished with failed batches"
    assert mail["Message"] == result["message"]


def test_the_schedule_starts_the_quarter(aws: LocalAws, notifying: Root) -> None:
    schedule = aws.client("scheduler").get_schedule(Name="ftm-quarter")
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == (SCHEDULE["expression"], "UTC")
    assert schedule["State"] == "ENABLED"
    target = schedule["Target"]
    assert target["Arn"] == notifying.outputs()["state_machine_arn"]
    expected = {"quarter": "2036Q1", "bucket": BUCKET, "topic_naming": "keywords"}
    assert expected.items() <= json.loads(target["Input"]).items()
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
    policy = aws.client("iam").get_role_policy(RoleName="ftm-schedule-role", PolicyName="start")["PolicyDocument"]
    assert [(one["Action"], one["Resource"]) for one in policy["Statement"]] == [
        ("states:StartExecution", target["Arn"])
    ]


# --- instances --------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "percent"), [({}, 0), (VLLM, 100)], ids=["Spot", "on demand"])
def test_vllm_on_spot_or_on_demand(planned: Planned, options: dict[str, Any], percent: int) -> None:
    group = planned("ecs", options)["aws_autoscaling_group.vllm"]
    (distribution,) = group["mixed_instances_policy"][0]["instances_distribution"]
    assert distribution["on_demand_percentage_above_base_capacity"] == percent


def container(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """vLLM's."""
    (only,) = json.loads(resources["aws_ecs_task_definition.vllm"]["container_definitions"])
    return dict(only)


def test_vllm_is_the_accounts_image_by_digest_of_one_revision(planned: Planned) -> None:
    resources = planned("ecs", VLLM)
    assert container(resources)["image"] == f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/ftm-vllm@{DIGEST}"
    assert container(resources)["command"][-2:] == ["--revision", "abc1234"]
    (statement,) = json.loads(resources["aws_iam_role_policy.session[0]"]["policy"])["Statement"]
    allowed = statement["Action"]
    assert {action.partition(":")[0] for action in allowed} == {"ssm", "ssmmessages"}
    assert [action for action in allowed if action.startswith("ssm:")] == ["ssm:UpdateInstanceInformation"]


def test_by_default_nobody_gets_into_an_instance(planned: Planned) -> None:
    resources = planned("ecs", {})
    assert "--revision" not in container(resources)["command"]
    assert not [address for address in resources if "session" in address]


def test_each_default_subnet_with_the_type_is_used(aws: LocalAws, roots: dict[str, Root]) -> None:
    ec2 = aws.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    default = {one["SubnetId"]: one["AvailabilityZone"] for one in ec2.describe_subnets(Filters=of_vpc)["Subnets"]}
    zone = ec2.describe_subnets(Filters=of_vpc)["Subnets"][0]["AvailabilityZone"]
    ec2.associate_vpc_cidr_block(VpcId=vpc["VpcId"], CidrBlock="10.77.0.0/16")
    added = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.77.0.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
    try:
        planned = roots["ecs"].planned({})
    finally:
        ec2.delete_subnet(SubnetId=added)

    assert set(planned["aws_lb.vllm"]["subnets"]) == set(default)
    offered = {subnet for subnet, zone in default.items() if zone != "us-east-1e"}  # which has no GPUs, as moto knows
    assert set(planned["aws_autoscaling_group.vllm"]["vpc_zone_identifier"]) == offered


def test_without_a_zone_with_the_type_the_plan_says_so(aws: LocalAws, roots: dict[str, Root]) -> None:
    zone = [{"Name": "availability-zone", "Values": ["us-east-1e"]}]
    (subnet,) = aws.client("ec2").describe_subnets(Filters=zone)["Subnets"]
    with pytest.raises(TerraformFailed, match="No zone of the subnets offers any of"):
        roots["ecs"].plan(var={"subnet_ids": [subnet["SubnetId"], subnet["SubnetId"]]})


@pytest.mark.parametrize(
    ("root", "options", "template", "container_user"),
    [("ecs", {}, "aws_launch_template.vllm", 2000), ("batch", BATCH, "aws_launch_template.batch", 65532)],
)
def test_only_the_containers_user_is_kept_from_the_instances_role(
    planned: Planned, tmp_path: Path, root: str, options: dict[str, Any], template: str, container_user: int
) -> None:
    require_namespaces()
    user_data = base64.b64decode(planned(root, options)[template]["user_data"])
    before, after = reached(user_data, tmp_path)
    everything: list[str] = [*INSTANCE, CONTAINER]
    assert before == {user: everything for user in (0, 2000, 65532)}
    assert after == {**before, container_user: [CONTAINER]}


@pytest.mark.parametrize(
    ("options", "image"), [(GPUS, "ECS_AL2023_NVIDIA"), (BATCH, "ECS_AL2023")], ids=["with GPUs", "without"]
)
def test_instances_of_the_jobs(planned: Planned, options: dict[str, Any], image: str) -> None:
    resources = planned("batch", options)
    assert images(resources) == {image}
    assert [sorted(one["instance_type"]) for one in compute_resources(resources)] == [options["instance_types"]] * 2


def test_map_jobs_with_a_gpu(aws: LocalAws, roots: dict[str, Root]) -> None:
    """Applied, because a plan does not know the container yet."""
    roots["batch"].apply(var=GPUS, target=["aws_batch_job_definition.jobs"])
    definitions = aws.client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    needs = {one["jobDefinitionName"]: one["containerProperties"]["resourceRequirements"] for one in definitions}
    assert {name: [need["value"] for need in asked if need["type"] == "GPU"] for name, asked in needs.items()} == {
        "ftm-firm-processor": ["1"],
        "ftm-theme-aggregator": [],
        "ftm-panel-aggregator": [],
    }


def images(resources: dict[str, dict[str, Any]]) -> set[str]:
    return {one["ec2_configuration"][0]["image_type"] for one in compute_resources(resources)}


def compute_resources(resources: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        values["compute_resources"][0]
        for address, values in resources.items()
        if address.startswith("aws_batch_compute_environment.")
    ]


# --- what is refused --------------------------------------------------------------------------


# Terraform says all that is wrong with the values of one plan, and a plan takes seconds.
@pytest.mark.parametrize(
    ("root", "wrong"),
    [
        ("storage", [({"alert_email": "nobody"}, "alert_email must be an e-mail address")]),
        (
            "ecs",
            [
                ({"vllm_image": "vllm/vllm-openai:latest"}, "vllm_image must end in a tag other than latest"),
                ({"subnet_ids": ["subnet-0123456789abcdef0"]}, "a load balancer needs two zones"),
            ],
        ),
        (
            "batch",
            [
                ({"image_tag": "latest"}, "image_tag must be a tag that never moves"),
                ({"gpus_per_job": 1}, "gpus_per_job = 1 needs GPU instance_types"),
                ({"job_environment": {"LLM_API_KEY": "a key"}}, "LLM_API_KEY must not be in job_environment"),
            ],
        ),
        # By itself, because both are about the same image.
        ("ecs", [({"vllm_image": None}, "export TF_VAR_vllm_image_digest=$(aws ecr describe-images")]),
        # By itself: what is said of gpus_per_job depends on instance_types.
        ("batch", [({"instance_types": ["c7g"]}, "instance_types must be x86-64")]),
        (
            "stepfunctions",
            [
                ({"schedule": {**SCHEDULE, "quarter": "2036Q5"}}, "schedule.quarter must be a quarter"),
                ({"max_concurrency": 41}, "max_concurrency must be from 1 to 40"),
            ],
        ),
    ],
)
def test_wrong_values_are_refused_with_their_reasons(
    roots: dict[str, Root], root: str, wrong: list[tuple[dict[str, Any], str]]
) -> None:
    values = {name: value for one, _ in wrong for name, value in one.items()}
    with pytest.raises(TerraformFailed) as refusal:
        roots[root].plan(var=values)
    said = " ".join(str(refusal.value).replace("│", " ").split())
    assert [reason for _, reason in wrong if reason not in said] == []
    assert said.count("Error: ") == len(wrong)
