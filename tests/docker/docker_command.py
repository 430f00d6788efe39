"""The Docker engine for the tests that need one; they are marked ``docker`` and skipped without it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

WORKER = "ftm-worker:local"


def docker(*arguments: str, text: str | None = None) -> str:
    """Run a docker command to its end, which has to be a good one; return what it prints."""
    done = subprocess.run(["docker", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stderr}"
    return done.stdout


def engine_answers() -> bool:
    return (
        bool(shutil.which("docker"))
        and not subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    )


def containers() -> set[str]:
    """Ids of all containers of jobs, also of those that have ended."""
    return set(docker("ps", "--all", "--quiet", "--no-trunc", "--filter", "name=^ftm-").split())


# Pants builds the image before these tests; whoever starts pytest by hand builds it by hand.
needs_docker = [
    pytest.mark.docker,
    pytest.mark.skipif(not engine_answers(), reason="no Docker engine answers: CONTRIBUTING.md says how to get one"),
]
