"""The commands that CONTRIBUTING.md has people type, and the test files that those for tests find."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()

GOALS = {"check", "export", "fix", "generate-lockfiles", "lint", "package", "tailor", "test"}
BLOCKS = re.findall(r"^```\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
TYPED = [line for block in BLOCKS for line in block.splitlines()]
IN_SENTENCES = re.findall(r"`((?:\./pants|python -m pytest) [^`]+)`", GUIDE)
COMMANDS = [shlex.split(line, comments=True) for line in [*TYPED, *IN_SENTENCES]]
OF_PANTS = [words[1:] for words in COMMANDS if words[0] == "./pants"]
OF_PYTEST = [words for words in COMMANDS if words[:3] == ["python", "-m", "pytest"]]
FOR_TESTS = [words for words in OF_PANTS if "test" in words]


def files_found_by(words: list[str]) -> set[Path]:
    """The files with tests that a call of ``./pants test`` runs, by its folders, its files and its tag."""
    (tag,) = [word.removeprefix("--tag=") for word in words if word.startswith("--tag=")] or [""]
    found: set[Path] = set()
    for spec in places(words):
        folder, is_folder, _ = spec.partition("::")
        found |= set(
            (ROOT / "tests").glob("**/test_*.py") if spec == "::" else files_below(ROOT / folder, bool(is_folder))
        )
    return {path for path in found if tag in ("", layer_of(path))}


def places(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith("-") and word not in GOALS]


def files_below(path: Path, is_folder: bool) -> list[Path]:
    return list(path.rglob("test_*.py")) if is_folder else [path] * path.is_file()


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT / "tests").parts[0]
