"""``ftm run``, killed at a random moment and started again, leaves the tables of a run to which nothing happened."""

from __future__ import annotations

import csv
import random
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.chaos.campaign import SECONDS, campaign
from tests.component.worker_quarter import CALL_DATE, QUARTER, call
from tests.e2e.ftm_process import no_process_left_behind, run_ftm, start_ftm

pytestmark = pytest.mark.skipif(
    SECONDS < 120, reason="a try starts the local AWS twice: by hand only, with FTM_CHAOS_SECONDS=120 or more"
)

N_FIRMS = 4


@pytest.fixture
def transcripts(tmp_path: Path) -> Path:
    path = tmp_path / "calls.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["company", "date", "text"])
        writer.writerows([f"Firm {number}", CALL_DATE.isoformat(), " ".join(call(number))] for number in range(N_FIRMS))
    return path


def tables_in(folder: Path) -> dict[str, pa.Table]:
    files = [*folder.glob("processed/**/*.parquet"), *folder.glob("sentiment-ready/**/*.parquet")]
    return {str(file.relative_to(folder)): pq.read_table(file, partitioning=None) for file in files}


def test_a_killed_and_repeated_ftm_leaves_the_same_tables(transcripts: Path, tmp_path: Path) -> None:
    def arguments(out: Path) -> list[object]:
        return ["run", QUARTER, "--input", transcripts, "--out", out, "--no-llm"]

    start = time.monotonic()
    ended = run_ftm(*arguments(tmp_path / "undisturbed"), CHECKPOINT_INTERVAL="1")
    took_s = time.monotonic() - start
    assert ended.returncode == 0, ended.stderr
    undisturbed = tables_in(tmp_path / "undisturbed")
    numbers = iter(range(10**9))

    def attempt(chance: random.Random) -> str:
        out = tmp_path / f"killed-{next(numbers)}"
        with no_process_left_behind():
            process = start_ftm(*arguments(out), CHECKPOINT_INTERVAL="1")
            try:
                process.communicate(timeout=chance.uniform(0, took_s))
                killed = "ended before it was killed"
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                killed = "killed"
            again = run_ftm(*arguments(out), CHECKPOINT_INTERVAL="1")
        assert again.returncode == 0, again.stderr
        tables = tables_in(out)
        assert tables.keys() == undisturbed.keys()
        for name, table in undisturbed.items():
            assert tables[name].equals(table), name
        assert not list(out.rglob(".*.partial"))
        return killed

    campaign("kills of ftm run", attempt)
