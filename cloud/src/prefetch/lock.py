"""Allows one prefetch of a quarter at a time, by an object that says who is at work; renewed before each chunk is
written.

The lock is taken, renewed and taken over by one conditional write, so that only one process can hold it. A process that
is killed leaves its lock behind. Such a lock expires EXPIRES after its last renewal, or at once if its process ran on
this machine and is gone, so that repeating the command needs no wait.
"""

from __future__ import annotations

import functools
import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloud.src.contract import keys
from cloud.src.contract.errors import PrefetchRunning
from cloud.src.prefetch.storage import Storage

EXPIRES = timedelta(minutes=15)  # far longer than a chunk of WRDS takes

_Owner = dict[str, str | int]


class QuarterLock:
    """A lock that is held."""

    def __init__(self, storage: Storage, key: str, owner: _Owner, version: str) -> None:
        self._storage = storage
        self._key = key
        self._owner = owner
        self._version: str | None = version

    def check(self) -> None:
        """Renew the lock; raise PrefetchRunning if another process has taken over, as may happen after this machine was
        suspended.

        Call it immediately before each write that only one process may do. Raises whatever the storage raises when it
        cannot be reached.
        """
        if self._version is not None:
            self._version = _write(self._storage, self._key, self._owner, self._version)
        if self._version is None:
            raise PrefetchRunning(
                f"{self._storage.where(self._key)} has been taken over by another prefetch, as can happen "
                "when this one is suspended for a long time; start this one again to continue"
            )

    def release(self) -> None:
        """Delete the lock if it is still ours."""
        found = self._storage.get(self._key)
        if found and _id(found[0]) == self._owner["id"]:
            self._storage.delete(self._key)


@contextmanager
def quarter_lock(storage: Storage, quarter: str) -> Iterator[QuarterLock]:
    """Hold the quarter's lock; raise PrefetchRunning if another process holds it, saying who and since when."""
    key = keys.prefetch_lock(quarter)
    now = datetime.now(UTC)
    owner: _Owner = {
        "id": uuid.uuid4().hex,
        "user": _user(),
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "since": now.isoformat(timespec="seconds"),
    }
    found = storage.get(key)
    if found and _is_alive(found[0], now):
        raise PrefetchRunning(_refusal(quarter, found[0]))
    version = _write(storage, key, owner, found and found[1])
    if version is None:  # another process was faster by a moment
        found = storage.get(key)
        raise PrefetchRunning(_refusal(quarter, found[0] if found else b"{}"))
    lock = QuarterLock(storage, key, owner, version)
    try:
        yield lock
    finally:
        lock.release()


def _write(storage: Storage, key: str, owner: _Owner, version: str | None) -> str | None:
    """Write the lock over this version of it; return the new version, or None if another process has written it.

    boto3 repeats a PUT whose answer was lost, and S3 refuses the repetition because the first one succeeded. So
    whatever is stored is ours if it has our id.
    """
    body = json.dumps({**owner, "renewed_at": datetime.now(UTC).isoformat()}, indent=1).encode()
    new = storage.put_if(key, body, version)
    if new is None and (found := storage.get(key)) and _id(found[0]) == owner["id"]:
        return found[1]
    return new


def _id(document: bytes) -> object:
    return json.loads(document)["id"]


def _is_alive(document: bytes, now: datetime) -> bool:
    lock = json.loads(document)
    is_expired = now - datetime.fromisoformat(lock["renewed_at"]) >= EXPIRES
    is_dead = lock["machine"] == _machine() and not _runs(lock["pid"])
    return not is_expired and not is_dead


@functools.cache
def _machine() -> str:
    """The scope within which a process id is unique: this boot of this machine, and this container on it.

    The host's name will not do: copies of images and containers share it.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return f"{uuid.getnode():012x}"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process runs, as another user
        return True
    return True


def _refusal(quarter: str, document: bytes) -> str:
    lock = json.loads(document)
    who = f"{lock.get('user', 'somebody')} on {lock.get('host', 'another machine')}, process {lock.get('pid', '?')}"
    return (
        f"{quarter} is being prefetched already, by {who}, since {lock.get('since', 'this moment')}: wait until it is "
        f"done or stop it; if that machine is gone, try again in {EXPIRES.seconds // 60} minutes"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"
