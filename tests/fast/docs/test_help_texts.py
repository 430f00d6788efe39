"""The help texts that cli.md quotes are what the program prints."""

from __future__ import annotations

import pytest
import typer

from cloud.src.cli.app import app
from docs.packages.quote_help import COMMANDS, PAGE, help_of, quoted

QUOTED = quoted(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_quoted_help_text_is_what_the_program_prints(command: str) -> None:
    assert QUOTED[command] == help_of(command), "./pants run docs/packages/quote_help.py writes it again"


def test_every_command_is_quoted() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    leaves = {""}
    for name, command in commands.items():
        leaves |= {f"{name} {below}" for below in command.commands} if hasattr(command, "commands") else {name}
    assert set(QUOTED) == leaves
