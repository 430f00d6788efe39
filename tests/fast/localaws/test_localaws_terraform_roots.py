"""Copies of the Terraform roots for a local AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud.src.localaws import terraform_roots
from cloud.src.localaws.terraform_roots import ROOTS, copy_roots


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Roots in which an operator has worked: a state, a backend and values lie beside the files."""
    folder = tmp_path / "files"
    for name in ROOTS:
        (folder / name / ".terraform").mkdir(parents=True)
        for file in ("main.tf", "backend.tf", "terraform.tfstate", "terraform.tfvars", ".terraform.lock.hcl"):
            (folder / name / file).write_text("")
    (folder / "instances").mkdir()
    (folder / "instances/user_data.mime.tftpl").write_text("")
    monkeypatch.setattr(terraform_roots, "FILES", folder)
    return folder


def test_a_copy_leaves_out_the_operators_own_deployment(files: Path, tmp_path: Path) -> None:
    for root in copy_roots(tmp_path / "copies", {}):
        assert sorted(path.name for path in root.folder.iterdir()) == ["local.auto.tfvars.json", "main.tf"]
    assert [path.name for path in (tmp_path / "copies/instances").iterdir()] == ["user_data.mime.tftpl"]


def test_the_jobs_get_the_key_from_the_secret_only(files: Path, tmp_path: Path) -> None:
    copies = {root.name: root for root in copy_roots(tmp_path / "copies", {"LLM_BASE_URL": "x"}, with_api_key=True)}
    told = json.loads((copies["batch"].folder / "local.auto.tfvars.json").read_text())
    assert (told["llm"], told["job_environment"]) == ("grok", {"LLM_BASE_URL": "x"})
