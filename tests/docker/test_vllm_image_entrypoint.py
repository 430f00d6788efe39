"""The image ftm-vllm, made from a stand-in for vLLM's own image, which is too large and not to be had everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.docker_command import docker, needs_docker

pytestmark = needs_docker

DOCKERFILE = Path(__file__).parents[2] / "cloud/src/llm/vllm/Dockerfile"
IMAGE = "ftm-test-vllm:1"

# With the user of vLLM's image; `hf` makes a model that says its revision, `vllm` says how it was started.
STAND_IN = r"""
FROM python:3.11-slim-bookworm
RUN useradd --uid 2000 --gid 0 --create-home vllm \
 && printf '#!/bin/sh\nmkdir -p "$4" && echo "$6" >"$4/config.json"\n' >/usr/local/bin/hf \
 && printf '#!/bin/sh\necho $(id -u):$(id -g) $PWD $(cat $2/config.json)\necho "$@"\n' >/usr/local/bin/vllm \
 && chmod +x /usr/local/bin/hf /usr/local/bin/vllm
"""


@pytest.fixture(scope="module", autouse=True)
def image() -> Iterator[None]:
    """ftm-vllm with a model in it."""
    docker("build", "--tag", "ftm-test-vllm-base:1", "-", text=STAND_IN)
    arguments = ["VLLM_BASE_IMAGE=ftm-test-vllm-base:1", "VLLM_MODEL=Qwen/Qwen3-8B", "VLLM_MODEL_REVISION=v1"]
    arguments.append("FTM_COMMIT=abc1234")
    options = [f"--build-arg={argument}" for argument in arguments]
    docker("build", *options, "--tag", IMAGE, "-", text=DOCKERFILE.read_text())
    yield
    docker("image", "rm", IMAGE, "ftm-test-vllm-base:1")


def test_it_starts_the_server_with_our_flags_and_user() -> None:
    who_where_what, arguments = docker("run", "--rm", "--network=none", IMAGE).splitlines()
    assert who_where_what == "2000:0 /ftm v1"
    assert arguments == (
        "serve Qwen/Qwen3-8B --host 0.0.0.0 --port 8000 --max-model-len 8192 --enable-prefix-caching "
        "--shutdown-timeout 50"
    )


def test_it_states_its_commit_and_lists_models() -> None:
    said = json.loads(docker("inspect", IMAGE, "--format", "{{json .Config}}"))
    assert said["Labels"]["org.opencontainers.image.revision"] == "abc1234"
    assert "FTM_COMMIT=abc1234" in said["Env"]
    assert "http://127.0.0.1:8000/v1/models" in said["Healthcheck"]["Test"][1]


def test_it_can_keep_a_model_in_a_mounted_folder() -> None:
    docker("run", "--rm", "--network=none", "--entrypoint=touch", IMAGE, "/models/a-model")
