"""A prefetch to be killed, which stops after each firm, and before and after each object that it writes.

In a folder also before the file that has been written gets its name. At each of these points it says where it is and
waits to be let go on, so that whoever started it can end it there.
"""

from __future__ import annotations

import datetime
import functools
import os
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path, PosixPath
from typing import Self

import boto3

from cloud.src.contract.errors import FtmError
from cloud.src.prefetch import chunks, prefetch
from cloud.src.prefetch.call_dates import call_dates
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.parallel import sentences_of_firms
from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import FolderStorage, S3Storage, Storage

FIRMS_PER_CHUNK = 3

_listeners: list[Connection] = []  # one: of this process

# Whoever is forked from a process that has imported this has the exchange's calendar and pandas already.
call_dates(datetime.date(2023, 2, 1), None)


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
    _listeners[0].send(what)
    _listeners[0].recv()


def run(
    listener: Connection, environment: Mapping[str, str], target: str, quarter: str, file: Path, processes: int
) -> None:
    """Prefetch a file's calls, three firms a chunk; ``target`` is ``s3://bucket`` or a folder.

    The last thing that the listener hears is finished, already there, or refused with the reason. With more than one of
    ``processes``, sentences are split in so many.
    """
    _listeners.append(listener)
    os.environ.update(environment)
    chunks.FIRMS_PER_CHUNK = FIRMS_PER_CHUNK
    prefetch.sentences_of_firms = functools.partial(sentences_of_firms, processes=processes)  # type: ignore[attr-defined]
    bucket = target.removeprefix("s3://")
    storage = FolderStorage(AnnouncingPath(target)) if bucket == target else S3Storage(boto3.client("s3"), bucket)
    source = FileTranscripts(file, quarter)
    try:
        summary = write_quarter(Announcing(storage), quarter, source, lambda done, _: point(f"firm {done}"))
    except FtmError as error:
        listener.send(f"refused: {error}")
        return
    listener.send("already there" if summary.already_there else "finished")
