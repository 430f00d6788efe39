"""CONTRIBUTING.md: its commands find what they are to run, and each layer of tests is a folder and a tag."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.fast.docs.guide_commands import (
    COMMANDS,
    FOR_TESTS,
    GOALS,
    GUIDE,
    OF_PANTS,
    ROOT,
    files_found_by,
    layer_of,
    places,
)

LAYERS = ["fast", "component", "integration", "e2e", "docker", "chaos"]


@pytest.mark.parametrize("words", [words for words in FOR_TESTS if places(words)], ids=" ".join)
def test_a_command_for_tests_finds_some(words: list[str]) -> None:
    assert places(words) == ["FILE"] or files_found_by(words)


@pytest.mark.parametrize("words", OF_PANTS, ids=" ".join)
def test_a_command_has_goals_and_places_that_exist(words: list[str]) -> None:
    assert GOALS & set(words)
    for place in places(words):
        path = ROOT / place.partition(":")[0]
        assert place == "FILE" or path.is_file() or (path / "BUILD").is_file() or list(path.rglob("test_*.py")), place


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] not in ("./pants", "export")], ids=" ".join)
def test_other_commands_name_programs_and_folders_that_exist(words: list[str]) -> None:
    assert words[0] == "python" or (ROOT / words[0]).is_file()
    assert words[0] != "python" or list((ROOT / words[-1]).rglob("test_*.py"))


@pytest.mark.parametrize(
    ("command", "finds"),
    [
        ("test cloud/src/worker::", False),
        ("test tests/nowhere::", False),
        ("test tests/fast/docs/test_nothing.py", False),
        ("--tag=unit test ::", False),
        ("--tag=fast test tests/e2e::", False),
        ("--tag=fast test ::", True),
        ("test tests/fast/docs/test_contributing.py", True),
    ],
)
def test_a_command_without_tests_is_noticed(command: str, finds: bool) -> None:
    assert bool(files_found_by(command.split())) == finds


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_a_folder_and_its_tag(layer: str) -> None:
    build = ROOT / "tests" / layer / "BUILD"
    (tests,) = (call for call in calls_in(build) if isinstance(call.func, ast.Name) and call.func.id == "python_tests")
    fields = {field.arg: field.value for field in tests.keywords}
    assert ast.literal_eval(fields["tags"]) == [layer]
    assert ast.literal_eval(fields["sources"]) == ["**/test_*.py"]
    assert list(build.parent.rglob("BUILD")) == [
        build
    ], "one BUILD file a layer: its tests are those in all folders below"


def calls_in(build: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(build.read_text())) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("layer", LAYERS)
def test_files_of_a_layer_have_names_of_their_own(layer: str) -> None:
    """Without __init__.py files, plain pytest takes two files of one name for the same module, and stops."""
    names = Counter(path.name for path in (ROOT / "tests" / layer).rglob("test_*.py"))
    assert [name for name, n_files in names.items() if n_files > 1] == []


def test_every_test_is_in_a_layer_listed_in_the_guide() -> None:
    assert {layer_of(path) for path in (ROOT / "tests").rglob("test_*.py")} == set(LAYERS)
    assert (
        re.findall(r"^\| `(\w+)` \|", GUIDE.partition("## Which tests")[2].partition("\n## ")[0], re.MULTILINE)
        == LAYERS
    )


def test_the_table_of_folders_has_all_rooms_of_the_product() -> None:
    rows = dict(re.findall(r"^\| `cloud/src/(\w+)/` \| (.+) \|$", GUIDE, re.MULTILINE))
    rooms = {build.parent.relative_to(ROOT / "cloud/src").parts for build in (ROOT / "cloud/src").rglob("BUILD")}
    assert rows.keys() == {room for room, *_ in rooms}
    assert [(room, *inner) for room, *inner in rooms if inner and f"`{inner[0]}/`" not in rows[room]] == []
