"""Files that exist either complete or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path, suffix: str = "partial") -> Iterator[Path]:
    """Yield a path to write to, renamed to ``path`` when the block ends and removed when the block fails.

    The file is hidden and in the same folder as ``path``, which makes the rename atomic; the folder is created if
    needed. A process that is killed leaves a file with this ``suffix`` behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
