"""The image ftm-vllm starts the server as the ecs root starts vLLM's own image: one is tried, the other deployed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.fast.terraform.terraform_files import ROOTS, local_values
from tests.fast.terraform.terraform_values import value

DOCKERFILE = (Path(__file__).parents[3] / "cloud/src/llm/vllm/Dockerfile").read_text()


def instruction(beginning: str) -> str:
    """What follows the only instruction that begins like this, on one line."""
    (found,) = re.findall(rf"^{beginning}[ =](.*)$", DOCKERFILE.replace("\\\n", " "), flags=re.MULTILINE)
    return str(found)


def container() -> dict[str, Any]:
    return dict(value("ecs", local_values("ecs")["container"]))


def test_it_has_the_base_image_that_ecs_deploys() -> None:
    variables = (ROOTS / "ecs/variables.tf").read_text()
    assert set(re.findall(r"vllm/vllm-openai:[\w.]+", variables)) == {instruction("ARG VLLM_BASE_IMAGE")}


def test_it_starts_as_the_task_does() -> None:
    assert json.loads(instruction("ENTRYPOINT")) == container()["entryPoint"]
    arguments = value("ecs", local_values("ecs")["arguments"])
    assert json.loads(instruction("CMD")) == [str(argument) for argument in arguments]
    assert instruction("EXPOSE") == str(container()["portMappings"][0]["containerPort"])


def test_it_runs_as_the_tasks_user() -> None:
    assert instruction("USER") == container()["user"]


def test_it_keeps_models_where_the_task_does() -> None:
    (variable,) = container()["environment"]
    assert instruction(f"ENV {variable['name']}") == variable["value"]
    assert container()["mountPoints"][0]["containerPath"] == variable["value"]


def test_its_health_is_checked_as_the_tasks_is() -> None:
    check = container()["healthCheck"]
    kind, command = check["command"]
    options, image_command = instruction("HEALTHCHECK").split(" CMD ")
    assert kind == "CMD-SHELL"
    assert image_command == command.replace("${local.vllm_port}", str(local_values("ecs")["vllm_port"]))
    assert dict(re.findall(r"--([a-z-]+)=(\d+)", options)) == {
        "start-period": str(check["startPeriod"]),
        "interval": str(check["interval"]),
        "timeout": str(check["timeout"]),
        "retries": str(check["retries"]),
    }
