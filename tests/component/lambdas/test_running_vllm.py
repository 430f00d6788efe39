"""What the mail says of vLLM: with a real group and service of a local AWS, and when nobody may look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cloud.src.lambdas import notify_completion, running_vllm
from cloud.src.lambdas.looks import Looks

GROUP, CLUSTER, SERVICE = "ftm-vllm-asg", "ftm-vllm-cluster", "ftm-vllm-service"
STOP = (
    "; to stop it: ftm aws down, or "
    f"aws ecs update-service --cluster {CLUSTER} --service {SERVICE} --desired-count 0 && "
    f"aws autoscaling set-desired-capacity --auto-scaling-group-name {GROUP} --desired-capacity 0"
)


@pytest.fixture
def deployed(aws_environment: None) -> Iterator[Any]:
    """A group for up to two instances, none of which runs, and the service; returns the client of the group."""
    clients: Any = boto3  # typed for the literal names of services
    ec2, autoscaling, ecs = (clients.client(name) for name in ("ec2", "autoscaling", "ecs"))
    ec2.create_launch_template(
        LaunchTemplateName="ftm-vllm", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "g5.xlarge"}
    )
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        LaunchTemplate={"LaunchTemplateName": "ftm-vllm", "Version": "1"},
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=0,
        VPCZoneIdentifier=ec2.describe_subnets()["Subnets"][0]["SubnetId"],
    )
    ecs.create_cluster(clusterName=CLUSTER)
    ecs.register_task_definition(family="ftm-vllm", containerDefinitions=[{"name": "vllm", "image": "v", "memory": 1}])
    ecs.create_service(cluster=CLUSTER, serviceName=SERVICE, taskDefinition="ftm-vllm", desiredCount=0)
    yield autoscaling
    ecs.delete_service(cluster=CLUSTER, service=SERVICE, force=True)
    ecs.delete_cluster(cluster=CLUSTER)
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    ec2.delete_launch_template(LaunchTemplateName="ftm-vllm")


def test_where_the_root_ecs_is_not_applied(aws_environment: None) -> None:
    assert running_vllm.look(Looks()).in_words == "vLLM: not deployed in this account and region"


@pytest.mark.parametrize(
    ("n_instances", "said"),
    [
        (0, "vLLM: not running, $0.00 an hour"),
        (1, f"vLLM: running (instances: 1, tasks: 0), about $1.04 an hour (g5.xlarge on demand){STOP}"),
        (2, f"vLLM: running (instances: 2, tasks: 0), about $2.07 an hour (g5.xlarge on demand){STOP}"),
    ],
)
def test_it_says_what_runs_and_what_that_costs(deployed: Any, n_instances: int, said: str) -> None:
    deployed.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=n_instances)

    assert running_vllm.look(Looks()).in_words == said


ON_SPOT = {"MixedInstancesPolicy": {"InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 0}}}


class OnSpot:
    """A group with two instances of one kind each, and an EC2 that tells or does not."""

    def __init__(self, tells: bool) -> None:
        self._tells = tells

    def client(self, _service: str) -> OnSpot:
        return self

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        instances = [{"InstanceId": one} for one in ("i-1", "i-2")]
        return {"AutoScalingGroups": [{"DesiredCapacity": 2, "Instances": instances, **ON_SPOT}]}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": [{"runningCount": 2}]}

    def get_paginator(self, _operation: str) -> OnSpot:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        if not self._tells:
            raise RuntimeError("not allowed")
        kinds: list[dict[str, str]] = [{"InstanceLifecycle": "spot"}, {}]
        found = [{"InstanceId": f"i-{n}", "InstanceType": "g6.xlarge", **kind} for n, kind in enumerate(kinds, 1)]
        return [{"Reservations": [{"Instances": found}]}]


@pytest.mark.parametrize(
    ("tells", "price", "each"),
    [
        (True, "about $1.23 an hour (g6.xlarge on Spot, g6.xlarge on demand)", (0.40 + 0.8348) / 2),
        (False, "about $0.80 an hour (g5.xlarge on Spot)", 0.40),
    ],
)
def test_the_price_is_that_of_what_runs(tells: bool, price: str, each: float) -> None:
    looks: Any = OnSpot(tells)

    seen = running_vllm.look(looks)

    assert seen.in_words == f"vLLM: running (instances: 2, tasks: 2), {price}{STOP}"
    assert seen.instance_usd_per_hour == pytest.approx(each)


class Waiting:
    """A group that wants an instance and has none, and no service: moto's groups have them at once."""

    def client(self, _service: str) -> Waiting:
        return self

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        return {"AutoScalingGroups": [{"DesiredCapacity": 1, "Instances": [], **ON_SPOT}]}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": []}


def test_when_vllm_is_down_the_next_instances_price_counts(deployed: Any) -> None:
    assert running_vllm.look(Looks()).instance_usd_per_hour == pytest.approx(1.006 + 0.03)  # on demand


def test_an_instance_that_is_still_wanted_will_cost() -> None:
    looks: Any = Waiting()

    assert (
        running_vllm.look(looks).in_words
        == f"vLLM: no instance yet, 1 wanted, which will cost about $0.40 an hour (g5.xlarge on Spot){STOP}"
    )


def test_a_look_that_fails_does_not_lose_the_mail(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_AUTO_SCALING", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.delenv("SNS_TOPIC_ARN", raising=False)
    counts = dict.fromkeys(
        ("succeeded", "failed", "firms_total", "firms_succeeded", "firms_skipped", "firms_failed"), 0
    )

    answer = notify_completion.handler(
        {"quarter": "2023Q1", "bucket": "ftm-pipeline-test", "has_failures": False, **counts}, None
    )

    last = answer["message"].splitlines()[-1]
    assert re.match(
        r"vLLM: cannot see whether it is running \(\w+Error\); it costs about \$0\.40 an hour \(.*\) if", last
    )
    assert last.endswith(STOP)
