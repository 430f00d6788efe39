"""What a user can do wrong is one line and an exit code, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from cloud.src.cli.__main__ import EXIT_FAILED, EXIT_WRONG_INPUT, run
from cloud.src.cli.report import command as report
from cloud.src.cli.samples import transcripts
from cloud.src.localaws.endpoint import Endpoint
from tests.component.conftest import BUCKET

HEADER = "company,date,text\n"
CALL = "Acme,2023-02-01,Sales grew.\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    (tmp_path / "good.csv").write_text(HEADER + CALL)
    (tmp_path / "many.csv").write_text(HEADER + "".join(f"Acme {n},2023-02-01,Sales grew.\n" for n in range(1001)))
    (tmp_path / "wrong_columns.csv").write_text("company,when,text\n" + CALL)
    (tmp_path / "no_rows.csv").write_text(HEADER)
    (tmp_path / "corrupt.parquet").write_bytes(b"PAR1 and then nothing PAR1")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "notes.docx").write_text("")


@pytest.mark.parametrize(
    ("name", "value"), [("CHECKPOINT_INTERVAL", "0"), ("LOG_LEVEL", "verbose"), ("MIN_TOPICS", "many")]
)
def test_settings_the_jobs_would_refuse_are_refused_at_once(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv(name, value)
    assert run(["run", "2023Q1", "--input", "good.csv", "--out", "out"]) == EXIT_WRONG_INPUT
    assert f"{name}: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run 2023Q1", "Missing option '--input'."),
        ("run --input good.csv", "Missing argument 'QUARTER'."),
        ("runn", "No such command 'runn'."),
        ("run 2023Q5 --input good.csv", "ftm: '2023Q5' is not a quarter: write it like 2023Q1"),
        ("run 2023Q1 --input missing.csv", "there is no file or folder missing.csv"),
        ("run 2023Q1 --input notes.txt", "notes.txt: its name is not like TICKER_2020-05-01.txt"),
        ("run 2023Q1 --input notes.docx", "notes.docx is not a transcript file"),
        ("run 2023Q1 --input wrong_columns.csv", "wrong_columns.csv lacks column date"),
        ("run 2023Q1 --input no_rows.csv", "no_rows.csv has no call of 2023Q1: it has no rows"),
        ("run 2023Q2 --input good.csv", "good.csv has no call of 2023Q2: it has 2023Q1"),
        ("run 2023Q1 --input corrupt.parquet", "corrupt.parquet is not a readable Parquet file"),
        ("run 2023Q1 --input good.csv --out good.csv", "output good.csv is a file: give a folder with --out"),
        ("run 2023Q1 --input good.csv --batch-size 5001", "Invalid value for '--batch-size'"),
        ("run 2023Q1 --input many.csv --batch-size 1", "1001 firms, at most 1000 fit: use batch_size 2 or more"),
        ("run 2023Q1 --input good.csv --jobs 0", "Invalid value for '--jobs'"),
        ("prefetch 2023Q1", "Missing option '--from'."),
        ("prefetch 2023Q5 --from good.csv", "ftm: '2023Q5' is not a quarter: write it like 2023Q1"),
        ("prefetch 2023Q1 --from missing.csv", "there is no file or folder missing.csv"),
        ("demo --quarter 1999Q1", "there is no bundled quarter 1999Q1: choose 2023Q1 or 2023Q2"),
        ("demo --quarter spring", "there is no bundled quarter spring: choose 2023Q1 or 2023Q2"),
        ("demo --llm-topics --no-llm", "--llm-topics and --no-llm cannot be combined"),
        ("prefetch 2023Q1 --from good.csv --dry-run --json", "--dry-run and --json cannot be combined"),
        ("run 2023-q2 --input good.csv", "good.csv has no call of 2023Q2: it has 2023Q1"),
        ("run 2023Q1 --input good.csv --llm-model missing.gguf", "there is no model file missing.gguf"),
        ("run 2023Q1 --input good.csv --llm-model good.csv", "good.csv is not a GGUF file"),
        ("run 2023Q1 --input good.csv --llm-url http://", "'http://' is not a URL"),
        ("run 2023Q1 --input good.csv --no-llm --llm-model good.csv", "--llm-model and --no-llm cannot be combined"),
        ("run 2023Q1 --input good.csv --llm-url x --llm-model y", "--llm-url and --llm-model cannot be combined"),
        ("run 2023Q1 --input good.csv --llm-topics --no-llm", "--llm-topics and --no-llm cannot be combined"),
        ("demo --no-llm --llm-url http://127.0.0.1/v1", "--llm-url and --no-llm cannot be combined"),
        ("local up --llm-model missing.gguf", "there is no model file missing.gguf"),
        ("report nowhere", "nowhere is not a folder"),
        ("report .", "has no processed quarter"),
        ("local up --port 0", "Invalid value for '--port'"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(
    command: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert run(command.split()) == EXIT_WRONG_INPUT
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line.startswith("ftm: ")
    assert message in last_line
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("endpoint", "options", "exit_code", "message"),
    [
        ("https://s3.us-east-1.amazonaws.com", [], EXIT_WRONG_INPUT, "is not on this machine"),
        ("http://10.0.0.7:5000", [], EXIT_WRONG_INPUT, "is not on this machine"),
        ("http://[::1", [], EXIT_WRONG_INPUT, "is not on this machine"),
        ("http://127.0.0.1:1", ["--llm-url", "http://x/v1"], EXIT_WRONG_INPUT, "give --llm-url to `ftm local up`"),
        ("http://127.0.0.1:1", ["--jobs", "2"], EXIT_WRONG_INPUT, "give --jobs to `ftm local up` instead"),
    ],
)
def test_endpoints_that_cannot_be_used(
    endpoint: str,
    options: list[str],
    exit_code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert run(["run", "2023Q1", "--input", "good.csv", *options]) == exit_code
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_an_unreachable_endpoint_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in Endpoint.with_new_keys(f"http://127.0.0.1:{free_port()}").variables("us-east-1").items():
        monkeypatch.setenv(name, value)
    assert run(["run", "2023Q1", "--input", "good.csv"]) == EXIT_FAILED
    assert "start one with `ftm local up`" in capsys.readouterr().err.splitlines()[-1]


def test_an_endpoint_without_keys_says_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert run(["run", "2023Q1", "--input", "good.csv"]) == EXIT_WRONG_INPUT
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "ftm: AWS_ACCESS_KEY_ID is not set: export all that `ftm local up` prints"


def test_a_port_in_use_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["local", "up", "--port", str(port)]) == EXIT_WRONG_INPUT
    assert f"ftm: port {port} " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "x" * 300],
        ["run", "2023Q1", "--input", "x" * 300 + ".csv"],
        ["run", "2023Q1", "--input", "good.csv", "--out", "x" * 300],
    ],
)
def test_a_name_too_long_for_a_file_is_reported(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == EXIT_FAILED
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line.startswith("ftm: ")
    assert last_line.endswith(": File name too long")


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EIO],
)
def test_what_the_machine_refuses_is_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(number, os.strerror(number), "/out/topics.parquet")

    monkeypatch.setattr(report, "write_report", refuse)
    assert run(["report", "out"]) == EXIT_FAILED
    assert capsys.readouterr().err == f"ftm: /out/topics.parquet: {os.strerror(number)}\n"


def test_what_aws_refuses_is_one_line(
    s3: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "write_report", lambda *_: s3.get_object(Bucket=BUCKET, Key="missing"))
    assert run(["report", "out"]) == EXIT_FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ftm: AWS: ")
    assert "NoSuchKey" in line


def test_a_bug_is_not_made_look_like_wrong_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*arguments: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "forgotten file")

    monkeypatch.setattr(report, "write_report", bug)
    with pytest.raises(FileNotFoundError):
        run(["report", "out"])


@pytest.mark.parametrize("command", ["", "demo", "run", "report", "local", "local up"])
def test_every_command_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    assert f"Example: ftm {command}".strip() in capsys.readouterr().out


def test_version_names_the_commit(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ftm 0.1.0 (commit ")


def test_bundled_quarters_are_there() -> None:
    assert transcripts("2023Q1").is_file()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
