"""All that Terraform writes down about an applied root: its state, a plan, and what it prints of them."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path


def texts_of(root: Path) -> dict[str, str]:
    """What the commands print, after a refresh of the state, and what is in the files of the root's folder."""
    printed = {
        **plan_texts(root),
        "terraform show": _terraform(root, "show", "-json"),
        "terraform output": _terraform(root, "output", "-json"),
    }
    files = [path for path in root.rglob("*") if path.is_file() and "providers" not in path.parts]
    return printed | {str(path.relative_to(root)): path.read_text() for path in files}


def plan_texts(root: Path) -> dict[str, str]:
    """What the commands print of a plan."""
    with tempfile.TemporaryDirectory() as folder:
        plan_file = f"{folder}/plan"
        return {
            "terraform plan": _terraform(root, "plan", "-no-color", "-input=false", f"-out={plan_file}"),
            "terraform show PLAN": _terraform(root, "show", "-json", plan_file),
        }


def _terraform(root: Path, *arguments: str) -> str:
    finished = subprocess.run(["terraform", *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
