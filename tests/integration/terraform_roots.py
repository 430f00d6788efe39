"""Terraform roots in their folders: plan, apply, destroy, and what is in their states."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from python_terraform import IsNotFlagged, Terraform

from cloud.src.localaws import terraform_roots
from cloud.src.localaws.environment import LocalAws
from cloud.src.localaws.terraform_roots import FILES

# Where Pants puts them for a test that depends on them (runtime_package_dependencies); no such folder without Pants.
PACKAGED_ZIPS = Path(__file__).parents[2] / "lambda"

NO_CHANGES, CHANGES = 0, 2  # exit codes of terraform plan -detailed-exitcode


class TerraformFailed(AssertionError):
    """A command of Terraform ended with an error, which this shows."""


class Root:
    """A root in a folder of its own, by the ``terraform`` program; ``variables`` come on top of those in the folder."""

    def __init__(self, name: str, folder: Path, variables: dict[str, Any] | None = None) -> None:
        self.name = name
        self.folder = folder
        self._variables = variables
        self._terraform = Terraform(str(folder), variables=variables)

    def init(self, backend: dict[str, str] | None = None) -> None:
        self._succeed(self._terraform.init(backend_config=backend))

    def plan(self, var: dict[str, Any] | None = None, **options: Any) -> tuple[int, str]:
        """NO_CHANGES or CHANGES, and what the plan says; ``var`` are variables of this one plan."""
        variables = {**(self._variables or {}), **(var or {})}
        code, output, errors = self._terraform.plan(var=variables, **options)
        if code not in (NO_CHANGES, CHANGES):
            raise TerraformFailed(f"plan of {self.name}: {errors}")
        return code, output

    def planned(self, var: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Address -> values of each resource that a plan with these variables knows already."""
        self.plan(var=var, out="PLAN")
        shown = json.loads(self._succeed(self._terraform.cmd("show -json PLAN")))
        return {one["address"]: one.get("values", {}) for one in shown["planned_values"]["root_module"]["resources"]}

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


def lambda_zips(folder: Path) -> Path:
    """A folder with the functions' zips: those that Pants has packaged for this test, or made here without Pants."""
    if PACKAGED_ZIPS.is_dir():
        return PACKAGED_ZIPS
    terraform_roots.write_lambda_zips(folder)
    return folder


@contextmanager
def terraform_environment(aws: LocalAws) -> Iterator[None]:
    """What ``terraform`` finds in the environment of this process: the local AWS, and none of the user's own."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in terraform_roots.terraform_environment(aws).items():
            if not name.startswith("PYTHON"):  # those are for this process, and for ftm
                environment.setenv(name, value)
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
