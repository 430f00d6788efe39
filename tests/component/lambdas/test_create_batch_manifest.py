from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput, PrefetchRequiredError
from cloud.src.lambdas import create_batch_manifest

BUCKET = "ftm-pipeline-test"
PREFETCH_MANIFEST_KEY = "prefetch/transcripts/quarter=2023Q1/manifest.json"


@pytest.fixture(autouse=True)
def new_client() -> None:
    create_batch_manifest._s3.cache_clear()


def put_prefetch_manifest(s3: Any, chunk_of_firm: dict[str, str]) -> None:
    manifest = {"quarter": "2023Q1", "source": "files", "firms": chunk_of_firm}
    s3.put_object(Bucket=BUCKET, Key=PREFETCH_MANIFEST_KEY, Body=json.dumps(manifest))


def read_batches(s3: Any, manifest_key: str) -> list[dict[str, Any]]:
    body = s3.get_object(Bucket=BUCKET, Key=manifest_key)["Body"].read().decode()
    assert body.endswith("\n")
    return [json.loads(line) for line in body.splitlines()]


def test_firms_are_divided_in_the_order_of_their_chunks(s3: Any) -> None:
    in_chunk_0, in_chunk_1 = "chunk_0000.parquet", "chunk_0001.parquet"
    put_prefetch_manifest(s3, {"7": in_chunk_1, "9": in_chunk_0, "8": in_chunk_1, "10": in_chunk_0, "11": in_chunk_1})

    answer = create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": 2}, None)

    assert read_batches(s3, answer["manifest_key"]) == [
        {"batch_id": "2023Q1_batch_0000", "firm_ids": ["10", "9"]},
        {"batch_id": "2023Q1_batch_0001", "firm_ids": ["11", "7"]},
        {"batch_id": "2023Q1_batch_0002", "firm_ids": ["8"]},
    ]
    assert answer == {
        "manifest_key": answer["manifest_key"],
        "batch_ids": ["2023Q1_batch_0000", "2023Q1_batch_0001", "2023Q1_batch_0002"],
        "n_firms": 5,
        "n_batches": 3,
    }


@pytest.fixture
def tokyo_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_manifest_key_holds_the_time_in_utc(s3: Any, tokyo_time: None) -> None:
    put_prefetch_manifest(s3, {"1": "chunk_0000.parquet"})

    key = create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)["manifest_key"]

    timestamp = re.fullmatch(r"manifests/2023Q1/manifest_(\d{8}T\d{12})Z\.jsonl", key)
    assert timestamp, key
    created_at = datetime.strptime(timestamp[1], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - created_at) < timedelta(minutes=5)


def test_batch_size_is_50_when_not_given(s3: Any) -> None:
    put_prefetch_manifest(s3, {str(firm): "chunk_0000.parquet" for firm in range(51)})

    answer = create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)

    assert [len(batch["firm_ids"]) for batch in read_batches(s3, answer["manifest_key"])] == [50, 1]


def test_each_call_writes_its_own_manifest(s3: Any) -> None:
    put_prefetch_manifest(s3, {"1": "chunk_0000.parquet"})
    event = {"quarter": "2023Q1", "bucket": BUCKET}

    first, second = (create_batch_manifest.handler(event, None)["manifest_key"] for _ in range(2))

    assert first < second
    assert read_batches(s3, first) == read_batches(s3, second)


def test_50000_firms_are_batched_once_and_fit_in_memory(s3: Any) -> None:
    """The limit leaves room in 128 MB beside Python and boto3 (about 50 MB, see bench_create_batch_manifest)."""
    chunk_of_firm = {str(10_000_000 + firm): f"chunk_{firm // 100:04d}.parquet" for firm in range(50_000)}
    put_prefetch_manifest(s3, chunk_of_firm)

    tracemalloc.start()
    answer = create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": 50}, None)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    batches = read_batches(s3, answer["manifest_key"])
    assert (answer["n_firms"], answer["n_batches"], len(batches)) == (50_000, 1000, 1000)
    assert [firm for batch in batches for firm in batch["firm_ids"]] == list(chunk_of_firm)
    assert peak_bytes < 40 * 2**20


