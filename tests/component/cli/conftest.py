"""An account with what the Terraform roots make, for the tests of ``ftm aws``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloud.src.cli.aws import quarters
from cloud.src.cli.aws.account import Account, connect
from cloud.src.contract import parameters
from tests.component.conftest import BUCKET

WAIT = {"Type": "Wait", "Seconds": 3600, "End": True}


@pytest.fixture
def account(s3: Any, clients: Callable[[str], Any]) -> Iterator[Account]:
    """vLLM's group, service and targets, a state machine and the parameters that name them; all removed afterwards."""
    ec2, asg, ecs, elb = (clients(name) for name in ("ec2", "autoscaling", "ecs", "elbv2"))
    states, ssm = clients("stepfunctions"), clients("ssm")
    subnet, *_ = ec2.describe_subnets()["Subnets"]
    ec2.create_launch_template(
        LaunchTemplateName="ftm-vllm", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "g5.xlarge"}
    )
    asg.create_auto_scaling_group(
        AutoScalingGroupName="ftm-vllm-asg",
        LaunchTemplate={"LaunchTemplateName": "ftm-vllm", "Version": "1"},
        MinSize=0,
        MaxSize=1,
        DesiredCapacity=0,
        VPCZoneIdentifier=subnet["SubnetId"],
    )
    ecs.create_cluster(clusterName="ftm-vllm-cluster")
    ecs.register_task_definition(family="ftm-vllm", containerDefinitions=[{"name": "vllm", "image": "v", "memory": 1}])
    ecs.create_service(
        cluster="ftm-vllm-cluster", serviceName="ftm-vllm-service", taskDefinition="ftm-vllm", desiredCount=0
    )
    target_group = elb.create_target_group(
        Name="ftm-vllm-tg2", Protocol="HTTP", Port=8000, VpcId=subnet["VpcId"], TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    machine = states.create_state_machine(
        name="ftm-quarter-processor",
        definition=json.dumps({"StartAt": "Wait", "States": {"Wait": WAIT}}),
        roleArn="arn:aws:iam::123456789012:role/states",
    )["stateMachineArn"]
    published = {parameters.BUCKET: BUCKET, parameters.STATE_MACHINE_ARN: machine}
    for name, value in published.items():
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    account = connect(None, None)
    yield account
    for execution in quarters.executions(account, "RUNNING"):
        states.stop_execution(executionArn=execution["executionArn"])
    states.delete_state_machine(stateMachineArn=machine)
    elb.delete_target_group(TargetGroupArn=target_group)
    ecs.delete_service(cluster="ftm-vllm-cluster", service="ftm-vllm-service", force=True)
    ecs.delete_cluster(cluster="ftm-vllm-cluster")
    asg.delete_auto_scaling_group(AutoScalingGroupName="ftm-vllm-asg", ForceDelete=True)
    ec2.delete_launch_template(LaunchTemplateName="ftm-vllm")
    for name in published:
        ssm.delete_parameter(Name=name)
