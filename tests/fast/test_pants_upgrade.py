"""What later releases of Pants have removed is in use only where ADR-001 says so, with its replacement."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADR = "docs/adr/adr_001_monorepo_with_pants.md"

# Removed or without effect in a release from 2.18 to 2.33, by the notes of these releases. Those of targets and fields
# are looked for in BUILD files, those in brackets and the backends in pants.toml.
REMOVED = {
    "python_awslambda",
    "experimental_shell_command",
    "experimental_run_shell_command",
    "experimental_test_shell_command",
    "platforms",
    "resolve_local_platforms",
    "[lambdex]",
    "[python-infer].use_rust_parser",
    "[export].symlink_python_virtualenv",
    "[pex-binary-defaults].resolve_local_platforms",
    "[GLOBAL].remote_auth_bearer_token_path",
    "[shell-setup].tailor",
    *(f"[{tool}].{option}" for tool in ("black", "mypy", "pytest") for option in ("version", "extra_requirements")),
    *(f"[ruff].{option}" for option in ("install_from_resolve", "requirements", "interpreter_constraints")),
    "pants.backend.experimental.python.lint.ruff",
}


def names_in_build(text: str) -> set[str]:
    """The targets of a BUILD file and their fields."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    targets = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    return targets | {field.arg for call in calls for field in call.keywords if field.arg}


def names_in_settings(text: str) -> Iterator[str]:
    """The sections of a pants.toml, their options, and the backends."""
    settings = tomllib.loads(text)
    yield from settings["GLOBAL"]["backend_packages"]
    for section, options in settings.items():
        yield f"[{section}]"
        yield from (f"[{section}].{option}" for option in options)


def names_in_repository() -> set[str]:
    names = set(names_in_settings((ROOT / "pants.toml").read_text()))
    folders = [path for path in ROOT.iterdir() if path.is_dir() and path.name != "dist" and path.name[0] != "."]
    for build in [ROOT / "BUILD", *(build for folder in folders for build in folder.rglob("BUILD"))]:
        names |= names_in_build(build.read_text())
    return names


def test_removed_features_are_used_only_where_the_adr_lists_them() -> None:
    listed = set(re.findall(r"^\| `([^`]+)` \| 2\.\d\d \| \S.* \|$", (ROOT / ADR).read_text(), flags=re.MULTILINE))
    assert names_in_repository() & REMOVED == listed


def test_every_folder_of_code_is_looked_at() -> None:
    assert {"python_sources", "python_tests", "docker_image", "python_requirements"} <= names_in_repository()


@pytest.mark.parametrize(
    ("build", "removed"),
    [
        ('python_awslambda(name="zip")', {"python_awslambda"}),
        ('pex_binary(name="pex", platforms=["linux_x86_64-cp-311-cp311"])', {"platforms"}),
        ('for name in ("a", "b"):\n    experimental_shell_command(name=name)', {"experimental_shell_command"}),
        ('# once a python_awslambda\nresource(name="platforms", source="a.txt")', set()),
    ],
)
def test_a_removed_target_or_field_is_found(build: str, removed: set[str]) -> None:
    assert names_in_build(build) & REMOVED == removed


@pytest.mark.parametrize(
    ("settings", "removed"),
    [
        ('[lambdex]\nlayout = "zip"', {"[lambdex]"}),
        ("[python-infer]\nuse_rust_parser = true", {"[python-infer].use_rust_parser"}),
        ('[mypy]\nversion = "mypy==1.11"', {"[mypy].version"}),
        ('[black]\ninstall_from_resolve = "tools"', set()),
    ],
)
def test_a_removed_setting_is_found(settings: str, removed: set[str]) -> None:
    text = f"[GLOBAL]\nbackend_packages = ['pants.backend.python']\n{settings}\n"
    assert set(names_in_settings(text)) & REMOVED == removed
