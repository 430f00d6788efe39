"""How ./pants finds or installs Pants, and the Pythons that it needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.component.scripts.script_runs import run_script, write_script


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


def test_without_a_launcher_pants_is_installed_once(pants: Path, commands: Path) -> None:
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


def test_a_python_only_uv_knows_comes_last_on_pants_path(pants: Path, commands: Path) -> None:
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
def test_one_line_names_missing_pythons_and_how_to_install_them(
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
