"""``ftm aws status --all-regions``: tagged things in two regions of a local AWS, and a region that refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError

from cloud.src.cli.__main__ import run
from cloud.src.cli.aws import regions
from cloud.src.cli.aws.account import Account
from cloud.src.contract import prices
from tests.component.cli.aws_faults import faulty, refusal

HERE, FAR = "us-east-1", "eu-west-1"
TWO_REGIONS = {"ec2": {"describe_regions": {"Regions": [{"RegionName": HERE}, {"RegionName": FAR}]}}}
OURS = [{"Key": "Project", "Value": "ftm"}]


def client(service: str, region: str) -> Any:
    clients: Any = boto3
    return clients.client(service, region_name=region)


def start_instance(region: str, name: str, tags: list[dict[str, str]], **more: Any) -> str:
    answer = client("ec2", region).run_instances(
        ImageId="ami-12c6146b",
        InstanceType="c6a.xlarge",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [*tags, {"Key": "Name", "Value": name}]}],
        **more,
    )
    return str(answer["Instances"][0]["InstanceId"])


@pytest.fixture
def forgotten(account: Account) -> Iterator[dict[str, str]]:
    """In a far region: vLLM's instance, a job's, a disk, a load balancer, and somebody else's instance; ids by kind."""
    ec2, elb = client("ec2", FAR), client("elbv2", FAR)
    ids = {
        "vllm": start_instance(FAR, "ftm-vllm", OURS),
        "job": start_instance(FAR, "ftm-batch-spot", OURS, InstanceMarketOptions={"MarketType": "spot"}),
        "other": start_instance(FAR, "theirs", []),
    }
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    tagged = [{"ResourceType": "volume", "Tags": OURS}]
    ids["disk"] = ec2.create_volume(AvailabilityZone=zone, Size=100, TagSpecifications=tagged)["VolumeId"]
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]]
    arns = [
        elb.create_load_balancer(Name=name, Subnets=subnets, Tags=tags)["LoadBalancers"][0]["LoadBalancerArn"]
        for name, tags in (("ftm-vllm-alb", OURS), ("theirs", [{"Key": "Project", "Value": "other"}]))
    ]
    yield ids
    for arn in arns:
        elb.delete_load_balancer(LoadBalancerArn=arn)
    ec2.delete_volume(VolumeId=ids["disk"])
    ec2.terminate_instances(InstanceIds=[ids["vllm"], ids["job"], ids["other"]])


def test_what_bills_elsewhere_is_found(account: Account, forgotten: dict[str, str]) -> None:
    found = regions.look(faulty(account, TWO_REGIONS))

    assert {one.region for one in found.billed} == {FAR}
    by_name = {one.name: (one.what, one.usd_per_hour) for one in found.billed}
    assert by_name == {
        f"ftm-vllm {forgotten['vllm']}": ("instance, c6a.xlarge", pytest.approx(1.006 + 0.03)),  # on demand
        f"ftm-batch-spot {forgotten['job']}": ("instance, c6a.xlarge", pytest.approx(4 * prices.JOB_VCPU_HOUR)),
        "ftm-vllm-alb": ("load balancer", prices.LOAD_BALANCER_HOUR),
        forgotten["disk"]: ("disk, 100 GiB", pytest.approx(100 * prices.DISK_GIB_HOUR)),
    }
    assert found.usd_per_hour() == pytest.approx(sum(usd for _, usd in by_name.values()))
    assert found.not_asked == {}


def test_nothing_bills_where_nothing_is(account: Account) -> None:
    found = regions.look(faulty(account, TWO_REGIONS))

    assert (found.billed, found.usd_per_hour(), found.n_regions) == ([], 0, 2)


def test_a_group_that_waits_for_an_instance_will_bill(account: Account) -> None:
    asked = {"AutoScalingGroupNames": ["ftm-vllm-asg"]}
    (group,) = account.client("autoscaling").describe_auto_scaling_groups(**asked)["AutoScalingGroups"]
    waiting = {"describe_auto_scaling_groups": {"AutoScalingGroups": [{**group, "DesiredCapacity": 1}]}}

    found = regions.look(faulty(account, {**TWO_REGIONS, f"autoscaling@{FAR}": waiting}))

    assert [(one.region, one.what, one.usd_per_hour) for one in found.billed if "group" in one.what] == [
        (FAR, "group that waits for 1", 1.006 + 0.03)  # a plain launch template is on demand
    ]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (refusal("UnauthorizedOperation"), "UnauthorizedOperation"),
        (ConnectTimeoutError(endpoint_url="https://ec2.eu-west-1"), "Connect timeout"),
    ],
)
def test_a_region_that_cannot_be_asked_is_said(account: Account, error: Exception, why: str) -> None:
    found = regions.look(faulty(account, {**TWO_REGIONS, f"elbv2@{FAR}": {"describe_load_balancers": error}}))

    assert list(found.not_asked) == [FAR]
    first, second = regions.lines(found)
    assert first.startswith("1 of 2 regions asked")
    assert second.startswith(f"{FAR}: not asked: ")
    assert why in second


@pytest.fixture
def two_regions(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    look = regions.look
    monkeypatch.setattr(regions, "look", lambda one: look(faulty(one, TWO_REGIONS)))


@pytest.mark.usefixtures("two_regions")
def test_the_command(forgotten: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aws", "status", "--all-regions"]) == 0
    out = capsys.readouterr().out
    assert "/ftm/batch/job_queue_arn" in out  # of this region, which lacks batch
    assert f"ftm-vllm {forgotten['vllm']}" in out
    assert "2 of 2 regions asked" in out

    assert run(["aws", "status", "--all-regions", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(printed["all_regions"]["billed"]) == 4
    assert printed["all_regions"]["usd_per_hour"] > prices.VLLM_INSTANCE_HOUR_WITH_DISK
