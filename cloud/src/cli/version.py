"""Which FTM this is."""

from __future__ import annotations

import subprocess
from pathlib import Path

VERSION = "0.1.0"


def commit() -> str:
    """Return the git commit of the source code, with ``-dirty`` when files differ from it; ``unknown`` without git."""
    source = Path(__file__).resolve().parent
    command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # a packaged ftm, or a machine without git
    return found.stdout.strip() or "unknown"
