"""Whether the jobs, and only they, reach vLLM."""

from __future__ import annotations

from typing import Any

from cloud.src.cli.aws.doctor.finding import Check, Patient, Seen, failed, verdict

# Who may connect to whom, by the groups' names in the roots.
WAYS = (("ftm-vllm-alb-sg", "ftm-batch-sg"), ("ftm-vllm-instance-sg", "ftm-vllm-alb-sg"))


def _security_groups(patient: Patient) -> Seen:
    names = sorted({name for way in WAYS for name in way})
    ec2 = patient.account.client("ec2")
    answer = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": names}])
    groups = {group["GroupName"]: group for group in answer["SecurityGroups"]}
    missing = [name for name in names if name not in groups]
    if missing:
        return failed(f"not there: {', '.join(missing)}")
    problems = [problem for to, allowed in WAYS for problem in _problems(groups[to], groups[allowed])]
    return verdict(problems, "; ".join(f"{to} admits only {allowed}" for to, allowed in WAYS))


def _problems(group: dict[str, Any], allowed: dict[str, Any]) -> list[str]:
    rules = group["IpPermissions"]
    admitted = {pair["GroupId"] for rule in rules for pair in rule.get("UserIdGroupPairs", [])}
    ranges = [one.get("CidrIp") or one.get("CidrIpv6") for rule in rules for one in _ranges(rule)]
    name, found = group["GroupName"], []
    if allowed["GroupId"] not in admitted:
        found.append(f"{name} does not admit {allowed['GroupName']}")
    others = sorted(admitted - {allowed["GroupId"]}) + ranges
    return [*found, *(f"{name} admits {other}, too" for other in others)]


def _ranges(rule: dict[str, Any]) -> list[dict[str, Any]]:
    return [*rule.get("IpRanges", []), *rule.get("Ipv6Ranges", [])]


CHECKS = (
    Check(
        "security groups",
        "whether the jobs reach the load balancer and this vLLM, and nobody else does",
        "apply ecs, then batch, which sets the rules again (guide, sections 4 and 5)",
        _security_groups,
    ),
)
