"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.src.contract.files import written_whole


def test_a_file_is_there_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "table.csv"
    with written_whole(path) as unfinished:
        unfinished.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def write_half(path: Path) -> None:
    with written_whole(path) as unfinished:
        unfinished.write_text("half")
        raise OSError("disk full")


def test_a_failed_block_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("earlier")
    with pytest.raises(OSError, match="disk full"):
        write_half(path)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]
