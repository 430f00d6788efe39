"""``ftm aws status --all-regions``: what of FTM bills by the hour, in every region that is enabled for the account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from cloud.src.cli.aws.account import Account
from cloud.src.cli.screen import one_line
from cloud.src.contract import prices
from cloud.src.contract.vllm import SCALING_GROUP, priced, wanted

TAG = "Project", "ftm"  # what the Terraform roots give to all that they make, and to the instances of both groups
VLLM = "ftm-vllm"  # the tag Name of vLLM's instances
BILLED_STATES = ["pending", "running"]
SERVICES = ("ec2", "autoscaling", "elbv2")
REGIONS_AT_ONCE = 8
MOST_BALANCERS = 20  # whose tags AWS tells in one answer

Clients = dict[str, Any]


@dataclass(frozen=True)
class Billed:
    """Something that bills while it exists; ``usd_per_hour`` is approximate, at the prices of us-east-1."""

    region: str
    what: str
    name: str
    usd_per_hour: float


@dataclass(frozen=True)
class AllRegions:
    """What was found; ``not_asked``: the reason, by region."""

    billed: list[Billed]
    not_asked: dict[str, str]
    n_regions: int

    def usd_per_hour(self) -> float:
        """Total per hour."""
        return sum(one.usd_per_hour for one in self.billed)

    def as_json_object(self) -> dict[str, Any]:
        """The result as JSON."""
        billed = [vars(one) for one in self.billed]
        return {"billed": billed, "usd_per_hour": self.usd_per_hour(), "not_asked": self.not_asked}


def look(account: Account) -> AllRegions:
    """Look in every region that the account has enabled; name those that do not answer."""
    names = sorted(one["RegionName"] for one in account.client("ec2").describe_regions()["Regions"])
    # Here and not in the threads: making a client is not thread-safe in boto3.
    clients = [{service: account.client(service, name) for service in SERVICES} for name in names]
    with ThreadPoolExecutor(REGIONS_AT_ONCE) as pool:
        answers = dict(zip(names, pool.map(_billed_or_why_not, names, clients), strict=True))
    billed = [one for answer in answers.values() if not isinstance(answer, str) for one in answer]
    return AllRegions(billed, {name: answer for name, answer in answers.items() if isinstance(answer, str)}, len(names))


def table(found: AllRegions) -> Table:
    """One row per item that bills, and the total."""
    shown = Table(title="Bills by the hour, with FTM's tag", title_justify="left", show_footer=True)
    shown.add_column("Region", "together")
    shown.add_column("What")
    shown.add_column("Name", overflow="fold")
    shown.add_column("About $ an hour", f"{found.usd_per_hour():.3f}", justify="right")
    for one in found.billed:
        shown.add_row(one.region, one.what, one.name, f"{one.usd_per_hour:.3f}")
    return shown


def lines(found: AllRegions) -> list[str]:
    """How many regions answered, and which did not."""
    asked = found.n_regions - len(found.not_asked)
    said = f"{asked} of {found.n_regions} regions asked; storage, which is billed by the month, is not included"
    return [said, *(f"{name}: not asked: {why}" for name, why in found.not_asked.items())]


def _billed_or_why_not(region: str, clients: Clients) -> list[Billed] | str:
    try:
        return [
            Billed(region, what, name, usd)
            for of_kind in (_instances, _groups, _balancers, _volumes)
            for what, name, usd in of_kind(clients)
        ]
    except (ClientError, BotoCoreError) as error:
        return one_line(str(error))


Found = list[tuple[str, str, float]]  # what, name, USD per hour


def _instances(clients: Clients) -> Found:
    tagged = [_tag_filter(), {"Name": "instance-state-name", "Values": BILLED_STATES}]
    pages = clients["ec2"].get_paginator("describe_instances").paginate(Filters=tagged)
    found = [one for page in pages for group in page["Reservations"] for one in group["Instances"]]
    vcpus = _vcpus(clients["ec2"], sorted({one["InstanceType"] for one in found}))
    return [
        (f"instance, {one['InstanceType']}", _name(one, one["InstanceId"]), _instance_usd(one, vcpus)) for one in found
    ]


def _vcpus(ec2: Any, types: list[str]) -> dict[str, int]:
    """By instance type."""
    answer = ec2.describe_instance_types(InstanceTypes=types) if types else {"InstanceTypes": []}
    return {one["InstanceType"]: one["VCpuInfo"]["DefaultVCpus"] for one in answer["InstanceTypes"]}


def _instance_usd(instance: dict[str, Any], vcpus: dict[str, int]) -> float:
    if _tags(instance).get("Name") == VLLM:
        return priced(instance).usd_per_hour
    is_spot = instance.get("InstanceLifecycle") == "spot"
    vcpu_hour = prices.JOB_VCPU_HOUR if is_spot else prices.JOB_VCPU_ON_DEMAND_HOUR
    return vcpus.get(instance["InstanceType"], 0) * vcpu_hour


def _groups(clients: Clients) -> Found:
    """Groups that want more than they have: what they still wait for will bill."""
    answer = clients["autoscaling"].describe_auto_scaling_groups(AutoScalingGroupNames=[SCALING_GROUP])
    return [
        (f"group that waits for {missing}", one["AutoScalingGroupName"], missing * wanted(one).usd_per_hour)
        for one in answer["AutoScalingGroups"]
        if (missing := one["DesiredCapacity"] - len(one["Instances"])) > 0
    ]


def _balancers(clients: Clients) -> Found:
    elb = clients["elbv2"]
    pages = elb.get_paginator("describe_load_balancers").paginate()
    found = {one["LoadBalancerArn"]: one for page in pages for one in page["LoadBalancers"]}
    arns = list(found)
    described = [
        one
        for start in range(0, len(arns), MOST_BALANCERS)
        for one in elb.describe_tags(ResourceArns=arns[start : start + MOST_BALANCERS])["TagDescriptions"]
    ]
    ours = [found[one["ResourceArn"]] for one in described if _tags(one).get(TAG[0]) == TAG[1]]
    return [("load balancer", one["LoadBalancerName"], prices.LOAD_BALANCER_HOUR) for one in ours]


def _volumes(clients: Clients) -> Found:
    """Disks without an instance; those with one are in its price."""
    tagged = [_tag_filter(), {"Name": "status", "Values": ["available"]}]
    pages = clients["ec2"].get_paginator("describe_volumes").paginate(Filters=tagged)
    found = [one for page in pages for one in page["Volumes"]]
    return [(f"disk, {one['Size']} GiB", one["VolumeId"], one["Size"] * prices.DISK_GIB_HOUR) for one in found]


def _tag_filter() -> dict[str, Any]:
    return {"Name": f"tag:{TAG[0]}", "Values": [TAG[1]]}


def _name(described: dict[str, Any], otherwise: str) -> str:
    return " ".join(filter(None, [_tags(described).get("Name"), otherwise]))


def _tags(described: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
