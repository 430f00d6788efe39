"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path, suffix: str = "partial") -> Iterator[Path]:
    """A path to write to; it becomes ``path`` when the block ends, and is removed when the block fails.

    It is hidden and beside ``path``, whose folder is made when it is missing: there the rename is atomic. Who is killed
    leaves a file with this ``suffix``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
