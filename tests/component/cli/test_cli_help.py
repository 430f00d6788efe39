"""Help, completion, and a page opened in the browser: what a reader tries first."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from cloud.src.cli.__main__ import run
from cloud.src.contract import keys
from tests.fast.cli.report_tables import QUARTER, write_small_quarter


@pytest.mark.parametrize("command", ["", "demo", "run", "report", "themes", "llm check", "local up", "aws up"])
def test_h_is_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "-h"]) == 0
    assert f"Usage: ftm {command}".strip() in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered_for_a_shell(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_FTM_COMPLETE", f"source_{shell}")
    with pytest.raises(SystemExit) as ended:
        run([])
    assert ended.value.code == 0
    assert "_FTM_COMPLETE" in capsys.readouterr().out


def test_report_is_opened_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_in_browser(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_in_browser)
    assert run(["report", str(write_small_quarter(tmp_path)), "--quarter", "2023-q1", "--open"]) == 0
    assert opened == [(tmp_path / keys.report(QUARTER)).as_uri()]


def test_where_there_is_no_browser_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert run(["report", str(write_small_quarter(tmp_path)), "--open"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"no browser was found here: open {tmp_path / keys.report(QUARTER)}"
    ]


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("cli.app", {"duckdb", "onnxruntime", "openai", "pyarrow", "scipy", "sqlalchemy"}),
        ("cli.run.command", {"openai", "scipy"}),
        ("worker.__main__", {"openai"}),  # that a job without an LLM has no use for
    ],
)
def test_no_library_is_loaded_before_it_is_needed(module: str, slow: set[str]) -> None:
    """Each of them takes a second or so of computing: for help, a run, and each job of a quarter."""
    loads = f"import sys, cloud.src.{module}; print(*sorted({slow} & sys.modules.keys()))"
    loaded = subprocess.run(
        [sys.executable, "-c", loads],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert loaded.stdout.split() == []
