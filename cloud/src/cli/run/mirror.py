"""Keeps a folder as a copy of one quarter in the bucket: the same paths, each file whole.

The folder is what the user keeps. The bucket of a local run lives in memory, so an interrupted run continues from the
folder: its finished parts and the LLM's answers are copied back into the bucket, where the jobs look for them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.files import written_whole
from cloud.src.contract.record import run_of

# All that a run leaves, with the copy of the prefetch: three tables and the report hold the sentences, and the vectors
# of sentences and topics add to that. Measured: 9.2 for 149 real firms without PERMNO, 14.3 and 14.5 for the samples,
# where the descriptions in each small file weigh more.
OUTPUT_BYTES_PER_PREFETCHED_BYTE = 15

_SUFFIXES = (".parquet", ".json", ".jsonl")  # the files that runs write; a user may put others beside them


def result_prefixes(quarter: str) -> tuple[str, ...]:
    """Where the quarter's tables are."""
    in_parts = (keys.sentences_prefix(quarter), keys.evidence_prefix(quarter))
    tables = (keys.firms, keys.calls, keys.topics, keys.themes, keys.theme_contributions, keys.exposures)
    files = (*tables, keys.themes_for_sentiment)
    return (*in_parts, *(keys.folder_of(file(quarter)) for file in files))


def work_prefixes(quarter: str) -> tuple[str, ...]:
    """Where the files are from which later steps, such as a panel or a bundle, are made."""
    parts = (keys.topics_parts_prefix(quarter), keys.sentences_parts_prefix(quarter), keys.llm_answers_prefix(quarter))
    return (*parts, keys.batch_manifests_prefix(quarter), keys.progress_prefix(quarter))


def objects_under(s3: Any, bucket: str, *prefixes: str) -> Iterator[dict[str, Any]]:
    """What ListObjectsV2 says of each object."""
    pages = s3.get_paginator("list_objects_v2")
    for prefix in prefixes:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", [])


def drop_others_than(kept: Container[str], folder: Path, *prefixes: str) -> None:
    """Delete the files under these prefixes that runs write and whose keys are not among ``kept``."""
    for prefix in prefixes:
        for path in (folder / prefix).glob("*"):
            if path.suffix in _SUFFIXES and prefix + path.name not in kept:
                path.unlink()


