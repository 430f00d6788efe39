"""The shell scripts: shellcheck on all of them, how ./pants finds or installs Pants, and when ./ftm installs FTM."""

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


# --- the Pythons ------------------------------------------------------------------------------

# Stands for Python 3.9: notes what it is asked to install, and makes the files that Pants and the PEX tool would be.
PYTHON_3_9 = r"""#!/usr/bin/env bash
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *" install "*) echo "$*" >>"$HOME/installed" ;;
  "-c import pex.version"*) echo 2.1.137 ;;
  "-c import hashlib"*) echo 0123abcd ;;
  *" --output-file "*) while [ "$1" != --output-file ]; do shift; done && echo 'the PEX tool' >"$2" ;;
  */venv/bin/pants*) shift && printf '%s\n' "ran: $*" "$PANTS_PEX_CLI_KNOWN_VERSIONS" ;;
esac
"""


def python_of_uv(commands: Path, version: str, script: str) -> Path:
    """Have uv know this Python, which is not on PATH."""
    python = commands / f"uv's/cpython-{version}/bin/python{version}"
    python.parent.mkdir(parents=True)
    write_script(python, script)
    write_script(
        commands / "uv",
        '#!/usr/bin/env bash\n[ "$1 $2 $3" = "python find --system" ] && ls "$HOME/uv\'s/cpython-$4/bin/python$4"\n',
    )
    return python


def test_without_a_launcher_the_first_call_installs_pants_and_the_next_uses_it(pants: Path, commands: Path) -> None:
    write_script(commands / "python3.9", PYTHON_3_9)
    first = run_script(pants, commands, "lint", "::")
    installed = commands / ".cache/pants-bootstrap/2.17.1"
    assert first.stderr == f"pants: installing Pants 2.17.1 into {installed} (once)\n"
    assert first.stdout.splitlines()[0] == "ran: lint ::"
    assert '"v2.1.137|linux_x86_64|0123abcd|13"' in first.stdout.splitlines()[1]
    assert (installed / "pex-v2.1.137").read_text() == "the PEX tool\n"

    second = run_script(pants, commands, "lint", "::")
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert (commands / "installed").read_text().splitlines() == [
        "-m pip install -qq --disable-pip-version-check pantsbuild.pants==2.17.1"
    ]


def test_with_the_launcher_no_python_3_9_is_asked_for(pants: Path, commands: Path, launcher: Path) -> None:
    assert not (commands / "python3.9").exists()
    ran = run_script(pants, commands, "lint", "::")
    assert (ran.stdout, ran.stderr) == ("launched: lint ::\n", "")


@pytest.mark.parametrize("place", ["PATH", "pyenv", "uv"])
def test_pants_is_installed_with_a_python_3_9_from(place: str, pants: Path, commands: Path) -> None:
    if place == "PATH":
        write_script(commands / "python3.9", PYTHON_3_9)
    elif place == "pyenv":
        # As pyenv's command is when another version is selected.
        write_script(
            commands / "python3.9", "#!/usr/bin/env bash\necho 'pyenv: python3.9: command not found' >&2\nexit 127\n"
        )
        (commands / ".pyenv/versions/3.9.18/bin").mkdir(parents=True)
        write_script(commands / ".pyenv/versions/3.9.18/bin/python", PYTHON_3_9)
    else:
        python_of_uv(commands, "3.9", PYTHON_3_9)
    assert run_script(pants, commands, "--version").stdout.startswith("ran: --version\n")


def test_a_python_3_11_that_only_uv_knows_is_last_on_the_path_of_pants(pants: Path, commands: Path) -> None:
    (commands / "python3.11").unlink()
    python = python_of_uv(commands, "3.11", "#!/usr/bin/env bash\n")
    write_script(commands / "pants", '#!/usr/bin/env bash\necho "$PATH"\n')
    assert run_script(pants, commands, "lint", "::").stdout == f"{commands}:{python.parent}\n"


@pytest.mark.parametrize(
    ("on_path", "missing", "command"),
    [
        (["python3.11"], "Python 3.9 is needed and was", "uv python install 3.9"),
        (["python3.9"], "Python 3.11 is needed and was", "uv python install 3.11"),
        (["python3.12", "python3"], "Python 3.9 and 3.11 are needed and were", "uv python install 3.9 3.11"),
        (["python3.12", "pants"], "Python 3.11 is needed and was", "uv python install 3.11"),
    ],
)
def test_one_line_names_the_missing_pythons_and_the_command_that_installs_them(
    pants: Path, commands: Path, on_path: list[str], missing: str, command: str
) -> None:
    (commands / "python3.11").unlink()
    for name in on_path:
        write_script(commands / name, "#!/usr/bin/env bash\n")
    refused = run_script(pants, commands, "lint", "::")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"pants: {missing} not found on PATH, in pyenv or by uv: run `{command}` (uv: https://docs.astral.sh/uv)\n"
    )
    assert list(commands.glob(".cache/pants-bootstrap/*")) == []


@pytest.mark.usefixtures("pants")
def test_ftm_names_the_missing_pythons_too(checkout: Path, commands: Path) -> None:
    (commands / "python3.11").unlink()
    refused = run_ftm(checkout, commands, "demo")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "run `uv python install 3.9 3.11`" in refused.stderr


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
    refused = subprocess.run(
        [ROOT / "tests/docker/engine.sh", command, tmp_path], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"engine.sh: {tmp_path} has files and is not the folder of an engine: name another\n"
    assert (tmp_path / "a file").read_text() == "worth keeping"


def test_an_engine_that_has_ended_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/engine.log").write_text("")
    subprocess.run([ROOT / "tests/docker/engine.sh", "down", tmp_path / "engine"], check=True)
    assert list(tmp_path.iterdir()) == []
