"""The folder of a panel: it is replaced as a whole, and its tables are read as one panel's or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cloud.src.cli.panel import formats
from cloud.src.cli.run import run_folder
from cloud.src.cli.run.mirror import output_folder
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import run_of
from cloud.src.worker.panel.tables import MARKER, TABLES

_MARKER = keys.panel_table(MARKER)
_WORDS = keys.panel_table("words")
# All that FTM puts into the folder, the marker last; a user may have put others beside it.
_FILES = (
    *(keys.panel_table(table) for table in TABLES if table != MARKER),
    _WORDS,
    *(str(formats.path(kind, Path())) for kind in formats.OTHERS),
    _MARKER,
)


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for a panel's files, which take the place of those in ``folder`` when the block ends.

    The marker goes first and comes last, so that a reader finds a whole panel or none. A block that fails leaves
    ``folder`` as it is. A process that is killed leaves a hidden folder beside it, which the next one empties. Raises
    InvalidInput while another process writes the same panel.
    """
    unfinished = folder.with_name(f".{folder.name}.partial")
    with output_folder(unfinished):
        try:
            for left in unfinished.iterdir():  # by a process that was killed
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield unfinished
            (folder / _MARKER).unlink(missing_ok=True)
            for file in _FILES:
                _move(unfinished / file, folder / file)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def read_whole(folder: Path) -> Iterator[None]:
    """A block that reads several tables; raise InvalidInput when they are not, or do not stay, those of one panel."""
    run = run_id(folder)
    yield
    if run_id(folder) != run:
        raise InvalidInput(f"{folder} was rewritten while it was being read: try again")


def run_id(folder: Path) -> str | None:
    """The id that all tables of a panel share; raise InvalidInput when one is missing or of another panel."""
    runs = {}
    for table in TABLES:
        path = folder / keys.panel_table(table)
        if not path.is_file():
            raise InvalidInput(f"{folder} is not a panel ({path} is missing): make one with ftm panel")
        runs[table] = run_of(run_folder.schema_of(path))
    words = folder / _WORDS
    if words.is_file():
        runs["words"] = run_of(run_folder.schema_of(words))
    others = [table for table, run in runs.items() if run != runs[MARKER]]
    if others:
        raise InvalidInput(f"{folder}: {', '.join(others)} and {MARKER} belong to different panels: make it again")
    return runs[MARKER]


def _move(new: Path, old: Path) -> None:
    """Put a file where that of the panel before is, or remove that one where the new panel has none."""
    if not new.exists():
        old.unlink(missing_ok=True)
        with suppress(OSError):  # it was never there, or has something else in it
            old.parent.rmdir()
        return
    old.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(new, old)  # the folder may be a mount or a link: then it is on another disk
