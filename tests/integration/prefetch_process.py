"""A prefetch to be killed: ``python prefetch_process.py TARGET QUARTER FILE FIRMS_PER_CHUNK PROCESSES``.

Prints a line after each firm, before each object that it writes and after it, and in a folder also before the file that
has been written gets its name, so that whoever started it can end it at any of these points. With more than one of
PROCESSES, sentences are split in so many. TARGET is ``s3://bucket`` or a folder.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from pathlib import Path, PosixPath
from typing import Self

import boto3

from cloud.src.contract.errors import FtmError
from cloud.src.prefetch import chunks, prefetch
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.parallel import sentences_of_firms
from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import FolderStorage, S3Storage, Storage


class Announcing:
    """Storage that says what it does, and waits for the one line that lets it go on."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.get, self.list, self.where = storage.get, storage.list, storage.where

    def put(self, key: str, body: bytes) -> None:
        point(f"put {key}")
        self._storage.put(key, body)
        point(f"has put {key}")

    def put_if(self, key: str, body: bytes, version: str | None) -> str | None:
        new = self._storage.put_if(key, body, version)
        point(f"has put {key}")
        return new

    def delete(self, key: str) -> None:
        point(f"delete {key}")
        self._storage.delete(key)
        point(f"has deleted {key}")


class AnnouncingPath(PosixPath):
    """Path that says when a file gets its name."""

    def replace(self, target: str | os.PathLike[str]) -> Self:
        point(f"rename {self.name}")
        return super().replace(target)


def point(what: str) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # the lock is renewed
    print(what, flush=True)
    if not sys.stdin.readline():
        raise EOFError("nobody listens any more")


def main(target: str, quarter: str, file: str, firms_per_chunk: str, processes: str) -> int:
    chunks.FIRMS_PER_CHUNK = int(firms_per_chunk)
    prefetch.sentences_of_firms = functools.partial(sentences_of_firms, processes=int(processes))  # type: ignore[attr-defined]
    bucket = target.removeprefix("s3://")
    storage = FolderStorage(AnnouncingPath(target)) if bucket == target else S3Storage(boto3.client("s3"), bucket)
    source = FileTranscripts(Path(file), quarter)
    try:
        summary = write_quarter(Announcing(storage), quarter, source, lambda done, _: point(f"firm {done}"))
    except FtmError as error:
        print(f"refused: {error}", flush=True)
        return 1
    print("already there" if summary.already_there else "finished", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
