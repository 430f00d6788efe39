"""Where the processes of the local AWS find Python modules."""

from __future__ import annotations

import sys
from pathlib import Path

import boto3
import pytest

from cloud.src.localaws.child_environment import full_python_path, library_python_path

LIBRARIES = str(Path(boto3.__file__).parents[1])


def has_our_code(entry: str) -> bool:
    return (Path(entry) / "cloud/src/localaws/child_environment.py").is_file()


def test_our_code_is_found_wherever_the_program_has_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [".", LIBRARIES])
    monkeypatch.chdir(tmp_path)
    path = full_python_path()
    assert has_our_code(path[0])
    assert LIBRARIES in path


def test_a_function_finds_libraries_and_not_our_code() -> None:
    assert LIBRARIES in library_python_path()
    assert not any(map(has_our_code, library_python_path()))


def test_libraries_are_found_beside_our_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PEX file has both in one folder."""
    for folder in ("cloud/src", "boto3"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert library_python_path() == [str(tmp_path)]
