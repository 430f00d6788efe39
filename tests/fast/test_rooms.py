"""The rooms of cloud/src and the floors they are on: who may import whom."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from docs.packages.list_locked import locked_packages

SOURCES = Path(__file__).parents[2] / "cloud/src"

# From the ground. A room imports its own modules and those of lower floors, never its neighbours'.
FLOORS = (
    ("contract",),
    ("models", "lambdas", "localaws"),
    ("prefetch", "topics", "llm"),
    ("themes", "naming"),
    ("worker",),
    ("cli",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# What AWS runs: none of it may need a desk.
ON_AWS = {"topics", "themes", "naming", "llm", "models", "worker", "lambdas", "contract"}
ONLY_ON_A_DESK = {"cli", "localaws"}

MODULES = sorted(path.relative_to(SOURCES) for path in SOURCES.rglob("*.py"))
PREFIX = "cloud.src."


def imports_of(source: str) -> Iterator[str]:
    """Every module of cloud.src that a source imports, anywhere in it, as its path from cloud.src without .py."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            # `from room import module` names the module second, `from room.module import thing` does not.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name.removeprefix(PREFIX).replace(".", "/") for name in names if name.startswith(PREFIX))


def may_import(room: str, other: str) -> bool:
    return room == other or FLOOR_OF[other] < FLOOR_OF[room]


def imported_modules(module: Path) -> set[str]:
    known = {str(path.with_suffix("")) for path in MODULES}
    return {name for name in imports_of((SOURCES / module).read_text(encoding="utf-8")) if name in known}


def test_every_room_is_on_a_floor() -> None:
    assert {module.parts[0] for module in MODULES} == set(FLOOR_OF)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_room_imports_lower_floors_and_itself_only(module: Path) -> None:
    room = module.parts[0]
    others = {name.split("/")[0] for name in imports_of((SOURCES / module).read_text(encoding="utf-8"))}
    assert {other for other in others if not may_import(room, other)} == set()
    assert room not in ON_AWS or not others & ONLY_ON_A_DESK


def test_no_modules_import_each_other_in_a_circle() -> None:
    waiting = {str(module.with_suffix("")): imported_modules(module) for module in MODULES}
    while ready := {name for name, needs in waiting.items() if not needs & waiting.keys()}:
        waiting = {name: needs for name, needs in waiting.items() if name not in ready}
    assert waiting == {}, "each of these imports another of them, or is imported from such a circle"


def test_no_module_stands_beside_a_folder_of_its_name() -> None:
    assert [module for module in MODULES if (SOURCES / module.with_suffix("")).is_dir()] == []


def test_no_two_classes_have_the_same_name() -> None:
    sources = ((SOURCES / module).read_text(encoding="utf-8") for module in MODULES)
    counted = Counter(name for source in sources for name in re.findall(r"^class ([A-Z]\w+)", source, re.M))
    assert [name for name, n_classes in counted.items() if n_classes > 1] == []


def test_onnxruntime_is_imported_where_its_telemetry_is_switched_off() -> None:
    importing = {module for module in MODULES if re.search("^import onnxruntime", (SOURCES / module).read_text(), re.M)}
    assert importing == {Path("models/onnx.py")}


def test_the_product_imports_no_package_for_tests_only() -> None:
    uses, packages_of = {each.name: each.use for each in locked_packages()}, packages_distributions()
    sources = ((SOURCES / module).read_text(encoding="utf-8") for module in MODULES)
    imported = {name for source in sources for name in re.findall(r"^ *(?:import|from) (\w+)", source, re.M)}
    required = {package for name in imported for package in packages_of.get(name, [])}
    assert "boto3" in required
    assert [package for package in sorted(required) if uses.get(package, "").startswith("tests: ")] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from cloud.src.topics import grid", {"topics", "topics/grid"}),
        ("import cloud.src.llm.outage", {"llm/outage"}),
        ("def f():\n    from cloud.src.cli.app import app", {"cli/app", "cli/app/app"}),
        ("from pathlib import Path", set()),
    ],
)
def test_imports_are_found_wherever_they_are(source: str, found: set[str]) -> None:
    assert set(imports_of(source)) == found


def test_the_rule_tells_floors_apart() -> None:
    assert may_import("worker", "topics")
    assert may_import("topics", "topics")
    assert not may_import("topics", "llm")
    assert not may_import("topics", "worker")