class Mirror:
    """Copies one quarter from the bucket to a folder as its objects appear."""

    def __init__(self, s3: Any, bucket: str, quarter: str, folder: Path) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._folder = folder
        self._prefetched = keys.prefetch_prefix(quarter)
        self._topics_parts = keys.topics_parts_prefix(quarter)
        self._sentences_parts = keys.sentences_parts_prefix(quarter)
        self._answers = keys.llm_answers_prefix(quarter)
        self._records = (keys.batch_manifests_prefix(quarter), keys.progress_prefix(quarter))
        self._results = result_prefixes(quarter)
        # A bucket that outlives the run may hold an earlier run's records and results, which must not be copied. S3
        # states times in whole seconds.
        self._started = datetime.now(UTC).replace(microsecond=0)
        self._copied: dict[str, str] = {}  # key -> ETag

    def seed(self) -> int:
        """Put the folder's finished parts and the LLM's answers into the bucket, unless it already has them.

        Returns the number of part files.
        """
        parts = (self._topics_parts, self._sentences_parts)
        for prefix in (self._prefetched, *parts, self._answers, *self._records, *self._results):
            for unfinished in (self._folder / prefix).glob(".*.partial"):
                unfinished.unlink()
        self._put_missing(self._answers, "*.json")
        return sum(self._put_missing(prefix, "*.parquet") for prefix in parts)

    def copy_new(self) -> int:
        """Copy the objects that are new or changed since the last call; return how many."""
        n_copied = 0
        # A topics file stands for a whole part. Its job writes it after the sentences, so it is listed before them but
        # copied after them: if it is in the folder, so are its sentences.
        topics_parts = list(self._objects(self._topics_parts))
        others = [
            *self._objects(self._prefetched, self._sentences_parts, self._answers),
            *self._new_objects(*self._records, *self._results),
        ]
        for item in [*others, *topics_parts]:
            if self._copied.get(item["Key"]) != item["ETag"]:
                self._copy(item["Key"])
                self._copied[item["Key"]] = item["ETag"]
                n_copied += 1
        return n_copied

    def finish(self) -> None:
        """Copy what is left, then delete what an earlier run left beside this run's records and tables.

        Otherwise a run with bigger batches would leave sentences of the earlier run's batches beside its own. Parts are
        kept, as the next run may use them, but for those that reduce has removed.
        """
        self.copy_new()
        if self._has_copied(*self._records):
            self._drop_earlier(*self._records)
        if self.has_results():
            self._drop_earlier(self._prefetched, *self._results)
            self._drop_removed(self._topics_parts, self._sentences_parts, self._answers)

    def drop_others(self, run_id: str | None) -> int:
        """Drop the tables that another execution of the quarter has put into the bucket meanwhile; return how many.

        ``run_id`` is that of this execution's own.
        """
        results = [self._folder / key for key in self._copied if key.startswith(self._results)]
        others = [path for path in results if path.is_file() and run_of(pq.read_schema(path)) != run_id]
        for path in others:
            path.unlink()
        return len(others)

    def prefetched_bytes(self) -> int:
        """Size of the quarter's prefetched sentences in the bucket."""
        return sum(item["Size"] for item in self._objects(self._prefetched))

    def has_results(self) -> bool:
        """Whether tables that this run has written have been copied."""
        return self._has_copied(*self._results)

    def _put_missing(self, prefix: str, names: str) -> int:
        """Put the folder's files into the bucket, unless it already has them; return how many."""
        there = {item["Key"] for item in self._objects(prefix)}
        missing = [path for path in sorted((self._folder / prefix).glob(names)) if prefix + path.name not in there]
        for path in missing:
            self._s3.put_object(Bucket=self._bucket, Key=prefix + path.name, Body=path.read_bytes())
        return len(missing)

    def _has_copied(self, *prefixes: str) -> bool:
        return any(key.startswith(prefixes) for key in self._copied)

    def _drop_earlier(self, *prefixes: str) -> None:
        drop_others_than(self._copied, self._folder, *prefixes)

    def _drop_removed(self, *prefixes: str) -> None:
        """Drop files that ``seed`` or a job had put into the bucket and that are not there any more."""
        drop_others_than({item["Key"] for item in self._objects(*prefixes)}, self._folder, *prefixes)

    def _new_objects(self, *prefixes: str) -> Iterator[dict[str, Any]]:
        return (item for item in self._objects(*prefixes) if item["LastModified"] >= self._started)

    def _objects(self, *prefixes: str) -> Iterator[dict[str, Any]]:
        return objects_under(self._s3, self._bucket, *prefixes)

    def _copy(self, key: str) -> None:
        path = self._folder / key
        try:
            with written_whole(path) as partial, partial.open("wb") as stream:
                shutil.copyfileobj(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"], stream)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Make the folder and keep other runs out of it while the block runs.

    Raises InvalidInput if another run is writing to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)  # releases the lock, as does the end of the process, however it ends


def check_disk_space(folder: Path, prefetched_bytes: int) -> None:
    """Raise FtmError if the output of a run of this size does not fit on the folder's disk."""
    needed = prefetched_bytes * OUTPUT_BYTES_PER_PREFETCHED_BYTE
    free = shutil.disk_usage(nearest_existing(folder)).free
    if free < needed:
        raise FtmError(
            f"no disk space: the results need about {needed / 1e6:,.0f} MB and {folder} has {free / 1e6:,.0f} MB free: "
            "free some, or give a folder on another disk with --out"
        )


def check_output_folder(folder: Path) -> None:
    """Raise InvalidInput if the folder cannot be created or written; do not create it."""
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"output {folder} is a file: give a folder with --out")
    existing = nearest_existing(folder)
    if not existing.is_dir():
        raise InvalidInput(f"output {folder} cannot be a folder because {existing} is not one: give another --out")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InvalidInput(f"output {folder} cannot be written ({existing} is not yours): give another --out")


def nearest_existing(path: Path) -> Path:
    """Return the path itself or its nearest existing parent, even a broken link."""
    return next(place for place in [path, *path.absolute().parents] if place.exists() or place.is_symlink())


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InvalidInput(f"another ftm run is writing to {folder}: wait for it, or give another --out") from error
