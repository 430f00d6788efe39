"""Where the prefetch writes: an S3 bucket, or a folder with the same layout."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from cloud.src.contract.files import written_whole

# What S3 answers when the condition of a PUT fails: a different object exists, no object exists, or another process is
# writing it right now.
_CONDITION_FAILED = {"PreconditionFailed", "NoSuchKey", "ConditionalRequestConflict"}
_NOT_THERE = {"NoSuchKey", "404"}


class Storage(Protocol):
    """Objects by key. Each is written whole or not at all, and its version changes with its bytes."""

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Return the object's bytes and version; None if it does not exist."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write the object, overwriting any other."""
        ...

    def put_if(self, key: str, body: bytes, version: str | None) -> str | None:
        """Write the object only if its version is still this one, or, given None, only if it does not exist.

        Returns the new version, or None if the condition fails; of several processes that try, only one succeeds.
        """
        ...

    def delete(self, key: str) -> None:
        """Delete the object, if it exists."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with ``prefix``, which ends in a slash."""
        ...

    def where(self, key: str) -> str:
        """Return the object's full address, for a message."""
        ...


class S3Storage:
    """A bucket. An S3 PUT is atomic and can be conditional."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def get(self, key: str) -> tuple[bytes, str] | None:
        """The object and its ETag; None if it does not exist."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                return None
            raise
        return found["Body"].read(), found["ETag"]

    def put(self, key: str, body: bytes) -> None:
        """Write the object, overwriting any other one."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    def put_if(self, key: str, body: bytes, version: str | None) -> str | None:
        """Write it if it is still of this version (None: not there); return the new version, or None if it was not."""
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            return str(self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, **condition)["ETag"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _CONDITION_FAILED:
                return None
            raise

    def delete(self, key: str) -> None:
        """Delete the object, if there is one."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def list(self, prefix: str) -> list[str]:
        """The keys with this prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def where(self, key: str) -> str:
        """The object's address, for messages."""
        return f"s3://{self._bucket}/{key}"


class FolderStorage:
    """A folder on this machine, in which keys are paths. It is created with the first object."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> tuple[bytes, str] | None:
        """The file's bytes and their version; None if it does not exist."""
        try:
            body = (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        return body, _version(body)

    def put(self, key: str, body: bytes) -> None:
        """Write the file, overwriting any other."""
        # Belongs to this process alone. If the process is killed before the rename, nothing mistakes the file for the
        # object; ``finish`` deletes it.
        self._write(key, body, str(os.getpid()))

    def put_if(self, key: str, body: bytes, version: str | None) -> str | None:
        """Write it if it is still of this version (None: not there); return the new version, or None if it was not."""
        with self._exclusive(key):
            found = self.get(key)
            if (found and found[1]) != version:
                return None
            self._write(key, body, "unfinished")  # overwrites what a killed process left
        return _version(body)

    def delete(self, key: str) -> None:
        """Delete the file, if it exists."""
        (self._folder / key).unlink(missing_ok=True)

    def list(self, prefix: str) -> list[str]:
        """The keys of the files in this folder, sorted."""
        folder = self._folder / prefix
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        return [prefix + path.name for path in paths if path.is_file()]

    def where(self, key: str) -> str:
        """The file's path, for messages."""
        return str(self._folder / key)

    def _write(self, key: str, body: bytes, suffix: str) -> None:
        with written_whole(self._folder / key, suffix) as unfinished:
            unfinished.write_bytes(body)

    @contextmanager
    def _exclusive(self, key: str) -> Iterator[None]:
        """Keep others from writing between comparison and write. The system releases this if the process is killed."""
        parent = (self._folder / key).parent
        parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _version(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
