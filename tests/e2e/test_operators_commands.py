"""The table of docs/operations/commands.md, typed word for word in ``ftm local up`` with and without ``--apply``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud.src.cli.samples import transcripts
from tests.e2e.aws_command import Terminal, open_terminal
from tests.e2e.ftm_process import run_ftm, until
from tests.e2e.local_up_process import MODELS, NAME, exports, local_up
from tests.integration.fake_llm import FakeLlm, fake_llm
from tests.integration.terraform_roots import require_terraform

TABLE = Path(__file__).parents[2] / "docs/operations/commands.md"
ROW = re.compile(r"^\| `(aws .+?)` \| (.+) \|$", flags=re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LONG_S = 180


@dataclass(frozen=True)
class Row:
    """``prints``: what is printed somewhere, in this order; nothing at all where there is none."""

    command: str
    prints: list[str]

    def is_printed(self, text: str) -> bool:
        said = " ".join(text.split())
        if not self.prints:
            return not said
        return all(re.search(_pattern(one), said) for one in self.prints)


def rows() -> list[Row]:
    return [Row(command, CODE.findall(prints)) for command, prints in ROW.findall(TABLE.read_text())]


def _pattern(text: str) -> str:
    return ".*?".join(re.escape(part) for part in text.split("<...>"))


@dataclass(frozen=True)
class Operator:
    """Somebody at a terminal, and the LLM that stands in for vLLM."""

    terminal: Terminal
    llm: FakeLlm


@pytest.fixture(scope="module", params=["plain", "--apply"])
def operator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    options = [request.param] if request.param == "--apply" else []
    if options:
        require_terraform(tmp_path_factory.mktemp("provider"))
    with fake_llm(MODELS, NAME) as llm, local_up(llm, *options) as printed:
        exported = exports(printed)
        source = transcripts("2023Q1")
        assert run_ftm("prefetch", "2023Q1", "--from", source, **exported).returncode == 0
        yield Operator(open_terminal(tmp_path_factory.mktemp("home"), exported), llm)


def test_the_table_is_read() -> None:
    assert len(rows()) == TABLE.read_text().count("\n| `aws ")


@pytest.mark.aws_cli
def test_every_command_prints_what_the_table_says(operator: Operator) -> None:
    operator.llm.latency_s = 1  # so that a job is seen running
    execution = ""
    for row in rows():
        command = row.command.replace("<ARN>", execution)
        printed = _typed(operator.terminal, command, row)
        if " start-execution " in command:
            execution = re.findall(r'"executionArn": "(.+)"', printed)[0]
        if "--job-status RUNNING" in command and "RUNNABLE" not in command:
            operator.llm.latency_s = 0


def _typed(terminal: Terminal, command: str, row: Row) -> str:
    """What it prints, once that is what the row says; what starts something is typed once."""
    if command.endswith("--follow"):
        return terminal.follow(command, row.is_printed, LONG_S)
    if " start-execution " in command or " update-service " in command:
        printed = terminal.type(command)
        assert row.is_printed(printed), printed
        return printed
    tries: list[str] = []

    def look() -> bool:
        tries.append(terminal.type(f"{command} || true"))  # s3 ls fails while there is nothing
        return row.is_printed(tries[-1])

    until(look, f"{row.prints} from {command}", timeout_s=LONG_S)
    return tries[-1]
