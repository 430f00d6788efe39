"""The lock of a quarter, in a bucket and in a folder: who gets it, who is refused, and what a dead process leaves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from cloud.src.contract import keys
from cloud.src.contract.errors import PrefetchRunning
from cloud.src.prefetch.lock import EXPIRES, quarter_lock
from cloud.src.prefetch.storage import FolderStorage, S3Storage, Storage
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
KEY = keys.prefetch_lock(QUARTER)


@pytest.fixture(params=["s3", "folder"])
def storage(request: pytest.FixtureRequest, s3: Any, tmp_path: Path) -> Storage:
    return S3Storage(s3, BUCKET) if request.param == "s3" else FolderStorage(tmp_path / "new" / "folder")


def left_lock(age: timedelta, **who: str | int) -> bytes:
    renewed = (datetime.now(UTC) - age).isoformat()
    owner = {
        "id": "another",
        "user": "ada",
        "host": "elsewhere",
        "machine": "another",
        "pid": 1,
        "since": "2023-05-01",
        **who,
    }
    return json.dumps({**owner, "renewed_at": renewed}).encode()


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_writing_only_if_nobody_else_has(storage: Storage) -> None:
    key = "a/b.json"
    first = storage.put_if(key, b"1", None)
    assert first is not None
    assert storage.put_if(key, b"2", None) is None
    second = storage.put_if(key, b"3", first)
    assert second not in (None, first)
    assert storage.put_if(key, b"4", first) is None
    assert storage.get(key) == (b"3", second)
    storage.delete(key)
    storage.delete(key)
    assert storage.get(key) is None
    assert storage.put_if(key, b"5", second) is None


def test_it_is_gone_after_use_and_after_a_failure(storage: Storage) -> None:
    with quarter_lock(storage, QUARTER):
        assert storage.list(keys.prefetch_prefix(QUARTER)) == [KEY]
    with pytest.raises(ZeroDivisionError), quarter_lock(storage, QUARTER):
        raise ZeroDivisionError
    assert storage.list(keys.prefetch_prefix(QUARTER)) == []


def test_a_second_one_is_refused_and_leaves_the_first_alone(storage: Storage) -> None:
    with quarter_lock(storage, QUARTER) as first:
        before = storage.get(KEY)
        refused = f"2023Q1 is being prefetched already, by .* process {os.getpid()}"
        with pytest.raises(PrefetchRunning, match=refused), quarter_lock(storage, QUARTER):
            pytest.fail("two have it")
        assert storage.get(KEY) == before
        first.check()


@pytest.mark.parametrize(
    ("left", "is_taken_over"),
    [
        (left_lock(timedelta(seconds=10)), False),
        (left_lock(EXPIRES + timedelta(seconds=1)), True),
    ],
)
def test_a_lock_that_was_left_counts_until_it_expires(storage: Storage, left: bytes, is_taken_over: bool) -> None:
    storage.put(KEY, left)
    if is_taken_over:
        with quarter_lock(storage, QUARTER) as taken:
            taken.check()
        assert storage.get(KEY) is None
        return
    refused = "by ada on elsewhere, process 1, since 2023-05-01: wait"
    with pytest.raises(PrefetchRunning, match=refused), quarter_lock(storage, QUARTER):
        pytest.fail("it was not free")
    assert (storage.get(KEY) or (b"", ""))[0] == left


def test_a_lock_of_a_killed_local_process_does_not_block(storage: Storage) -> None:
    with quarter_lock(storage, QUARTER):
        ours = json.loads((storage.get(KEY) or (b"", ""))[0])
    storage.put(KEY, left_lock(timedelta(seconds=1), machine=ours["machine"], pid=dead_process()))
    with quarter_lock(storage, QUARTER) as taken:
        taken.check()


def test_another_machine_of_the_same_name_is_another_one(storage: Storage) -> None:
    storage.put(KEY, left_lock(timedelta(seconds=1), host=socket.gethostname(), pid=dead_process()))
    with pytest.raises(PrefetchRunning, match="by ada on"), quarter_lock(storage, QUARTER):
        pytest.fail("its process may run there")


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda storage: storage.put(KEY, left_lock(timedelta(0))),  # another is at work
        lambda storage: storage.delete(KEY),  # another was, and is done
    ],
    ids=["at work", "done"],
)
def test_whoever_was_away_stops_before_the_next_write(storage: Storage, meanwhile: Callable[[Storage], None]) -> None:
    with quarter_lock(storage, QUARTER) as ours:
        ours.check()
        meanwhile(storage)
        there = storage.get(KEY)
        with pytest.raises(PrefetchRunning, match="has been taken over by another prefetch.*start this one again"):
            ours.check()
        with pytest.raises(PrefetchRunning):
            ours.check()
    assert storage.get(KEY) == there


class AnswersAreLost:
    """Storage that writes the lock, but whose answer to the given writes is lost.

    ``repeated``: the client then writes again and is refused, as boto3 does and is; else it gives up.
    """

    def __init__(self, storage: Storage, lost: set[int], repeated: bool) -> None:
        self._storage, self._lost, self._repeated = storage, lost, repeated
        self._n_writes = 0
        self.get, self.put, self.delete = storage.get, storage.put, storage.delete
        self.list, self.where = storage.list, storage.where

    def put_if(self, key: str, body: bytes, version: str | None) -> str | None:
        new = self._storage.put_if(key, body, version)
        self._n_writes += 1
        if self._n_writes not in self._lost:
            return new
        if self._repeated:
            return self._storage.put_if(key, body, version)
        raise EndpointConnectionError(endpoint_url="https://s3")


def test_a_write_that_was_repeated_is_not_taken_for_anothers(storage: Storage) -> None:
    losing = AnswersAreLost(storage, {1, 3}, repeated=True)
    with quarter_lock(losing, QUARTER) as ours:
        for _ in range(3):
            ours.check()
            refused = f"by .* process {os.getpid()}, since"
            with pytest.raises(PrefetchRunning, match=refused), quarter_lock(storage, QUARTER):
                pytest.fail("two have it")
    assert storage.get(KEY) is None


def test_a_write_of_which_nobody_knows_whether_it_was_done(storage: Storage) -> None:
    losing = AnswersAreLost(storage, {2}, repeated=False)
    with quarter_lock(losing, QUARTER) as ours:
        with pytest.raises(EndpointConnectionError):
            ours.check()
        ours.check()
    assert storage.get(KEY) is None


def test_an_unfinished_renewal_does_not_leave_the_lock(storage: Storage) -> None:
    losing = AnswersAreLost(storage, {2}, repeated=False)
    with pytest.raises(EndpointConnectionError), quarter_lock(losing, QUARTER) as ours:
        ours.check()
    assert storage.get(KEY) is None
