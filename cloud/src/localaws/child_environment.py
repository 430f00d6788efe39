"""Environment variables for the processes of the local AWS: enough to run, and nothing of the user's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The user's AWS profile, keys, proxies and Python settings stay out: a job must see here what it would see in AWS.
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")

_ROOT = Path(__file__).parents[3]  # the folder of ``cloud``


def minimal_environment(python_path: list[str]) -> dict[str, str]:
    """The variables every process gets; ``python_path`` is where it finds Python modules."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = {"PYTHONPATH": os.pathsep.join(python_path), "PYTHONUNBUFFERED": "1", "ORT_DISABLE_TELEMETRY": "1"}
    return {**kept, **own}


def full_python_path() -> list[str]:
    """Where this process finds modules: FTM's own first, then those of ``sys.path``.

    Under Pants, FTM's own are in ``sys.path`` as ".", which is nothing once the current folder has changed.
    """
    return [str(_ROOT), *(str(Path(entry).absolute()) for entry in sys.path)]


def library_python_path() -> list[str]:
    """The same without FTM's own code: a Lambda function must bring its code in its zip, as in AWS."""
    return [entry for entry in full_python_path() if not _is_own_code(Path(entry))]


def _is_own_code(folder: Path) -> bool:
    # in a PEX file both lie in one folder, and without boto3 no function could run
    return (folder / "cloud" / "src").is_dir() and not (folder / "boto3").is_dir()