def test_more_batches_than_fit_are_refused_before_anything_is_written(s3: Any) -> None:
    put_prefetch_manifest(s3, {str(firm): "chunk_0000.parquet" for firm in range(2001)})

    with pytest.raises(InvalidInput, match="2001 batches of 2001 firms, at most 1000 fit: use batch_size 3 or more"):
        create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": 1}, None)

    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="manifests/")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("n_firms", "batch_size"), [(0, 1), (1, 1), (1000, 1), (2000, 2), (1999, 2), (5_000_000, 5000), (4_999_999, 5000)]
)
def test_up_to_1000_batches_fit(n_firms: int, batch_size: int) -> None:
    keys.check_batches_fit(n_firms, batch_size)


@pytest.mark.parametrize(
    ("n_firms", "batch_size", "message"),
    [
        (1001, 1, "use batch_size 2 or more"),
        (2001, 2, "use batch_size 3 or more"),
        (50_000, 49, "use batch_size 50 or more"),
        (5_000_000, 4999, "use batch_size 5000 or more"),
        (5_000_001, 5000, "no batch_size up to 5000 fits more than 5000000 firms"),
        (9_000_000, 1, "no batch_size up to 5000 fits more than 5000000 firms"),
    ],
)
def test_refusal_names_the_batch_size_that_fits(n_firms: int, batch_size: int, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        keys.check_batches_fit(n_firms, batch_size)


def test_named_batch_size_does_fit() -> None:
    with pytest.raises(InvalidInput) as error:
        keys.check_batches_fit(123_456, 7)
    named = re.search(r"use batch_size (\d+)", str(error.value))
    assert named

    keys.check_batches_fit(123_456, int(named[1]))
    with pytest.raises(InvalidInput):
        keys.check_batches_fit(123_456, int(named[1]) - 1)


def test_quarter_that_is_not_prefetched(s3: Any) -> None:
    with pytest.raises(PrefetchRequiredError, match=f"2023Q1 is not prefetched: s3://{BUCKET}/{PREFETCH_MANIFEST_KEY}"):
        create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)


def test_prefetch_without_firms(s3: Any) -> None:
    put_prefetch_manifest(s3, {})

    with pytest.raises(InvalidInput, match="quarter 2023Q1 has no firms"):
        create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)


def test_missing_bucket_is_named(s3: Any) -> None:
    with pytest.raises(InvalidInput, match="bucket 'ftm-no-such-bucket' does not exist"):
        create_batch_manifest.handler({"quarter": "2023Q1", "bucket": "ftm-no-such-bucket"}, None)


@pytest.mark.parametrize("body", [b"", b"{half a manif", b"[]", b'{"firms": 3}', b"\xff"])
def test_unreadable_prefetch_manifest_is_named(s3: Any, body: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key=PREFETCH_MANIFEST_KEY, Body=body)

    with pytest.raises(InvalidInput, match=f"s3://{BUCKET}/{PREFETCH_MANIFEST_KEY} is not a prefetch manifest"):
        create_batch_manifest.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"bucket": BUCKET}, "the input has no quarter"),
        ({"quarter": "23Q1", "bucket": BUCKET}, "quarter '23Q1' is not a quarter"),
        ({"quarter": "2023Q1", "bucket": "192.168.0.1"}, "bucket '192.168.0.1' is not a valid S3 bucket name"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": 5001}, "batch_size 5001 is not a whole number from 1"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": -1}, "batch_size -1 is not a whole number"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": 1.5}, "batch_size 1.5 is not a whole number"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": None}, "batch_size None is not a whole number"),
    ],
)
def test_bad_input_is_one_clear_line_before_any_call(no_aws: None, event: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        create_batch_manifest.handler(event, None)

    assert message in str(error.value)
    assert "\n" not in str(error.value)
