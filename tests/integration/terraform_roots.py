"""The Terraform roots, each in a folder of its own, against a local AWS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from python_terraform import IsNotFlagged, Terraform

from cloud.src.localaws.environment import LocalAws
from cloud.src.localaws.lambda_zip import lambda_zip
from cloud.src.localaws.provision import FUNCTIONS

ROOTS = ("storage", "ecs", "batch", "stepfunctions")  # in the order they are applied in
FILES = Path(__file__).parents[2] / "cloud/terraform"
# Where Pants puts them for a test that depends on them (runtime_package_dependencies); no such folder without Pants.
PACKAGED_ZIPS = Path(__file__).parents[2] / "lambda"

NO_CHANGES, CHANGES = 0, 2  # exit codes of terraform plan -detailed-exitcode


class TerraformFailed(AssertionError):
    """A command of Terraform ended with an error, which this shows."""


class Root:
    """A copy of one root: its state stays in ``folder``, and the repository as it is."""

    def __init__(self, name: str, folder: Path, variables: dict[str, Any] | None = None) -> None:
        self.name = name
        self.folder = folder / name
        no_state = shutil.ignore_patterns(".terraform*", "*.tfstate*")
        shutil.copytree(FILES / name, self.folder, ignore=no_state)
        self._variables = variables
        self._terraform = Terraform(str(self.folder), variables=variables)

    def init(self, backend: dict[str, str] | None = None) -> None:
        self._succeed(self._terraform.init(backend_config=backend))

    def validate(self) -> None:
        self._succeed(self._terraform.validate())

    def plan(self) -> tuple[int, str]:
        """NO_CHANGES or CHANGES, and what the plan says."""
        code, output, errors = self._terraform.plan()
        if code not in (NO_CHANGES, CHANGES):
            raise TerraformFailed(f"plan of {self.name}: {errors}")
        return code, output

    def apply(self, var: dict[str, Any] | None = None, **options: Any) -> None:
        """``var`` are variables of this one apply, besides those of the root."""
        variables = {**(self._variables or {}), **(var or {})}
        self._succeed(self._terraform.apply(skip_plan=True, var=variables, **options))

    def destroy(self) -> None:
        self._succeed(self._terraform.destroy(force=IsNotFlagged, auto_approve=True))

    def outputs(self) -> dict[str, Any]:
        return {name: output["value"] for name, output in self._terraform.output().items()}

    def resources(self) -> list[str]:
        """The addresses of what is in the state, data sources not among them."""
        addresses: list[str] = self._succeed(self._terraform.cmd("state list")).split()
        return [address for address in addresses if not address.startswith("data.")]

    def _succeed(self, answer: tuple[int, str, str]) -> str:
        code, output, errors = answer
        if code != 0:
            raise TerraformFailed(f"{self.name}: {errors or output}")
        return output


def badly_formatted_files() -> list[str]:
    _, output, _ = Terraform(str(FILES)).cmd("fmt -check -recursive")
    return list(output.split())


def all_roots(folder: Path, job_environment: dict[str, str] | None = None) -> list[Root]:
    """Every root in its order, with what it needs to be told on this machine."""
    variables: dict[str, dict[str, Any]] = {
        "storage": {"force_destroy": True},
        "batch": {"image_tag": "local", "job_environment": job_environment or {}},
        "stepfunctions": {"zip_dir": str(lambda_zips(folder)), "retry_interval_seconds": 1},
    }
    return [Root(name, folder, variables.get(name)) for name in ROOTS]


def lambda_zips(folder: Path) -> Path:
    """A folder with the functions' zips: those that Pants has packaged for this test, or made here without Pants."""
    if PACKAGED_ZIPS.is_dir():
        return PACKAGED_ZIPS
    zips = folder / "zips"
    zips.mkdir()
    for function, module in FUNCTIONS.items():
        (zips / f"{function}.zip").write_bytes(lambda_zip(module))
    return zips


@contextmanager
def terraform_environment(aws: LocalAws) -> Iterator[None]:
    """What Terraform finds in its environment: the local AWS, and nothing of the user's own configuration."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
        environment.setenv("AWS_REGION", aws.region)
        environment.setenv("AWS_ACCESS_KEY_ID", "local")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "local")
        environment.setenv("AWS_CONFIG_FILE", os.devnull)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        environment.setenv("CHECKPOINT_DISABLE", "1")  # asks HashiCorp for news otherwise
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
            environment.delenv(name, raising=False)
        yield


def require_terraform(folder: Path) -> None:
    """Skip the test where Terraform or its AWS provider is missing; in CI, fail it."""
    problem = _what_is_missing(folder)
    if problem and os.environ.get("CI"):
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)


def _what_is_missing(folder: Path) -> str | None:
    if not shutil.which("terraform"):
        return "terraform is not on PATH"
    # A folder that asks for the provider, and in which nothing else can be wrong.
    only_provider = folder / "only_provider"
    only_provider.mkdir()
    shutil.copy(FILES / "storage/versions.tf", only_provider)
    code, _, errors = Terraform(str(only_provider)).init()
    return f"terraform cannot get the AWS provider: {errors.strip()}" if code else None
