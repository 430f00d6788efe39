"""What ./pants does about container images: without a Docker engine, with one, and which commit they state."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.component.scripts.script_runs import ROOT, run_script, write_script

WITHOUT_ENGINE = (
    "pants: no Docker engine answers: container images and the tests of them are left out (CONTRIBUTING.md)\n"
)


@pytest.fixture(params=["no docker command", "no engine"])
def no_engine(request: pytest.FixtureRequest, commands: Path) -> None:
    if request.param == "no engine":
        write_script(commands / "docker", "#!/usr/bin/env bash\necho Cannot connect to the Docker daemon >&2\nexit 1\n")


@pytest.mark.usefixtures("launcher", "no_engine")
@pytest.mark.parametrize("goals", [["package"], ["--no-pantsd", "test"], ["lint", "package"]])
def test_without_an_engine_images_are_left_out_in_one_line(pants: Path, commands: Path, goals: list[str]) -> None:
    ran = run_script(pants, commands, *goals, "::")
    assert (ran.returncode, ran.stderr) == (0, WITHOUT_ENGINE)
    assert ran.stdout == f"launched: --tag=-docker {' '.join(goals)} ::\n"


@pytest.mark.usefixtures("launcher", "no_engine")
def test_without_an_engine_a_requested_image_is_an_error(pants: Path, commands: Path) -> None:
    refused = run_script(pants, commands, "package", "cloud/src/lambdas::", "cloud/src/worker:ftm-worker")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "pants: cloud/src/worker:ftm-worker is a container image, and no Docker engine answers: "
        "start one, or let DOCKER_HOST name one\n"
    )


@pytest.mark.usefixtures("launcher", "no_engine")
def test_other_goals_need_no_engine(pants: Path, commands: Path) -> None:
    ran = run_script(pants, commands, "lint", "check", "::")
    assert (ran.stdout, ran.stderr) == ("launched: lint check ::\n", "")


@pytest.mark.usefixtures("launcher")
@pytest.mark.parametrize("goal", [["package", "::"], ["test", "::"], ["package", "cloud/src/worker:ftm-worker"]])
def test_with_an_engine_nothing_is_left_out(pants: Path, commands: Path, goal: list[str]) -> None:
    write_script(commands / "docker", "#!/usr/bin/env bash\n")
    ran = run_script(pants, commands, *goal)
    assert (ran.stdout, ran.stderr) == (f"launched: {' '.join(goal)}\n", "")


@pytest.mark.parametrize("changed", [False, True])
def test_images_state_the_commit_that_ftm_states(pants: Path, commands: Path, changed: bool) -> None:
    write_script(commands / "pants", '#!/usr/bin/env bash\necho "$FTM_COMMIT"\n')
    git = shutil.which("git")
    assert git
    (commands / "git").symlink_to(git)
    checkout = pants.parent
    version = checkout / "cloud/src/cli/version.py"
    version.parent.mkdir(parents=True)
    shutil.copy(ROOT / "cloud/src/cli/version.py", version)
    as_someone = [git, "-C", str(checkout), "-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=first"]):
        subprocess.run([*as_someone, *command], check=True)
    if changed:
        (checkout / "ftm").write_text("")

    said_by_ftm = str(runpy.run_path(str(version))["commit"]())
    assert said_by_ftm.endswith("-dirty") == changed
    assert run_script(pants, commands, "package", "::").stdout == f"{said_by_ftm}\n"


def test_without_git_images_state_no_commit(pants: Path, commands: Path) -> None:
    write_script(commands / "pants", '#!/usr/bin/env bash\necho "$FTM_COMMIT"\n')
    assert run_script(pants, commands, "package", "::").stdout == "unknown\n"
