"""A panel's folder while it is made again: whole, or none; never of two panels."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud.src.cli.panel import panel_folder
from cloud.src.cli.quarters.changes import read_panel, recorded_inputs
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from tests.fast.cli.panel_tables import FakeTheme, write_panel

FIRMS = [str(number) for number in range(12)]
OLD, NEW = FakeTheme("Ports", [[3] * 12, [3] * 12]), FakeTheme("Rails", [[1] * 12, [5] * 12])
N_FILES = 8  # five tables, words, and the grid as CSV and for Stata


def write(folder: Path, theme: FakeTheme, run: str, *others: str) -> Path:
    write_panel(folder, [theme], [FIRMS, FIRMS], run=run)
    for other in others:
        (folder / other).write_text(run, encoding="utf-8")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def replace(folder: Path, quarter_missing: bool = False) -> None:
    with panel_folder.replaced(folder) as unfinished:
        assert content(unfinished) == {}
        write(unfinished, NEW, "new", "grid.csv")
        if quarter_missing:
            raise InvalidInput("a quarter is missing")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write(tmp_path / "panels" / "spring", OLD, "old", "grid.csv", "notes.txt")


def test_the_new_panel_takes_the_place_of_the_old_one(old: Path, tmp_path: Path) -> None:
    expected = content(write(tmp_path / "expected", NEW, "new", "grid.dta"))

    with panel_folder.replaced(old) as unfinished:
        assert content(unfinished) == {}
        write(unfinished, NEW, "new", "grid.dta")
        assert panel_folder.run_id(old) == "old"

    assert content(old) == expected | {"notes.txt": b"old"}
    assert [path.name for path in old.parent.iterdir()] == ["spring"]


def test_a_panel_that_cannot_be_made_leaves_the_old_one(old: Path) -> None:
    before = content(old)
    with pytest.raises(InvalidInput):
        replace(old, quarter_missing=True)
    assert content(old) == before
    assert [path.name for path in old.parent.iterdir()] == ["spring"]


def killed_before(number: int) -> Callable[[Path, Path], None]:
    """Moves files until the process is killed, which cleans nothing up."""
    moved: list[Path] = []
    move = panel_folder._move

    def move_or_die(new: Path, old: Path) -> None:
        if len(moved) == number:
            raise KeyboardInterrupt
        moved.append(new)
        move(new, old)

    return move_or_die


@pytest.mark.parametrize("number", range(N_FILES))
def test_a_killed_process_leaves_no_panel_or_leftovers(
    old: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = content(write(tmp_path / "expected", NEW, "new", "grid.csv"))
    with monkeypatch.context() as patched:
        patched.setattr(panel_folder, "_move", killed_before(number))
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            replace(old)
    with pytest.raises(InvalidInput, match="is not a panel"):
        read_panel(old)
    assert recorded_inputs(old) is None

    replace(old)

    assert content(old) == expected | {"notes.txt": b"old"}
    assert [path.name for path in old.parent.iterdir()] == ["spring"]


def test_two_processes_do_not_write_the_same_panel(old: Path) -> None:
    with (
        panel_folder.replaced(old),
        pytest.raises(InvalidInput, match="another ftm run is writing"),
        panel_folder.replaced(old),
    ):
        pass


@pytest.mark.parametrize("table", ["quarters", "calls", "exposures", "grid"])
def test_tables_of_two_panels_are_refused(old: Path, tmp_path: Path, table: str) -> None:
    new = write(tmp_path / "new", NEW, "new")
    shutil.copy(new / keys.panel_table(table), old / keys.panel_table(table))

    with pytest.raises(InvalidInput, match=f"spring: {table} and themes belong to different panels: make it again"):
        read_panel(old)
    assert recorded_inputs(old) is None


def test_a_panel_replaced_while_being_read_is_refused(old: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new", NEW, "new")
    with pytest.raises(InvalidInput, match="was rewritten while it was being read"), panel_folder.read_whole(old):
        shutil.copytree(new, old, dirs_exist_ok=True)
