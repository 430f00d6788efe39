"""Only one execution at a time runs a quarter."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput, QuarterRunning
from cloud.src.lambdas import create_batch_manifest, running_quarter

BUCKET = "ftm-pipeline-test"
QUARTER = "2023Q1"
KEY = keys.running(QUARTER)
FIRST, SECOND = (f"arn:aws:states:us-east-1:1:execution:ftm-quarter-processor:{name}" for name in ("first", "second"))


class States:
    """What Step Functions knows of each execution."""

    def __init__(self, **statuses: str) -> None:
        self._statuses = statuses

    def describe_execution(self, executionArn: str) -> dict[str, str]:  # noqa: N803  # as boto3 calls it
        name = executionArn.rpartition(":")[2]
        if name not in self._statuses:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")
        return {"status": self._statuses[name]}


def holder(s3: Any) -> str:
    return str(json.load(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"])["execution"])


def test_a_free_quarter_is_claimed_and_reclaimed_by_its_holder(s3: Any) -> None:
    for _ in range(2):
        running_quarter.claim(s3, States(), BUCKET, QUARTER, FIRST)

    assert holder(s3) == FIRST


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_a_second_execution_is_refused_and_told_of_the_first(s3: Any, status: str) -> None:
    running_quarter.claim(s3, States(), BUCKET, QUARTER, FIRST)

    with pytest.raises(QuarterRunning, match=f"quarter 2023Q1 is already being run by {FIRST}"):
        running_quarter.claim(s3, States(first=status), BUCKET, QUARTER, SECOND)

    assert holder(s3) == FIRST


@pytest.mark.parametrize("statuses", [{"first": "ABORTED"}, {"first": "TIMED_OUT"}, {"first": "FAILED"}, {}])
def test_a_quarter_is_taken_over_from_an_ended_execution(s3: Any, statuses: dict[str, str]) -> None:
    running_quarter.claim(s3, States(), BUCKET, QUARTER, FIRST)

    running_quarter.claim(s3, States(**statuses), BUCKET, QUARTER, SECOND)

    assert holder(s3) == SECOND


def test_of_several_at_once_exactly_one_runs(s3: Any) -> None:
    states = States(**{f"e{number}": "RUNNING" for number in range(4)})

    together = threading.Barrier(2)  # ready for the next round once both have passed

    def start(number: int) -> bool:
        together.wait()
        try:
            running_quarter.claim(s3, states, BUCKET, QUARTER, f"{FIRST[:-5]}e{number}")
        except QuarterRunning:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for _ in range(100):
            started = list(pool.map(start, range(2)))
            assert sorted(started) == [False, True]
            s3.delete_object(Bucket=BUCKET, Key=KEY)


def test_only_its_holder_releases_a_quarter(s3: Any) -> None:
    running_quarter.claim(s3, States(), BUCKET, QUARTER, FIRST)

    running_quarter.release(s3, BUCKET, QUARTER, SECOND)
    assert holder(s3) == FIRST

    running_quarter.release(s3, BUCKET, QUARTER, FIRST)
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=KEY)["KeyCount"] == 0


def test_a_damaged_mark_is_named(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"{half")

    with pytest.raises(InvalidInput, match="_running.json is not the mark of a running quarter"):
        running_quarter.claim(s3, States(), BUCKET, QUARTER, FIRST)


def test_only_executions_claim_a_quarter_and_failures_release_it(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create_batch_manifest._s3.cache_clear()
    monkeypatch.setattr(create_batch_manifest, "_states", lambda: States())
    s3.put_object(Bucket=BUCKET, Key=keys.prefetch_manifest(QUARTER), Body=b'{"firms": {"1": "chunk_0000.parquet"}}')
    event = {"quarter": QUARTER, "bucket": BUCKET}

    create_batch_manifest.handler(event, None)
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=KEY)["KeyCount"] == 0

    create_batch_manifest.handler({**event, "execution": FIRST}, None)
    assert holder(s3) == FIRST

    def fail(*_: Any) -> str:
        raise RuntimeError("S3 is away")

    monkeypatch.setattr(create_batch_manifest, "_write", fail)
    with pytest.raises(RuntimeError):
        create_batch_manifest.handler({**event, "execution": FIRST}, None)
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=KEY)["KeyCount"] == 0
