"""Runs Batch jobs as containers of a Docker engine, as their job definition says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud.src.contract.errors import InvalidInput
from cloud.src.localaws.host import CannotPullContainer

# Which engine, and how to reach it; the client needs nothing else from the user's environment.
ENGINE_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")

_CONTAINER_JOB = Path(__file__).with_name("container_job.py")


@dataclass(frozen=True)
class Container:
    """One attempt of a job; ``properties`` are the container properties of its job definition."""

    name: str
    properties: Mapping[str, Any]
    memory_mib: int
    command: Sequence[str]
    variables: Iterable[str]  # names of its environment variables; their values are the client's


def check(image: str) -> None:
    """Raise InvalidInput, saying what to do, unless an engine answers and has ``image``."""
    if not shutil.which("docker"):
        raise InvalidInput("there is no docker command, which --containers needs: install Docker, or run without it")
    answer = _docker("version", "--format", "{{.Server.Version}}")
    if answer.returncode != 0:
        reason = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InvalidInput(
            f"no Docker engine answers, which --containers needs: start one, or run without it ({reason})"
        )
    if not _has(image):
        raise InvalidInput(
            f"the Docker engine has no image {image}, which --containers needs: "
            "build it with `./pants package cloud/src/worker:ftm-worker`"
        )


def job_command(container: Container) -> list[str]:
    """The command that runs the container and ends with its exit code; when killed, it takes the container with it.

    Raises CannotPullContainer when the engine lacks the image.
    """
    # The image was there a moment ago; otherwise `docker create` would pull it.
    arguments = [
        "--pull=never",
        *_create_options(container),
        image_in_engine(container.properties["image"]),
        *container.command,
    ]
    # -I -S: like the guard, it needs only the standard library
    return [sys.executable, "-I", "-S", str(_CONTAINER_JOB), _client(), container.name, *arguments]


def engine_environment() -> dict[str, str]:
    """The variables through which the client finds the engine that this process uses."""
    return {name: os.environ[name] for name in ENGINE_VARIABLES if name in os.environ}


def image_in_engine(image: str) -> str:
    """``image`` as the engine knows it: by its full name, or without a registry if it was never pushed.

    Nothing is pulled. Raises CannotPullContainer if the engine does not have it.
    """
    for name in (image, image.rsplit("/", 1)[-1]):
        if _has(name):
            return name
    raise CannotPullContainer(f"the Docker engine has no image {image}, nor one without its registry")


def _create_options(container: Container) -> list[str]:
    """Options of ``docker create`` for the settings that FTM's job definitions use."""
    properties = container.properties
    linux = properties.get("linuxParameters") or {}
    # The host's network: the local AWS and the LLM listen on its loopback address. No log: Batch keeps its own.
    options = ["--network=host", "--log-driver=none"]
    # Without the second, it could use as much again in swap.
    options += [f"--memory={container.memory_mib}m", f"--memory-swap={container.memory_mib}m"]
    if properties.get("readonlyRootFilesystem"):
        options.append("--read-only")
    if linux.get("initProcessEnabled"):
        options.append("--init")
    for mount in linux.get("tmpfs", []):
        mount_options = ",".join([f"size={mount['size']}m", *mount.get("mountOptions", [])])
        options.append(f"--tmpfs={mount['containerPath']}:{mount_options}")
    if user := properties.get("user"):
        options.append(f"--user={user}")
    # Names only: a value may be a secret, and anyone can read a command line.
    return options + [f"--env={name}" for name in container.variables]


def _has(image: str) -> bool:
    return _docker("image", "inspect", image).returncode == 0


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_client(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def _client() -> str:
    """The client's path: a job's own PATH must not select another."""
    return shutil.which("docker") or "docker"
