"""``ftm local up``: runs the local AWS in the foreground, and says how to use it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import NoReturn

from cloud.src.cli.environment.instructions import instructions
from cloud.src.cli.environment.local_environment import LocalEnvironment, start_environment
from cloud.src.cli.environment.run_llm import LlmChoice
from cloud.src.cli.environment.settings import check_job_settings
from cloud.src.cli.screen import Screen
from cloud.src.localaws import terraform_roots
from cloud.src.localaws.environment import LocalAws
from cloud.src.localaws.provision import provision
from cloud.src.localaws.terraform_roots import Root
from cloud.src.localaws.vllm_stand_in import provision_vllm

SECONDS_BETWEEN_LOOKS = 5.0
EXIT_CTRL_C = 130


def local_up(screen: Screen, port: int, jobs: int | None, llm: LlmChoice, apply: bool, containers: bool) -> None:
    """Run the local AWS until Ctrl-C; ``apply``: set up by the Terraform roots; ``containers``: jobs in the image.

    Raises InvalidInput if the port is in use, or if Terraform, its provider, the Docker engine or the image is missing.
    """
    check_job_settings()
    if apply:
        terraform_roots.check_installed()  # before anything starts
    set_up = partial(_apply_roots, screen) if apply else _provision
    ready = False
    try:
        with start_environment(screen.line, jobs, llm, port, set_up, containers) as environment:
            print(instructions(environment, apply), flush=True)
            ready = True
            _wait(environment)
    except KeyboardInterrupt:
        screen.line("stopped; the bucket was in memory and is gone, output folders are kept")
        if not ready:
            raise SystemExit(EXIT_CTRL_C) from None


def _provision(aws: LocalAws, job_environment: dict[str, str], llm_api_key: str | None) -> None:
    """What a run needs, and vLLM's names for whoever types an operator's commands."""
    provision_vllm(aws)
    provision(aws, job_environment, llm_api_key)


def _apply_roots(screen: Screen, aws: LocalAws, job_environment: dict[str, str], llm_api_key: str | None) -> None:
    """Set up the local AWS like a real one: by Terraform."""
    folder = terraform_roots.work_folder(aws)
    screen.line(f"applying the Terraform roots takes 3 to 4 minutes; copies and state are in {folder}")
    roots = terraform_roots.copy_roots(folder, job_environment, with_api_key=llm_api_key is not None)
    environment = terraform_roots.terraform_environment(aws)
    with screen.stage("terraform init"):
        terraform_roots.init(roots, environment)
    for root in roots:
        _apply(root, environment, screen)
    if llm_api_key is not None:  # as an operator does, so that no state holds the key
        aws.client("secretsmanager").put_secret_value(SecretId="ftm/xai", SecretString=llm_api_key)


def _apply(root: Root, environment: Mapping[str, str], screen: Screen) -> None:
    with screen.stage(f"terraform apply {root.name}") as stage:
        # A note instead of counts, which would give a time left: one resource may take as long as all others.
        terraform_roots.apply(root, environment, lambda done, n: stage.update(done, f"{done} of {n} resources"))


def _wait(environment: LocalEnvironment) -> NoReturn:
    """Wait for Ctrl-C; raises if the local AWS ends by itself."""
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        environment.aws.client("s3").list_buckets()
