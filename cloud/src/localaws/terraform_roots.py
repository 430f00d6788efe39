"""The Terraform roots in a local AWS: applied by the ``terraform`` program from copies, as an operator applies them.

The state lies beside the copies and ends with them, as the local AWS does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.localaws.child_environment import minimal_environment
from cloud.src.localaws.environment import LocalAws
from cloud.src.localaws.lambda_zip import lambda_zip
from cloud.src.localaws.process_groups import ProcessGroups
from cloud.src.localaws.provision import BUCKET_SUFFIX, FUNCTIONS

ROOTS = ("storage", "ecs", "batch", "stepfunctions")  # in the order they are applied in
FILES = Path(__file__).parents[2] / "terraform"
SHARED = "instances"  # beside the roots, whose files say ../instances

# Resources made so far, and in all.
OnProgress = Callable[[int, int], None]

_GUARD = Path(__file__).with_name("job_guard.py")

# How Terraform finds its provider: a mirror of the user's, or the registry through the user's proxy.
PROVIDER_VARIABLES = (
    *("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
)

# The AWS provider builds its schemas at each start, and Go's garbage collector takes a third of that: without it
# terraform validate needs 3.9 s of CPU instead of 5.3 s, and 720 MB instead of 610.
LESS_GARBAGE_COLLECTION = {"GOGC": "off", "GOMEMLIMIT": "1GiB"}

_PLANNED = re.compile(r"^Plan: (\d+) to add")
_MADE = re.compile(r"^\S+: Creation complete after ")


class TerraformFailed(FtmError):
    """A command of Terraform ended with an error, which this shows."""


@dataclass(frozen=True)
class Root:
    """A copy of one root; what is done there stays there."""

    name: str
    folder: Path


def check_installed() -> None:
    """Raise InvalidInput when there is no ``terraform`` on PATH."""
    if shutil.which("terraform") is None:
        raise InvalidInput(
            "there is no terraform on PATH: install version 1.11 or newer (below 2) as "
            "https://developer.hashicorp.com/terraform/install says"
        )


def work_folder(aws: LocalAws) -> Path:
    """Where the roots of a local AWS that this process has started are; it goes when that ends."""
    assert aws.work_folder is not None
    return aws.work_folder / "terraform"


def copy_roots(folder: Path, job_environment: Mapping[str, str], with_api_key: bool = False) -> list[Root]:
    """Copy every root into a folder of its own below ``folder``, with the values of its variables beside it.

    Every ``terraform`` command that is run there reads them, by whomever. ``job_environment`` says where the LLM and
    the models are. ``with_api_key``: the jobs get the key of the LLM from the secret ``ftm/xai``.
    """
    zips = folder / "lambda"
    zips.mkdir(parents=True)
    write_lambda_zips(zips)
    variables = _variables(zips, job_environment, with_api_key)
    for name in ROOTS:
        copy_root(name, folder / name)
        (folder / name / "local.auto.tfvars.json").write_text(json.dumps(variables[name], indent=2))
    return [Root(name, folder / name) for name in ROOTS]


def copy_root(name: str, folder: Path) -> None:
    """Copy the files of one root, without what an operator has put beside them: state, backend, values.

    What the roots share goes beside ``folder``.
    """
    operators = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "backend.tf")
    shutil.copytree(FILES / name, folder, ignore=operators)
    shutil.copytree(FILES / SHARED, folder.parent / SHARED, dirs_exist_ok=True)


def write_lambda_zips(folder: Path) -> None:
    """Make the functions' zips, as Pants packages them."""
    for function, module in FUNCTIONS.items():
        (folder / f"{function}.zip").write_bytes(lambda_zip(module))


def terraform_environment(aws: LocalAws) -> dict[str, str]:
    """All that Terraform finds in its environment: the local AWS, and nothing of the user's own AWS or variables."""
    kept = {name: os.environ[name] for name in PROVIDER_VARIABLES if name in os.environ}
    return {
        **kept,
        **LESS_GARBAGE_COLLECTION,
        **minimal_environment(python_path=[]),
        **aws.endpoint.variables(aws.region),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "CHECKPOINT_DISABLE": "1",  # asks HashiCorp for news otherwise
    }


def init(roots: list[Root], environment: Mapping[str, str]) -> None:
    """Get the AWS provider for every root, once; raises InvalidInput where it cannot be had."""
    first, *others = roots
    try:
        _terraform(first, environment, "init")
        for root in others:
            # It is big, so the others take it from where the first has it.
            _terraform(root, environment, "init", f"-plugin-dir={first.folder / '.terraform/providers'}")
    except TerraformFailed as error:
        raise InvalidInput(
            "terraform cannot be used: it has to be version 1.11 or newer (below 2), and has to get the provider "
            "hashicorp/aws from registry.terraform.io, or from a mirror that your TF_CLI_CONFIG_FILE names; "
            f"it says: {error}"
        ) from error


def apply(root: Root, environment: Mapping[str, str], on_progress: OnProgress) -> None:
    """Apply one root; raises TerraformFailed."""
    done, planned = 0, 0

    def look(line: str) -> None:
        nonlocal done, planned
        if plan := _PLANNED.match(line):
            planned = int(plan[1])
        elif _MADE.match(line):
            done += 1
            on_progress(done, planned)

    _terraform(root, environment, "apply", "-auto-approve", look=look)


def _variables(zips: Path, job_environment: Mapping[str, str], with_api_key: bool) -> dict[str, dict[str, Any]]:
    """What each root has to be told on this machine; the rest is as on AWS."""
    # The root gives the key to the jobs when the LLM is Grok; address and model are in job_environment, which wins.
    llm = {"llm": "grok", "llm_model_name": "local"} if with_api_key else {}
    return {
        "storage": {"bucket_suffix": BUCKET_SUFFIX, "force_destroy": True},
        "ecs": {"vllm_image": "ftm-vllm:local"},  # which nothing pulls
        "batch": {"image_tag": "local", "job_environment": dict(job_environment), **llm},
        "stepfunctions": {"zip_dir": str(zips), "retry_interval_seconds": 1},
    }


def _terraform(
    root: Root, environment: Mapping[str, str], command: str, *options: str, look: Callable[[str], None] | None = None
) -> None:
    """Run ``terraform`` to its end, or to ours: a guard ends it and its provider when this process dies.

    ``look`` sees each line that it prints.
    """
    processes = ProcessGroups()
    guarded = [sys.executable, "-I", "-S", str(_GUARD), "terraform", command, "-input=false", "-no-color", *options]
    process = processes.start(guarded, environment, root.folder, output=subprocess.PIPE)
    try:
        assert process.stdout is not None
        with process.stdout as output:
            lines = _read(output, look)
        exit_code = process.wait()
    finally:
        processes.kill(process)
    if exit_code != 0:
        raise TerraformFailed(f"terraform {command} of {root.name}: {_error(lines)}")


def _read(output: IO[bytes], look: Callable[[str], None] | None) -> list[str]:
    lines = []
    for raw in output:
        lines.append(raw.decode(errors="replace").rstrip())
        if look:
            look(lines[-1])
    return lines


def _error(lines: list[str]) -> str:
    """What it prints from its first error on."""
    start = next((number for number, line in enumerate(lines) if line.lstrip("│╷ ").startswith("Error:")), 0)
    return "\n".join(lines[start:])
