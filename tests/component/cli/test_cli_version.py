from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from cloud.src.cli import version

PRINT_COMMIT = "import runpy, sys; print(runpy.run_path(sys.argv[1])['commit']())"


def commit_of(source: Path) -> str:
    """What ``commit()`` says in a copy of the module under this path."""
    source.parent.mkdir(parents=True)
    shutil.copy(version.__file__, source)
    said = subprocess.run([sys.executable, "-c", PRINT_COMMIT, source], capture_output=True, text=True, check=True)
    return said.stdout.strip()


def repository(folder: Path) -> str:
    """Make a repository with one commit; return the commit."""
    git = ["git", "-C", str(folder), "-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=first"], check=True)
    return subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commit_is_that_of_the_source_code(tmp_path: Path) -> None:
    commit = repository(tmp_path)
    assert commit_of(tmp_path / "cloud" / "src" / "cli" / "version.py") == commit


def test_a_package_inside_another_repository_does_not_take_its_commit(tmp_path: Path) -> None:
    repository(tmp_path)
    assert commit_of(tmp_path / "lib" / "cloud" / "src" / "cli" / "version.py") == "unknown"
