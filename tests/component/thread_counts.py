"""The same script with different numbers of threads for matrix products."""

from __future__ import annotations

import os
import subprocess
import sys


def printed_with(script: str, *threads: int) -> set[str]:
    """What the script prints in a process of its own with each number of threads, once where it is the same."""
    return {_printed(script, number) for number in threads}


def _printed(script: str, threads: int) -> str:
    number = {"OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    environment = {**os.environ, **number, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
