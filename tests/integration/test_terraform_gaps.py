"""What Terraform needs of the local AWS: each patch at work, and whether moto still needs it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.localaws_helpers import create_queue, create_role, local_aws_without

ACCOUNT = "666938415731"
PATCHES = (
    "moto_gaps.athena:install",
    "moto_gaps.autoscaling:install",
    "moto_gaps.batch:install",
    "moto_gaps.budgets:install",
    "moto_gaps.ec2:install",
    "moto_gaps.ecs:install",
    "moto_gaps.install:load_managed_policies",
    "moto_gaps.s3:install",
    "moto_gaps.stepfunctions:install",
)


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def stock() -> Iterator[LocalAws]:
    """A local AWS without any of the patches."""
    with local_aws_without(*PATCHES, "not_implemented:install") as stock:
        yield stock


def error_of(call: Any, **request: Any) -> int:
    """The HTTP status with which the request is refused."""
    with pytest.raises(ClientError) as error:
        call(**request)
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


# --- Auto Scaling -----------------------------------------------------------------------------


def scaling_policy(aws: LocalAws) -> dict[str, Any]:
    """A simple policy, as it is described."""
    group = {"AutoScalingGroupName": "guarded"}
    autoscaling = aws.client("autoscaling")
    autoscaling.create_launch_configuration(
        LaunchConfigurationName="guarded", ImageId="ami-12c6146b", InstanceType="g5.xlarge"
    )
    autoscaling.create_auto_scaling_group(
        **group, LaunchConfigurationName="guarded", MinSize=0, MaxSize=1, AvailabilityZones=["us-east-1a"]
    )
    autoscaling.put_scaling_policy(
        **group,
        PolicyName="stop",
        PolicyType="SimpleScaling",
        AdjustmentType="ExactCapacity",
        ScalingAdjustment=0,
        Cooldown=300,
    )
    (policy,) = autoscaling.describe_policies(**group)["ScalingPolicies"]
    return dict(policy)


def test_a_scaling_policy_is_enabled_and_predicts_nothing(aws: LocalAws, stock: LocalAws) -> None:
    policy = scaling_policy(aws)
    assert (policy["Enabled"], "PredictiveScalingConfiguration" in policy) == (True, False)
    of_stock = scaling_policy(stock)
    assert (of_stock.get("Enabled"), "PredictiveScalingConfiguration" in of_stock) == (None, True)


# --- Athena -----------------------------------------------------------------------------------


def create_work_group(aws: LocalAws) -> Any:
    athena = aws.client("athena")
    results = {"OutputLocation": "s3://results/", "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}
    configuration = {"ResultConfiguration": results, "BytesScannedCutoffPerQuery": 10_000_000}
    athena.create_work_group(Name="queries", Description="first", Configuration=configuration)
    return athena


def test_a_workgroup_is_changed_where_the_request_says_so(aws: LocalAws) -> None:
    athena = create_work_group(aws)
    before = athena.get_work_group(WorkGroup="queries")["WorkGroup"]
    athena.update_work_group(WorkGroup="queries")
    unchanged = athena.get_work_group(WorkGroup="queries")["WorkGroup"]
    assert (unchanged["Configuration"], unchanged["Description"]) == (before["Configuration"], "first")
    athena.update_work_group(
        WorkGroup="queries",
        Description="second",
        ConfigurationUpdates={
            "RemoveBytesScannedCutoffPerQuery": True,
            "RequesterPaysEnabled": True,
            "ResultConfigurationUpdates": {"OutputLocation": "s3://others/"},
        },
    )
    after = athena.get_work_group(WorkGroup="queries")["WorkGroup"]
    assert after["Description"] == "second"
    assert "BytesScannedCutoffPerQuery" not in after["Configuration"]
    assert after["Configuration"]["RequesterPaysEnabled"] is True
    assert after["Configuration"]["ResultConfiguration"] == {
        "OutputLocation": "s3://others/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    }


def test_stock_moto_changes_no_workgroup(stock: LocalAws) -> None:
    assert error_of(create_work_group(stock).update_work_group, WorkGroup="queries") == 500


# --- Batch ------------------------------------------------------------------------------------


def resized_environment(aws: LocalAws) -> int:
    batch, ec2 = aws.client("batch"), aws.client("ec2")
    resources = {
        "type": "EC2",
        "minvCpus": 0,
        "maxvCpus": 4,
        "instanceTypes": ["c5"],
        "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        "instanceRole": create_instance_profile(aws, "resized"),
    }
    batch.create_compute_environment(
        computeEnvironmentName="resized", type="MANAGED", computeResources=resources, serviceRole=create_role(aws, "r")
    )
    batch.update_compute_environment(computeEnvironment="resized", computeResources={"maxvCpus": 8})
    described = batch.describe_compute_environments(computeEnvironments=["resized"])["computeEnvironments"]
    return int(described[0]["computeResources"]["maxvCpus"])


def create_instance_profile(aws: LocalAws, name: str) -> str:
    return str(aws.client("iam").create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"])


def test_compute_environments_are_resized(aws: LocalAws, stock: LocalAws) -> None:
    assert resized_environment(aws) == 8
    assert resized_environment(stock) == 4


LIMITS = [
    {
        "reason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "state": "RUNNABLE",
        "maxTimeSeconds": 600,
        "action": "CANCEL",
    }
]


def time_limits_of_queues(aws: LocalAws) -> dict[str, list[dict[str, Any]]]:
    """Of one that is made with limits, and one that gets them later."""
    create_queue(aws)
    batch = aws.client("batch")
    batch.update_job_queue(jobQueue="test-queue", jobStateTimeLimitActions=LIMITS)
    batch.create_job_queue(
        jobQueueName="limited-queue",
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "test-compute"}],
        jobStateTimeLimitActions=LIMITS,
    )
    queues = batch.describe_job_queues(jobQueues=["limited-queue", "test-queue"])["jobQueues"]
    return {queue["jobQueueName"]: queue.get("jobStateTimeLimitActions", []) for queue in queues}


def test_limits_on_waiting_jobs_are_kept(aws: LocalAws, stock: LocalAws) -> None:
    assert time_limits_of_queues(aws) == {"limited-queue": LIMITS, "test-queue": LIMITS}
    assert time_limits_of_queues(stock) == {"limited-queue": [], "test-queue": []}


def submit_by_arn_without_revision(aws: LocalAws) -> str:
    """The name of the definition whose job is submitted."""
    batch = aws.client("batch")
    if not batch.describe_job_queues(jobQueues=["test-queue"])["jobQueues"]:
        create_queue(aws)
    properties = {
        "image": "ftm-worker",
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
    }
    arn = batch.register_job_definition(jobDefinitionName="twice", type="container", containerProperties=properties)
    latest = arn["jobDefinitionArn"].rpartition(":")[0]
    job = batch.submit_job(jobName="job", jobQueue="test-queue", jobDefinition=latest)["jobId"]
    definition: str = batch.describe_jobs(jobs=[job])["jobs"][0]["jobDefinition"]
    batch.terminate_job(jobId=job, reason="the test has seen enough")
    return definition


def test_a_job_definition_is_found_without_its_revision(aws: LocalAws, stock: LocalAws) -> None:
    assert submit_by_arn_without_revision(aws).endswith("job-definition/twice:1")
    with pytest.raises(ClientError):
        submit_by_arn_without_revision(stock)


# --- Budgets ----------------------------------------------------------------------------------

NOTIFICATION = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
SUBSCRIBERS = [{"SubscriptionType": "EMAIL", "Address": "operator@example.com"}]
BUDGET_ARN = f"arn:aws:budgets::{ACCOUNT}:budget/monthly"


def create_budget(aws: LocalAws) -> Any:
    budgets = aws.client("budgets")
    budgets.create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": "monthly",
            "BudgetLimit": {"Amount": "100", "Unit": "USD"},
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
        },
        NotificationsWithSubscribers=[{"Notification": NOTIFICATION, "Subscribers": SUBSCRIBERS}],
        ResourceTags=[{"Key": "Project", "Value": "ftm"}],
    )
    return budgets


def test_a_budget_tells_its_subscribers_and_tags(aws: LocalAws) -> None:
    budgets = create_budget(aws)
    asked = {
        "AccountId": ACCOUNT,
        "BudgetName": "monthly",
        "Notification": {**NOTIFICATION, "ThresholdType": "PERCENTAGE"},
    }
    assert budgets.describe_subscribers_for_notification(**asked)["Subscribers"] == SUBSCRIBERS
    budgets.tag_resource(ResourceARN=BUDGET_ARN, ResourceTags=[{"Key": "Root", "Value": "ecs"}])
    budgets.untag_resource(ResourceARN=BUDGET_ARN, ResourceTagKeys=["Project"])
    tags = budgets.list_tags_for_resource(ResourceARN=BUDGET_ARN)["ResourceTags"]
    assert tags == [{"Key": "Root", "Value": "ecs"}]


def test_stock_moto_has_no_subscribers_and_tags_of_budgets(stock: LocalAws) -> None:
    budgets = create_budget(stock)
    for call, request in (
        (
            budgets.describe_subscribers_for_notification,
            {"AccountId": ACCOUNT, "BudgetName": "monthly", "Notification": NOTIFICATION},
        ),
        (budgets.list_tags_for_resource, {"ResourceARN": BUDGET_ARN}),
    ):
        assert error_of(call, **request) == 500


# --- EC2 and load balancers -------------------------------------------------------------------


def tags_in_template_data(aws: LocalAws) -> list[str]:
    """Kinds of resources that a new launch template says it will tag."""
    ec2 = aws.client("ec2")
    tags = [{"Key": "Project", "Value": "ftm"}]
    ec2.create_launch_template(
        LaunchTemplateName="tagged",
        LaunchTemplateData={"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
    )
    versions = ec2.describe_launch_template_versions(LaunchTemplateName="tagged")["LaunchTemplateVersions"]
    return [one["ResourceType"] for one in versions[0]["LaunchTemplateData"]["TagSpecifications"]]


def test_a_launch_templates_own_tags_are_not_its_instances(aws: LocalAws, stock: LocalAws) -> None:
    assert tags_in_template_data(aws) == ["instance"]
    assert tags_in_template_data(stock) == ["instance", "launch-template"]


def start_from_second_version(aws: LocalAws) -> int:
    """How many instances a group has that uses the second version of a template."""
    ec2, groups = aws.client("ec2"), aws.client("autoscaling")
    data = {
        "ImageId": ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
        "InstanceType": "t3.micro",
        "UserData": base64.b64encode(b"#!/bin/bash\n").decode(),
    }
    template = ec2.create_launch_template(LaunchTemplateName="changed", LaunchTemplateData=data)["LaunchTemplate"]
    ec2.create_launch_template_version(LaunchTemplateName="changed", LaunchTemplateData=data)
    groups.create_auto_scaling_group(
        AutoScalingGroupName="group",
        MinSize=0,
        MaxSize=1,
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "2"},
        AvailabilityZones=["us-east-1a"],
    )
    groups.set_desired_capacity(AutoScalingGroupName="group", DesiredCapacity=1)
    return len(
        groups.describe_auto_scaling_groups(AutoScalingGroupNames=["group"])["AutoScalingGroups"][0]["Instances"]
    )


def test_instances_start_from_a_later_version_of_a_template(aws: LocalAws, stock: LocalAws) -> None:
    assert start_from_second_version(aws) == 1
    with pytest.raises(ResponseParserError):  # the page of a web server whose program has crashed
        start_from_second_version(stock)


def description_of_rule_between_groups(aws: LocalAws) -> str | None:
    ec2 = aws.client("ec2")
    group = ec2.create_security_group(GroupName="target", Description="target")["GroupId"]
    pair = {"GroupId": group, "Description": "from its own kind"}
    ports = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**ports, "UserIdGroupPairs": [pair]}])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    described: str | None = next(rule for rule in rules if not rule["IsEgress"]).get("Description")
    return described


def test_a_rule_between_groups_keeps_its_description(aws: LocalAws, stock: LocalAws) -> None:
    assert description_of_rule_between_groups(aws) == "from its own kind"
    assert description_of_rule_between_groups(stock) is None


def state_of_new_load_balancer(aws: LocalAws) -> str:
    subnets = [subnet["SubnetId"] for subnet in aws.client("ec2").describe_subnets()["Subnets"]]
    balancer = aws.client("elbv2").create_load_balancer(Name="new", Subnets=subnets)["LoadBalancers"][0]
    return str(balancer["State"]["Code"])


def test_a_load_balancer_is_active_at_once(aws: LocalAws, stock: LocalAws) -> None:
    assert state_of_new_load_balancer(aws) == "active"
    assert state_of_new_load_balancer(stock) == "provisioning"


# --- ECS --------------------------------------------------------------------------------------

SETTINGS = {
    "availabilityZoneRebalancing": "DISABLED",
    "capacityProviderStrategy": [{"capacityProvider": "instances", "weight": 1, "base": 0}],
    "deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100},
    "healthCheckGracePeriodSeconds": 900,
    "placementConstraints": [{"type": "distinctInstance"}],
}


def service_in_host_mode(aws: LocalAws) -> dict[str, Any]:
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="cluster")
    container = {"name": "container", "image": "image", "memory": 64}
    ecs.register_task_definition(family="task", networkMode="host", containerDefinitions=[container])
    ecs.create_service(cluster="cluster", serviceName="service", taskDefinition="task", desiredCount=0, **SETTINGS)
    service: dict[str, Any] = ecs.describe_services(cluster="cluster", services=["service"])["services"][0]
    return service


def test_a_service_keeps_its_settings_and_has_no_empty_network(aws: LocalAws, stock: LocalAws) -> None:
    service = service_in_host_mode(aws)
    assert {name: service[name] for name in SETTINGS} == SETTINGS
    assert "networkConfiguration" not in service
    service = service_in_host_mode(stock)
    assert not SETTINGS.keys() & service.keys()
    assert service["networkConfiguration"] == {}


# --- IAM --------------------------------------------------------------------------------------


def test_policies_that_aws_manages_are_there(aws: LocalAws, stock: LocalAws) -> None:
    request = {
        "RoleName": "managed",
        "PolicyArn": "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
    }
    for one in (aws, stock):
        create_role(one, "managed")
    aws.client("iam").attach_role_policy(**request)
    assert error_of(stock.client("iam").attach_role_policy, **request) == 404


# --- S3 ---------------------------------------------------------------------------------------


def bucket_with_policy(aws: LocalAws, name: str, condition: dict[str, Any]) -> Any:
    """S3 with a bucket whose policy denies everything under the condition."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, **condition}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    return s3


