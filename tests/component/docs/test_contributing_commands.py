"""CONTRIBUTING.md's commands for tests, typed: each of them finds tests that can be imported.

Tests are only collected, not run. Where Pants would run them, pytest collects the files that Pants would choose.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cloud.src.localaws.child_environment import full_python_path
from tests.fast.docs.guide_commands import FOR_TESTS, OF_PYTEST, ROOT, files_found_by, places

# All tests (`::`) are more than needs to be collected, and FILE stands for any.
OF_SOME_PLACES = [words for words in FOR_TESTS if places(words) and not {"::", "FILE"} & set(places(words))]


def collect(*arguments: str) -> Counter[Path]:
    """How many tests of each file ``python -m pytest`` collects with these arguments; no import may fail."""
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(full_python_path())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert collected.returncode == 0, collected.stdout + collected.stderr
    return Counter(ROOT / name for name in re.findall(r"^(\S+\.py)::", collected.stdout, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def collected() -> Counter[Path]:
    """The tests that the commands of Pants find, collected at once: most of the time goes into imports."""
    return collect(*sorted({str(path) for words in OF_SOME_PLACES for path in files_found_by(words)}))


def test_the_guide_has_commands_of_both_kinds() -> None:
    assert OF_PYTEST
    assert OF_SOME_PLACES


@pytest.mark.parametrize("words", OF_PYTEST, ids=" ".join)
def test_a_command_of_pytest_collects_tests(words: list[str]) -> None:
    assert collect(*words[3:])


@pytest.mark.parametrize("words", OF_SOME_PLACES, ids=" ".join)
def test_each_file_that_a_command_of_pants_finds_has_tests(words: list[str], collected: Counter[Path]) -> None:
    assert [path for path in files_found_by(words) if not collected[path]] == []
