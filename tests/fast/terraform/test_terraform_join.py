"""The Terraform roots find one another by SSM parameters only, in one direction, as ADR-009 says."""

from __future__ import annotations

import re

import pytest

from cloud.src.contract import parameters
from tests.fast.terraform.terraform_files import ORDER, ROOTS, blocks, local_values

ADR = ROOTS.parents[1] / "docs/adr/adr_009_ssm_join.md"


def written(root: str) -> set[str]:
    """Parameters that a root writes: by name, or the keys of its ``local.published``."""
    names = {parameter["name"] for parameter in blocks(root, "resource", "aws_ssm_parameter").values()}
    published = local_values(root).get("published", {}) if "${each.key}" in names else {}
    return {name for name in {*names, *published} if name.startswith("/ftm/")}


def used(root: str) -> set[str]:
    """FTM's parameters that a root reads; those of AWS itself are none of a root's."""
    names = {parameter["name"] for parameter in blocks(root, "data", "aws_ssm_parameter").values()}
    return {name for name in names if name.startswith("/ftm/")}


def table_of_the_adr() -> dict[str, tuple[str, set[str]]]:
    """Parameter -> the root that writes it, and the roots that read it."""
    rows = re.findall(r"^\| (`/ftm/.*?) \| (\w+) \| (.*?) \|$", ADR.read_text(), flags=re.MULTILINE)
    return {
        name: (writer, {reader for reader in readers.split(", ") if reader in ORDER})
        for names, writer, readers in rows
        for name in re.findall(r"`(.*?)`", names)
    }


def test_each_root_writes_and_reads_the_parameters_of_the_adr() -> None:
    writers = {name: root for root in ORDER for name in written(root)}
    found = {name: (writer, {root for root in ORDER if name in used(root)}) for name, writer in writers.items()}
    assert found == table_of_the_adr()
    assert set(found) == {value for name, value in vars(parameters).items() if name.isupper()}


@pytest.mark.parametrize("root", ORDER)
def test_a_root_reads_only_parameters_of_earlier_roots(root: str) -> None:
    before = ORDER[: ORDER.index(root)]
    assert used(root) <= {name for earlier in before for name in written(earlier)}


@pytest.mark.parametrize("root", ORDER)
def test_a_root_is_independent_of_account_region_and_other_states(root: str) -> None:
    for file in (ROOTS / root).glob("*.tf"):
        text = file.read_text()
        assert not re.search(r"\b[0-9]{12}\b", text), f"an account in {file}"
        assert not re.search(r"\b(us|eu|ap|sa|ca)-[a-z]+-[0-9]\b", text), f"a region in {file}"
        assert "terraform_remote_state" not in text, file


@pytest.mark.parametrize("root", ORDER)
def test_no_value_of_a_secret_is_in_a_root(root: str) -> None:
    assert blocks(root, "resource", "aws_secretsmanager_secret_version") == {}
