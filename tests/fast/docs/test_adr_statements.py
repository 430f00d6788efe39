"""What ADR-006 and ADR-007 say about the deployed configuration is what Terraform deploys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.fast.terraform.contract_keys import KEYS
from tests.fast.terraform.terraform_files import ROOTS, blocks, local_values
from tests.fast.terraform.terraform_values import defaults, value

ADRS = Path(__file__).parents[3] / "docs/adr"


def stated(adr: str) -> dict[str, str]:
    """The rows of the table "Deployed configuration": what -> value."""
    section = (ADRS / adr).read_text().split("### Deployed configuration")[1].split("\n#")[0]
    return dict(re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|", section, flags=re.MULTILINE))


def resource(root: str, kind: str) -> dict[str, Any]:
    """The root's only resource of this kind."""
    (body,) = blocks(root, "resource", kind).values()
    return dict(value(root, body))


def test_adr_006_says_how_vllm_is_deployed() -> None:
    container = value("ecs", local_values("ecs")["container"])
    arguments = value("ecs", local_values("ecs")["arguments"])
    task = resource("ecs", "aws_ecs_task_definition")
    service = resource("ecs", "aws_ecs_service")
    target_group = resource("ecs", "aws_lb_target_group")
    group = resource("ecs", "aws_autoscaling_group")
    (ports,) = container["portMappings"]
    assert ports["containerPort"] == ports["hostPort"]
    assert stated("adr_006_llm_strategy.md") == {
        "network mode": task["network_mode"],
        "target group": target_group["name"],
        "target type": target_group["target_type"],
        "port of container and host": str(ports["hostPort"]),
        "health check of the load balancer": target_group["health_check"][0]["path"],
        "load balancer": "internal" if resource("ecs", "aws_lb")["internal"] else "public",
        "memory of the container in MiB": str(container["memory"]),
        "memory of the task": str(task.get("memory", "none")),
        "tasks per instance": tasks_per_instance(service, container),
        "user of the container": container["user"],
        "image": image(container),
        "model": arguments[0],
        "Hugging Face token": hugging_face_token(container),
        "instance types": ", ".join(defaults("ecs")["instance_types"]),
        "purchase": "Spot" if defaults("ecs")["use_spot"] else "on-demand",
        "root volume in GiB": str(defaults("ecs")["root_volume_gib"]),
        "instances after apply": str(group["desired_capacity"]),
        "tasks after apply": str(service["desired_count"]),
        "scaling": scaling(group, service),
        "seconds for new requests to stop": str(target_group["deregistration_delay"]),
        "seconds for requests to finish": str(option(arguments, "--shutdown-timeout")),
        "seconds until the container is killed": str(container["stopTimeout"]),
    }


def image(container: dict[str, Any]) -> str:
    """By default: the account's own, by the digest that somebody has to give."""
    given = {name: defaults("ecs")[name] for name in ("vllm_image", "vllm_image_digest")}
    own = "${local.repository}@${var.vllm_image_digest}" in container["image"]
    return "ftm-vllm, by digest" if own and set(given.values()) == {None} else "another"


def tasks_per_instance(service: dict[str, Any], container: dict[str, Any]) -> str:
    """One when ECS is told so, and when neither the port nor the GPU could be shared anyway."""
    told = [constraint["type"] for constraint in service["placement_constraints"]] == ["distinctInstance"]
    takes_gpu = {"type": "GPU", "value": "1"} in container["resourceRequirements"]
    return "1" if told and takes_gpu else "several"


def hugging_face_token(container: dict[str, Any]) -> str:
    variables = [*container.get("environment", []), *container.get("secrets", [])]
    return ", ".join(one["name"] for one in variables if "TOKEN" in one["name"]) or "none"


def scaling(group: dict[str, Any], service: dict[str, Any]) -> str:
    """By hand when Terraform leaves both numbers alone and nothing else changes them, but guards that set 0."""
    left_alone = [group["lifecycle"][0]["ignore_changes"], service["lifecycle"][0]["ignore_changes"]]
    automatic = ["aws_appautoscaling_policy", "aws_ecs_capacity_provider"]
    policy = resource("ecs", "aws_autoscaling_policy")
    stops = (policy["adjustment_type"], policy["scaling_adjustment"]) == ("ExactCapacity", 0)
    by_hand = left_alone == [["desired_capacity"], ["desired_count"]] and stops
    others = any(blocks("ecs", "resource", kind) for kind in automatic)
    return "by hand, but guards stop it" if by_hand and not others else "automatic"


def option(command: list[Any], name: str) -> Any:
    return command[command.index(name) + 1]


def test_draining_ends_before_a_spot_instance_is_taken() -> None:
    table = {what: int(text) for what, text in stated("adr_006_llm_strategy.md").items() if what.startswith("seconds")}
    assert table["seconds for requests to finish"] < table["seconds until the container is killed"]
    assert table["seconds for new requests to stop"] + table["seconds until the container is killed"] < 120
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" in (ROOTS / "ecs/asg.tf").read_text()
    service = resource("ecs", "aws_ecs_service")
    # With 100 % the draining instance would wait for a replacement that cannot come in time.
    assert (service["deployment_minimum_healthy_percent"], service["deployment_maximum_percent"]) == (0, 100)


def test_adr_007_says_how_the_data_is_stored() -> None:
    variables = defaults("storage")
    encryption = resource("storage", "aws_s3_bucket_server_side_encryption_configuration")["rule"][0]
    table = blocks("storage", "resource", "aws_glue_catalog_table")["this"]
    expires_after = lifecycle_days()
    assert all(setting is True for setting in public_access().values())
    assert stated("adr_007_storage_strategy.md") == {
        "versioning": resource("storage", "aws_s3_bucket_versioning")["versioning_configuration"][0]["status"],
        "days of an old version": str(variables["noncurrent_version_expiration_days"]),
        "encryption": encryption["apply_server_side_encryption_by_default"][0]["sse_algorithm"],
        "denied": denied(),
        "days of intermediate/": str(expires_after["intermediate/"]),
        "days of athena-results/": str(expires_after["athena-results/"]),
        "type of the partition projection": table["parameters"]["projection.quarter.type"],
        "projected quarters": f"{variables['first_year']}Q1 to {variables['last_year']}Q4",
        "GiB an Athena query may scan": str(variables["athena_scan_limit_gib"]),
        "tags of images": resource("storage", "aws_ecr_repository")["image_tag_mutability"],
    }


def public_access() -> dict[str, Any]:
    block = resource("storage", "aws_s3_bucket_public_access_block")
    return {name: setting for name, setting in block.items() if name != "bucket" and not name.startswith("__")}


def denied() -> str:
    document = blocks("storage", "data", "aws_iam_policy_document")["tls_only"]
    (statement,) = document["statement"]
    (condition,) = statement["condition"]
    tls = (condition["variable"], condition["values"]) == ("aws:SecureTransport", ["false"])
    return "requests without TLS" if statement["effect"] == "Deny" and tls else "something else"


def lifecycle_days() -> dict[str, int]:
    """Folder -> days after which its objects expire."""
    rules = resource("storage", "aws_s3_bucket_lifecycle_configuration")["rule"]
    return {
        rule["filter"][0]["prefix"]: rule["expiration"][0]["days"] for rule in rules if rule["filter"][0].get("prefix")
    }


def test_adr_007_has_the_layout_of_the_contract() -> None:
    layout = (ADRS / "adr_007_storage_strategy.md").read_text().split("```")[1]
    assert sorted(layout.split()) == sorted(KEYS)
