"""A prefetch that is killed, at any point, and started again leaves the bytes of one to which nothing happened."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cloud.src.contract import keys
from cloud.src.prefetch.storage import FolderStorage, S3Storage, Storage
from tests.integration import prefetch_process
from tests.integration.prefetch_process import FIRMS_PER_CHUNK

QUARTER = "2023Q1"
N_FIRMS = 23
KILLS = 20
KILLS_IN_THE_POOL = 6  # each starts its processes, which takes seconds
SEED = 4

Objects = dict[str, bytes]


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield boto3.client("s3")
    server.stop()


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("transcripts") / "calls.csv"
    lines = ["company,date,text"]
    for n in range(N_FIRMS):
        text = "" if n % 7 == 6 else f"Good morning. Orders of plant {n} rose by {n}%. Costs did not."
        lines.append(f"Firm {n:02d},2023-02-01,{text}")
    path.write_text("\n".join(lines))
    return path


# More than 100 processes are started here, and each would compute for 2 s to import what a prefetch needs. So they are
# forked from one that has imported it all, and has no thread yet.
LOADED = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Start that process; without PYTHONPATH it would not find our modules."""
    LOADED.set_forkserver_preload([prefetch_process.__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]))
        forkserver.ensure_running()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A test that fails leaves processes standing still, for which Python would wait at its end."""
    yield
    for process in multiprocessing.active_children():
        process.kill()


class Prefetch:
    """The process; it stands still at each of its points until it is let go on."""

    def __init__(self, target: str, transcripts: Path, processes: int = 1) -> None:
        self._points, its_end = multiprocessing.Pipe()
        arguments = (its_end, dict(os.environ), target, QUARTER, transcripts, processes)
        self._process = LOADED.Process(target=prefetch_process.run, args=arguments)
        self._process.start()
        its_end.close()
        self.pid = self._process.pid

    def next_point(self) -> str:
        """What the process is about to do, or has done; empty when it has ended."""
        try:
            return str(self._points.recv())
        except EOFError:
            return ""

    def go_on(self) -> None:
        self._points.send(None)

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def run_to_end(self) -> list[str]:
        points: list[str] = []
        while point := self.next_point():
            points.append(point)
            if not point.startswith(("finished", "already", "refused")):
                self.go_on()
        self._end()
        return points

    def _end(self) -> None:
        self._process.join()
        self._points.close()


def place(kind: str, name: str, s3: Any, tmp_path: Path) -> tuple[str, Storage]:
    if kind == "folder":
        return str(tmp_path / name), FolderStorage(tmp_path / name)
    s3.create_bucket(Bucket=name)
    return f"s3://{name}", S3Storage(s3, name)


def objects(storage: Storage) -> Objects:
    """Everything of the quarter. When a prefetch was begun is the one thing that differs from another one."""
    found: Objects = {}
    for key in storage.list(keys.prefetch_prefix(QUARTER)):
        body = (storage.get(key) or (b"", ""))[0]
        if key == keys.prefetch_manifest(QUARTER):
            body = json.dumps({**json.loads(body), "created_at": None}).encode()
        found[key] = body
    return found


def begun_at(storage: Storage, key: str) -> str | None:
    found = storage.get(key)
    return json.loads(found[0])["created_at"] if found else None


@pytest.mark.parametrize(
    ("kind", "processes", "kills"), [("s3", 1, KILLS), ("folder", 1, KILLS), ("folder", 2, KILLS_IN_THE_POOL)]
)
def test_killed_at_20_points_and_restarted_gives_the_same_bytes(
    kind: str, processes: int, kills: int, s3: Any, transcripts: Path, tmp_path: Path
) -> None:
    target, storage = place(kind, f"undisturbed-{kind}", s3, tmp_path)
    points = Prefetch(target, transcripts).run_to_end()
    undisturbed = objects(storage)
    assert points[-1] == "finished"
    assert len(undisturbed) == 8  # 20 firms with content in chunks of 3, and the manifest

    places = random.Random(SEED).sample(range(len(points) - 1), kills)
    for number, n_points in enumerate(places):
        target, storage = place(kind, f"killed-{kind}-{number}", s3, tmp_path)
        killed = Prefetch(target, transcripts, processes)
        for _ in range(n_points):
            killed.next_point()
            killed.go_on()
        at = killed.next_point()
        killed.kill()
        began = begun_at(storage, keys.prefetch_checkpoint(QUARTER))
        firms_done = sum(point.startswith("firm") for point in points[:n_points])

        again = Prefetch(target, transcripts, processes).run_to_end()

        assert objects(storage) == undisturbed, f"killed at point {n_points}: {at}"
        assert began in (None, begun_at(storage, keys.prefetch_manifest(QUARTER))), at
        done_again = sum(point.startswith("firm") for point in again)
        assert done_again <= N_FIRMS - firms_done + FIRMS_PER_CHUNK + 1, f"{at}: it began all over"


@pytest.mark.parametrize("name", [".chunk_0001.parquet", "._checkpoint.json", ".manifest.json", "._lock.json"])
def test_unnamed_files_are_gone_in_the_end(name: str, transcripts: Path, tmp_path: Path) -> None:
    killed = Prefetch(str(tmp_path), transcripts)
    while not (point := killed.next_point()).startswith(f"rename {name}"):
        killed.go_on()
    killed.kill()
    storage = FolderStorage(tmp_path)
    assert f"{keys.prefetch_prefix(QUARTER)}{point.removeprefix('rename ')}" in objects(storage)

    assert Prefetch(str(tmp_path), transcripts).run_to_end()[-1] == "finished"

    assert sorted(objects(storage)) == sorted(
        [*(keys.prefetch_chunk(QUARTER, number) for number in range(7)), keys.prefetch_manifest(QUARTER)]
    )


def test_killed_again_and_again_it_still_gets_there(s3: Any, transcripts: Path, tmp_path: Path) -> None:
    target, storage = place("s3", "again-and-again", s3, tmp_path)
    manifests: list[bool] = []
    for _ in range(5):
        process = Prefetch(target, transcripts)
        while keys.prefetch_chunk(QUARTER, 0)[:-9] not in (point := process.next_point()) or "has put" not in point:
            process.go_on()
        process.go_on()
        assert process.next_point() == f"put {keys.prefetch_checkpoint(QUARTER)}"
        process.go_on()
        process.next_point()
        process.kill()
        manifests.append(storage.get(keys.prefetch_manifest(QUARTER)) is not None)
    assert manifests == [False] * 5  # nobody has seen half a quarter

    assert Prefetch(target, transcripts).run_to_end()[-1] == "finished"

    other, undisturbed = place("s3", "not-killed", s3, tmp_path)
    Prefetch(other, transcripts).run_to_end()
    assert {key: body for key, body in objects(storage).items() if key.endswith(".parquet")} == {
        key: body for key, body in objects(undisturbed).items() if key.endswith(".parquet")
    }


@pytest.mark.parametrize("kind", ["s3", "folder"])
def test_a_second_prefetch_stops_and_names_the_first(kind: str, s3: Any, transcripts: Path, tmp_path: Path) -> None:
    target, storage = place(kind, f"two-{kind}", s3, tmp_path)
    first = Prefetch(target, transcripts)
    while first.next_point() != "firm 5":
        first.go_on()
    before = objects(storage)

    said = Prefetch(target, transcripts).run_to_end()

    assert len(said) == 1
    assert said[0].startswith("refused: 2023Q1 is being prefetched already, by ")
    assert f"process {first.pid}, since 20" in said[0]
    assert objects(storage) == before
    first.go_on()
    assert first.run_to_end()[-1] == "finished"
    assert Prefetch(target, transcripts).run_to_end()[-1] == "already there"
