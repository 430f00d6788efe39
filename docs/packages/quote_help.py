"""Write the program's help texts into cli.md: ./pants run docs/packages/quote_help.py

A test holds them against the program.
"""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from cloud.src.cli.app import app

PAGE = Path(__file__).with_name("cli.md")
HEADING = "## Every option\n"
COMMANDS = (
    "",
    "demo",
    "run",
    "prefetch",
    "report",
    "explain",
    "audit",
    "themes",
    "panel",
    "bundle",
    "verify",
    "compare",
    "llm check",
    "local up",
    "aws up",
    "aws down",
    "aws check",
    "aws status",
    "aws start",
    "aws resume",
    "aws run",
    "aws logs",
    "aws follow",
    "aws stop",
    "aws panel",
    "aws fetch",
    "aws cost",
    "aws doctor",
)
WIDTH = "100"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal


def help_of(command: str) -> str:
    """What ``ftm COMMAND --help`` prints on a terminal of 100 columns."""
    result = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="ftm", env={"COLUMNS": WIDTH})
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in _STYLE.sub("", result.output).splitlines()).strip("\n")


def quoted(page: str) -> dict[str, str]:
    """Command -> the help text that a page quotes of it."""
    blocks = re.findall(r"^```\n\$ ftm ?(.*?) ?--help\n(.*?)\n```$", page, flags=re.MULTILINE | re.DOTALL)
    return dict(blocks)


def main() -> None:
    before, _, after = PAGE.read_text(encoding="utf-8").partition(HEADING)
    introduction = after.split("```")[0].strip()
    blocks = [
        f"```\n$ {' '.join(['ftm', *command.split(), '--help'])}\n{help_of(command)}\n```" for command in COMMANDS
    ]
    PAGE.write_text(before + HEADING + "\n" + "\n\n".join([introduction, *blocks]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
