"""``ftm local up --apply`` where Terraform is missing, and when it is stopped in the middle.

What it has applied is used in tests/integration/test_terraform_roots.py.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.ftm_process import no_process_left_behind, run_ftm, start_ftm, until
from tests.e2e.local_up_process import MODELS, free_port
from tests.integration.fake_llm import fake_llm
from tests.integration.terraform_roots import require_terraform

# A parameter of a root that was not applied, which Terraform notices when it applies this one.
BROKEN = 'data "aws_ssm_parameter" "broken" {\n  name = "/ftm/not/there"\n}\n'
EMPTY_MIRROR = 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n'


def command(llm_url: str) -> list[str]:
    return ["local", "up", "--apply", "--port", str(free_port()), "--llm-url", llm_url]


def test_without_terraform_one_line_says_where_to_get_it(tmp_path: Path) -> None:
    refused = run_ftm(*command("http://127.0.0.1:9/v1"), PATH=str(tmp_path))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("ftm: there is no terraform on PATH: install version 1.11 or newer")
    assert refused.stderr.count("\n") == 1


def test_without_the_provider_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    require_terraform(tmp_path)
    configuration = tmp_path / "terraformrc"
    configuration.write_text(EMPTY_MIRROR % tmp_path)
    with fake_llm(MODELS) as llm, no_process_left_behind():
        refused = run_ftm(*command(llm.base_url), TF_CLI_CONFIG_FILE=str(configuration))
    assert (refused.returncode, refused.stdout) == (2, "")
    said = refused.stderr.splitlines()[-1]
    assert said.startswith("ftm: terraform cannot be used: it has to be version 1.11 or newer")
    assert "hashicorp/aws" in said.partition("it says:")[2]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_stopped_in_the_middle_of_an_apply_nothing_is_left(
    number: signal.Signals, exit_code: int, tmp_path: Path
) -> None:
    require_terraform(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    with fake_llm(MODELS) as llm, no_process_left_behind():
        ftm = start_ftm(*command(llm.base_url), TMPDIR=str(files))
        wait_for_line(ftm, "terraform apply storage ...")
        until(lambda: list(files.glob("*/terraform/storage/terraform.tfstate")), "the first resource", timeout_s=60)
        ftm.send_signal(number)
        stdout, _ = ftm.communicate(timeout=60)
    assert (ftm.returncode, stdout) == (exit_code, "")
    until(lambda: not list(files.iterdir()), "the end of all files")


def test_a_failing_apply_says_where_and_leaves_nothing(tmp_path: Path) -> None:
    require_terraform(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    with fake_llm(MODELS) as llm, no_process_left_behind():
        ftm = start_ftm(*command(llm.base_url), TMPDIR=str(files))
        wait_for_line(ftm, "terraform init ...")
        (storage,) = files.glob("*/terraform/storage")
        (storage / "broken.tf").write_text(BROKEN)
        stdout, stderr = ftm.communicate(timeout=120)
    assert (ftm.returncode, stdout) == (1, "")
    said = stderr.splitlines()[-1]
    assert said.startswith("ftm: terraform apply of storage: Error: ")
    assert "/ftm/not/there" in said
    assert "data.aws_ssm_parameter.broken" in said
    assert list(files.iterdir()) == []


def wait_for_line(ftm: subprocess.Popen[str], line: str) -> None:
    assert ftm.stderr is not None
    said = []
    for text in ftm.stderr:
        said.append(text)
        if text == f"{line}\n":
            return
    pytest.fail(f"ftm ended without {line!r}: {''.join(said)}")