WITHOUT_TLS = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def test_a_policy_against_requests_without_tls_lets_local_requests_pass(aws: LocalAws, stock: LocalAws) -> None:
    s3 = bucket_with_policy(aws, "tls-only", WITHOUT_TLS)
    s3.put_object(Bucket="tls-only", Key="key", Body=b"content")
    assert s3.get_object(Bucket="tls-only", Key="key")["Body"].read() == b"content"
    s3 = bucket_with_policy(stock, "tls-only", WITHOUT_TLS)
    assert error_of(s3.put_object, Bucket="tls-only", Key="key", Body=b"content") == 403


def test_other_denials_still_count(aws: LocalAws) -> None:
    s3 = bucket_with_policy(aws, "closed", {})
    assert error_of(s3.put_object, Bucket="closed", Key="key", Body=b"content") == 403


def suspended_bucket(aws: LocalAws, name: str) -> list[dict[str, str]]:
    """A bucket as ``terraform destroy`` finds it, its versioning suspended; returns its versions and markers."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=name, Key="lock", Body=b"mine")
    s3.delete_object(Bucket=name, Key="lock")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    listed = s3.list_object_versions(Bucket=name)
    return [
        {"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed["Versions"] + listed["DeleteMarkers"]
    ]


def test_a_bucket_with_delete_markers_is_emptied(aws: LocalAws, stock: LocalAws) -> None:
    s3, everything = aws.client("s3"), {"Objects": suspended_bucket(aws, "emptied")}
    s3.delete_objects(Bucket="emptied", Delete=everything)
    s3.delete_bucket(Bucket="emptied")
    everything = {"Objects": suspended_bucket(stock, "emptied")}
    assert error_of(stock.client("s3").delete_objects, Bucket="emptied", Delete=everything) == 500


# --- Step Functions ---------------------------------------------------------------------------

GOOD = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
BAD = {"StartAt": "Done", "States": {"Done": {"Type": "Nonsense"}}}


def test_definitions_are_validated_before_they_are_used(aws: LocalAws, stock: LocalAws) -> None:
    validate = aws.client("stepfunctions").validate_state_machine_definition
    assert validate(definition=json.dumps(GOOD))["result"] == "OK"
    assert validate(definition=json.dumps(BAD))["result"] == "FAIL"
    stock_validate = stock.client("stepfunctions").validate_state_machine_definition
    assert error_of(stock_validate, definition=json.dumps(GOOD)) == 500


def test_a_state_machine_has_no_versions(aws: LocalAws, stock: LocalAws) -> None:
    request = {"stateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:any"}
    assert aws.client("stepfunctions").list_state_machine_versions(**request)["stateMachineVersions"] == []
    assert error_of(stock.client("stepfunctions").list_state_machine_versions, **request) == 500
