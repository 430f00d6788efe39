"""The deployment guide's blocks: what is typed, and what the guide says is printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs/deployment/sprint5_deployment_guide.md"
AWS_ONLY = "# AWS only: "

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Block:
    """One block of commands."""

    section: str
    commands: str
    expected: str | None = None  # what it prints, where the guide says so

    @property
    def aws_only(self) -> bool:
        return self.commands.startswith(AWS_ONLY)


def blocks() -> list[Block]:
    """All blocks of commands in their order. A block ``text`` is what the one before it prints."""
    found: list[Block] = []
    for section in GUIDE.read_text().split("\n## ")[1:]:
        for kind, text in _FENCE.findall(section):
            if kind == "text":
                before = found.pop()
                assert before.expected is None, f"whose output is this?\n{text}"
                assert not before.aws_only, f"whose output is this?\n{text}"
                found.append(Block(before.section, before.commands, text))
            else:
                assert kind == "sh", f"a block of kind {kind!r}:\n{text}"
                found.append(Block(section.splitlines()[0], text))
    return found


def prints_as_expected(expected: str, printed: str) -> bool:
    """Whether it is what the guide shows: ``...`` stands for any lines, ``<...>`` for any text."""
    lines = [_pattern(line) for line in expected.splitlines()]
    return re.fullmatch("".join(lines), without_colours(printed)) is not None


def without_colours(printed: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in _COLOUR.sub("", printed).splitlines())


def _pattern(line: str) -> str:
    if line == "...":
        return r"(?:.*\n)*"
    parts = [re.escape(part) for part in re.split(r"<[^>]*>", line)]
    return ".+".join(parts) + r"\n"
