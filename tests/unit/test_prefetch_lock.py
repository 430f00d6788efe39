"""The lock of a quarter, in a bucket and in a folder: who gets it, who is refused, and what a dead process leaves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.src.contract import keys
from cloud.src.contract.errors import PrefetchRunning
from cloud.src.prefetch import lock as lock_module
from cloud.src.prefetch.lock import EXPIRES, quarter_lock
from cloud.src.prefetch.storage import FolderStorage, S3Storage, Storage
from tests.unit.conftest import BUCKET

QUARTER = "2023Q1"
KEY = keys.prefetch_lock(QUARTER)


@pytest.fixture(params=["s3", "folder"])
def storage(request: pytest.FixtureRequest, s3: Any, tmp_path: Path) -> Storage:
    return S3Storage(s3, BUCKET) if request.param == "s3" else FolderStorage(tmp_path / "new" / "folder")


def left_lock(age: timedelta, host: str = "elsewhere", pid: int = 1) -> bytes:
    renewed = (datetime.now(UTC) - age).isoformat()
    return json.dumps({"user": "ada", "host": host, "pid": pid, "since": "2023-05-01", "renewed_at": renewed}).encode()


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
        (b"something else", True),
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


def test_the_lock_of_a_killed_process_of_this_machine_does_not_block(storage: Storage) -> None:
    storage.put(KEY, left_lock(timedelta(seconds=1), socket.gethostname(), dead_process()))
    with quarter_lock(storage, QUARTER) as taken:
        taken.check()


def test_a_lock_that_another_has_taken_over_stops_us_and_stays(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "RENEW_SECONDS", 0.01)
    theirs = left_lock(timedelta(0))
    with quarter_lock(storage, QUARTER) as ours:
        storage.put(KEY, theirs)
        ours._thread.join(timeout=20)  # it ends when it finds another's lock
        with pytest.raises(PrefetchRunning, match=r"_lock\.json could not be renewed"):
            ours.check()
    assert (storage.get(KEY) or (b"", ""))[0] == theirs


def test_a_process_that_was_suspended_for_long_does_not_go_on(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quarter_lock(storage, QUARTER) as ours:
        ours.check()
        monkeypatch.setattr(ours, "_renewed_at", datetime.now(UTC) - EXPIRES)
        with pytest.raises(PrefetchRunning, match="start this one again"):
            ours.check()
