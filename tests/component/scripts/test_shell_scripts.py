"""Shellcheck on all scripts, and the script of the Docker engine for tests."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.component.scripts.script_runs import ROOT


@pytest.mark.parametrize("script", ["pants", "ftm", ".ci/run", "tests/docker/engine.sh"])
def test_shellcheck_finds_nothing(script: str) -> None:
    shellcheck = Path(sysconfig.get_path("scripts")) / "shellcheck"
    checked = subprocess.run([shellcheck, ROOT / script], capture_output=True, text=True, check=False)
    assert (checked.stdout, checked.returncode) == ("", 0)


@pytest.mark.parametrize("command", ["up", "down"])
def test_the_engine_takes_no_folder_of_somebody_elses(tmp_path: Path, command: str) -> None:
    (tmp_path / "a file").write_text("worth keeping")
    refused = subprocess.run(
        [ROOT / "tests/docker/engine.sh", command, tmp_path], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"engine.sh: {tmp_path} has files and is not the folder of an engine: name another\n"
    assert (tmp_path / "a file").read_text() == "worth keeping"


def test_an_engine_that_has_ended_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/engine.log").write_text("")
    subprocess.run([ROOT / "tests/docker/engine.sh", "down", tmp_path / "engine"], check=True)
    assert list(tmp_path.iterdir()) == []
