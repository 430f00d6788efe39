"""The shell scripts: shellcheck on all of them, what ./pants runs Pants with, and when ./ftm installs."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = "dist/export/python/virtualenvs/product"
COMMANDS = ["bash", "cat", "chmod", "cmp", "cp", "dirname", "ln", "mkdir", "mktemp", "rm", "sed"]

# Stands for Pants: notes how it was called, and makes an environment whose Python prints how it was started.
PANTS = f"""#!/usr/bin/env bash
echo "$*" >>pants_calls
mkdir -p {ENVIRONMENT}/3.11.9/bin
cat >{ENVIRONMENT}/3.11.9/bin/python <<'PYTHON'
#!/usr/bin/env bash
[ "$1" = -c ] || echo "$PYTHONPATH; $PWD; $*"
PYTHON
chmod +x {ENVIRONMENT}/3.11.9/bin/python
"""


@pytest.mark.parametrize("script", ["pants", "ftm", ".ci/run", "tests/docker/engine.sh"])
def test_shellcheck_finds_nothing(script: str) -> None:
    shellcheck = Path(sysconfig.get_path("scripts")) / "shellcheck"
    checked = subprocess.run([shellcheck, ROOT / script], capture_output=True, text=True, check=False)
    assert (checked.stdout, checked.returncode) == ("", 0)


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


def write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run_ftm(checkout: Path, commands: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script(checkout / "ftm", commands, *arguments)


def run_script(script: Path, commands: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it from another folder, as someone who has no pyenv."""
    return subprocess.run(
        [script, *arguments],
        cwd=commands,
        env={"PATH": str(commands), "HOME": str(commands)},
        capture_output=True,
        text=True,
        check=False,
    )


def pants_calls(checkout: Path) -> list[str]:
    calls = checkout / "pants_calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_the_first_call_installs_and_says_so(checkout: Path, commands: Path) -> None:
    first = run_ftm(checkout, commands, "demo")
    assert first.returncode == 0
    assert first.stderr == "ftm: installing FTM (once, some minutes)\n"
    assert pants_calls(checkout) == ["--no-pantsd export --resolve=product"]


def test_the_command_gets_its_arguments_in_the_users_folder(checkout: Path, commands: Path) -> None:
    ran = run_ftm(checkout, commands, "run", "2023Q1", "--input", "my calls.csv")
    assert ran.stdout == f"{checkout}; {commands}; -P -m cloud.src.cli run 2023Q1 --input my calls.csv\n"


def test_the_next_call_does_not_install(checkout: Path, commands: Path) -> None:
    run_ftm(checkout, commands, "demo")
    second = run_ftm(checkout, commands, "demo")
    assert (second.returncode, second.stderr) == (0, "")
    assert len(pants_calls(checkout)) == 1


def test_a_changed_lockfile_installs_again(checkout: Path, commands: Path) -> None:
    run_ftm(checkout, commands, "demo")
    (checkout / "3rdparty/python/product.lock").write_text("boto3==2\n")
    assert run_ftm(checkout, commands, "demo").returncode == 0
    assert len(pants_calls(checkout)) == 2


def test_a_lost_environment_is_installed_again(checkout: Path, commands: Path) -> None:
    run_ftm(checkout, commands, "demo")
    shutil.rmtree(checkout / ENVIRONMENT / "3.11.9")
    assert run_ftm(checkout, commands, "demo").returncode == 0
    assert len(pants_calls(checkout)) == 2


def test_a_failed_installation_is_an_error_and_is_done_again(checkout: Path, commands: Path) -> None:
    write_script(checkout / "pants", PANTS + "exit 3\n")
    failed = run_ftm(checkout, commands, "demo")
    assert (failed.returncode, failed.stdout) == (3, "")
    write_script(checkout / "pants", PANTS)
    assert run_ftm(checkout, commands, "demo").returncode == 0


def test_without_python_3_11_one_line_says_what_to_do(checkout: Path, commands: Path) -> None:
    (commands / "python3.11").unlink()
    refused = run_ftm(checkout, commands, "demo")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("ftm: Python 3.11 is needed and was not found: install it")
    assert refused.stderr.count("\n") == 1
    assert pants_calls(checkout) == []


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


def test_pants_runs_the_launcher_that_is_on_path(pants: Path, commands: Path, launcher: Path) -> None:
    assert run_script(pants, commands, "lint", "::").stdout == "launched: lint ::\n"


def test_pants_runs_with_the_same_umask_whatever_the_users_is(pants: Path, commands: Path) -> None:
    write_script(commands / "pants", "#!/usr/bin/env bash\numask\n")
    before = os.umask(0o077)
    try:
        ran = run_script(pants, commands, "package", "cloud/src/lambdas::")
    finally:
        os.umask(before)
    assert ran.stdout == "0022\n"


def test_pants_without_a_python_for_itself_says_what_to_do(pants: Path, commands: Path) -> None:
    refused = run_script(pants, commands, "lint", "::")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("pants: no Python 3.9 found, which Pants 2.17.1 needs: install it")
    assert refused.stderr.count("\n") == 1
    assert list(commands.glob(".cache/pants-bootstrap/*")) == []


# --- container images -------------------------------------------------------------------------

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
def test_without_an_engine_an_image_that_is_asked_for_is_an_error(pants: Path, commands: Path) -> None:
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


# --- the engine for the tests -----------------------------------------------------------------


@pytest.mark.parametrize("command", ["up", "down"])
def test_the_engine_takes_no_folder_of_somebody_elses(tmp_path: Path, command: str) -> None:
    (tmp_path / "a file").write_text("worth keeping")
    refused = subprocess.run([ROOT / "tests/docker/engine.sh", command, tmp_path], capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"engine.sh: {tmp_path} has files and is not the folder of an engine: name another\n"
    assert (tmp_path / "a file").read_text() == "worth keeping"


def test_an_engine_that_has_ended_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/engine.log").write_text("")
    subprocess.run([ROOT / "tests/docker/engine.sh", "down", tmp_path / "engine"], check=True)
    assert list(tmp_path.iterdir()) == []
