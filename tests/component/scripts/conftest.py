"""A checkout, and a PATH on which there is only what its scripts need."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.component.scripts.script_runs import PANTS, ROOT, write_script

COMMANDS = [
    "bash",
    "cat",
    "chmod",
    "cmp",
    "cp",
    "dirname",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "tr",
    "wc",
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the real ./ftm and a stand-in for ./pants."""
    root = tmp_path / "a checkout"
    lockfile = root / "3rdparty/python/product.lock"
    lockfile.parent.mkdir(parents=True)
    lockfile.write_text("boto3==1\n")
    shutil.copy(ROOT / "ftm", root / "ftm")
    write_script(root / "pants", PANTS)
    return root


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """The folder that is all of PATH: what the scripts may call, and a Python 3.11."""
    folder = tmp_path / "commands"
    folder.mkdir()
    for name in COMMANDS:
        found = shutil.which(name)
        assert found, f"{name} is not on PATH"
        (folder / name).symlink_to(found)
    write_script(folder / "python3.11", "#!/usr/bin/env bash\n")
    return folder


@pytest.fixture
def pants(checkout: Path) -> Path:
    """The real ./pants instead of the stand-in."""
    (checkout / "pants.toml").write_text('pants_version = "2.17.1"\n')
    shutil.copy(ROOT / "pants", checkout / "pants")
    return checkout / "pants"


@pytest.fixture
def launcher(commands: Path) -> Path:
    """A launcher that prints what it is started with."""
    write_script(commands / "pants", '#!/usr/bin/env bash\necho "launched: $*"\n')
    return commands / "pants"
