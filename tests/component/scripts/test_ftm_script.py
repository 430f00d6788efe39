"""When ./ftm installs FTM, and how it starts it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.component.scripts.script_runs import ENVIRONMENT, PANTS, run_ftm, write_script


def pants_calls(checkout: Path) -> list[str]:
    calls = checkout / "pants_calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_the_first_call_installs_and_says_so(checkout: Path, commands: Path) -> None:
    first = run_ftm(checkout, commands, "demo")
    assert first.returncode == 0
    assert first.stderr == "ftm: installing FTM (once, some minutes)\n"
    assert pants_calls(checkout) == ["--no-pantsd export --resolve=product"]


def test_the_command_gets_its_arguments_in_the_users_folder(checkout: Path, commands: Path) -> None:
    ran = run_ftm(checkout, commands, "run", "2023Q1", "--input", "my calls.csv")
    assert ran.stdout == f"{checkout}; {commands}; -P -m cloud.src.cli run 2023Q1 --input my calls.csv\n"


def test_the_next_call_does_not_install(checkout: Path, commands: Path) -> None:
    run_ftm(checkout, commands, "demo")
    second = run_ftm(checkout, commands, "demo")
    assert (second.returncode, second.stderr) == (0, "")
    assert len(pants_calls(checkout)) == 1


def test_a_changed_lockfile_installs_again(checkout: Path, commands: Path) -> None:
    run_ftm(checkout, commands, "demo")
    (checkout / "3rdparty/python/product.lock").write_text("boto3==2\n")
    assert run_ftm(checkout, commands, "demo").returncode == 0
    assert len(pants_calls(checkout)) == 2


def test_a_lost_environment_is_installed_again(checkout: Path, commands: Path) -> None:
    run_ftm(checkout, commands, "demo")
    shutil.rmtree(checkout / ENVIRONMENT / "3.11.9")
    assert run_ftm(checkout, commands, "demo").returncode == 0
    assert len(pants_calls(checkout)) == 2


def test_a_failed_installation_is_an_error_and_is_done_again(checkout: Path, commands: Path) -> None:
    write_script(checkout / "pants", PANTS + "exit 3\n")
    failed = run_ftm(checkout, commands, "demo")
    assert (failed.returncode, failed.stdout) == (3, "")
    write_script(checkout / "pants", PANTS)
    assert run_ftm(checkout, commands, "demo").returncode == 0


@pytest.mark.usefixtures("pants")
def test_ftm_names_the_missing_pythons_too(checkout: Path, commands: Path) -> None:
    (commands / "python3.11").unlink()
    refused = run_ftm(checkout, commands, "demo")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "run `uv python install 3.9 3.11`" in refused.stderr
