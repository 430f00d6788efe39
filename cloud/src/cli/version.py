"""Which version of FTM this is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

VERSION = "0.1.0"


def commit() -> str:
    """Return the git commit of the source code, with ``-dirty`` if files differ from it; ``unknown`` without git."""
    root = Path(__file__).resolve().parents[3]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    # A packaged ftm may lie inside another repository, whose commit is not ours: so git looks no higher than the root.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent)}
    try:
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # a packaged ftm, or a machine without git
    return found.stdout.strip() or "unknown"
