"""One file of the user's, or the one file in an archive, with the name that messages call it by."""

from __future__ import annotations

import gzip
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from cloud.src.contract.errors import InvalidInput

ARCHIVES = (".gz", ".zip")
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    gzip.BadGzipFile,
    RuntimeError,  # encrypted
    NotImplementedError,  # packed in a way that Python does not know
)
_MOST_BYTES = 2 << 30  # unpacked
_MOST_RATIO = 200  # of unpacked to packed; tables of text come to 20
_AT_A_TIME = 1 << 20


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True)
class InputFile:
    """``path`` is where the bytes are, ``shown`` what the user knows the file by, ``name`` its own name with ending."""

    path: Path
    shown: str
    name: str

    def __str__(self) -> str:
        return self.shown

    @property
    def suffix(self) -> str:
        """The ending that says of which kind it is, in small letters."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        """The name without that ending."""
        return PurePosixPath(self.name).stem


@contextmanager
def opened(path: Path) -> Iterator[InputFile]:
    """Give the file itself, or what is in it if it is a ``.gz`` or ``.zip``, unpacked for the length of the block.

    Raises:
        InvalidInput: the archive is damaged, encrypted, holds more than one file, or unpacks to too much.
    """
    file = InputFile(path, str(path), path.name)
    if file.suffix not in ARCHIVES:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="ftm-") as folder:
        unpacked = Path(folder) / "unpacked"
        try:
            name = _unpack(path, file.suffix, unpacked)
        except _DAMAGED as error:
            raise InvalidInput(f"{path} cannot be unpacked: {' '.join(str(error).split())[:200]}") from error
        yield replace(file, path=unpacked, name=name)


def _unpack(path: Path, suffix: str, to: Path) -> str:
    """Write what is in the archive to ``to``, which no name in it has a say in; return the name of its content."""
    if suffix == ".gz":
        with gzip.open(path) as content:
            _copy(path, content, to)
        return path.stem
    with zipfile.ZipFile(path) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_of_a_mac(entry.filename)]
        if len(files) != 1:
            raise InvalidInput(f"{path} holds {len(files)} files: unpack it, and give the folder")
        with archive.open(files[0]) as content:
            _copy(path, content, to)
        return PurePosixPath(files[0].filename.replace("\\", "/")).name


def _is_of_a_mac(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.endswith(".DS_Store")


def _copy(path: Path, content: _Readable, to: Path) -> None:
    most = min(_MOST_BYTES, _MOST_RATIO * max(path.stat().st_size, _AT_A_TIME // _MOST_RATIO))
    n_bytes = 0
    with to.open("wb") as file:
        while block := content.read(_AT_A_TIME):
            n_bytes += len(block)
            if n_bytes > most:
                raise InvalidInput(
                    f"{path} unpacks to more than 2 GB, or {_MOST_RATIO} times its size: unpack it yourself"
                )
            file.write(block)
