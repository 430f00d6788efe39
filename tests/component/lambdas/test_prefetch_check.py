from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud.src.contract.errors import InvalidInput
from cloud.src.lambdas import prefetch_check

BUCKET = "ftm-pipeline-test"
MANIFEST_KEY = "prefetch/transcripts/quarter=2023Q1/manifest.json"


@pytest.fixture(autouse=True)
def new_client() -> None:
    prefetch_check._s3.cache_clear()


def test_prefetched_quarter_exists_with_its_number_of_firms(s3: Any) -> None:
    firms = {"100": "chunk_0000.parquet", "200": "chunk_0000.parquet"}
    s3.put_object(Bucket=BUCKET, Key=MANIFEST_KEY, Body=json.dumps({"quarter": "2023Q1", "firms": firms}))

    answer = prefetch_check.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)

    assert answer == {
        "exists": True,
        "quarter": "2023Q1",
        "bucket": BUCKET,
        "manifest_key": MANIFEST_KEY,
        "n_firms": 2,
    }


def test_quarter_with_chunks_but_without_manifest_does_not_exist(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="prefetch/transcripts/quarter=2023Q1/chunk_0000.parquet", Body=b"unfinished")

    answer = prefetch_check.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)

    assert (answer["exists"], answer["n_firms"]) == (False, 0)


def test_prefetched_quarter_without_firms_exists(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=MANIFEST_KEY, Body=b'{"firms": {}}')

    answer = prefetch_check.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)

    assert (answer["exists"], answer["n_firms"]) == (True, 0)


@pytest.mark.parametrize(
    "body", [b"", b"{half a manif", b"[]", b'{"quarter": "2023Q1"}', b'{"firms": 3}', b'{"firms": null}', b"\xff\xfe"]
)
def test_unreadable_manifest_is_named(s3: Any, body: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key=MANIFEST_KEY, Body=body)

    with pytest.raises(InvalidInput, match=f"s3://{BUCKET}/{MANIFEST_KEY} is not a prefetch manifest"):
        prefetch_check.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)


def test_missing_bucket_is_named(s3: Any) -> None:
    with pytest.raises(InvalidInput, match="bucket 'ftm-no-such-bucket' does not exist"):
        prefetch_check.handler({"quarter": "2023Q1", "bucket": "ftm-no-such-bucket"}, None)


def test_other_s3_errors_do_not_mean_a_missing_manifest(s3: Any) -> None:
    everyone = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    s3.put_object(Bucket=BUCKET, Key=MANIFEST_KEY, Body=b'{"firms": {}}')
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [everyone]}))
    try:
        with pytest.raises(ClientError, match="403|AccessDenied"):
            prefetch_check.handler({"quarter": "2023Q1", "bucket": BUCKET}, None)
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"bucket": BUCKET}, "the input has no quarter"),
        ({"quarter": "2023Q5", "bucket": BUCKET}, "quarter '2023Q5' is not a quarter"),
        ({"quarter": "2023Q1\n", "bucket": BUCKET}, "is not a quarter"),
        ({"quarter": 20231, "bucket": BUCKET}, "quarter 20231 is not a quarter"),
        ({"quarter": "2023Q1"}, "the input has no bucket"),
        ({"quarter": "2023Q1", "bucket": "Bad_Bucket"}, "bucket 'Bad_Bucket' is not a valid S3 bucket name"),
        ({"quarter": "2023Q1", "bucket": "../x"}, "is not a valid S3 bucket name"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": 0}, "batch_size 0 is not a whole number from 1 to 5000"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": "50"}, "batch_size '50' is not a whole number"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "batch_size": True}, "batch_size True is not a whole number"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "topic_naming": "LLM"}, "topic_naming 'LLM' is neither"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "topic_naming": None}, "topic_naming None is neither"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "theme_naming": "LLM"}, "theme_naming 'LLM' is neither"),
        (
            {"quarter": "2023Q1", "bucket": BUCKET, "batchsize": 5},
            "unknown field 'batchsize': did you mean 'batch_size'?",
        ),
        ({"Quarter": "2023Q1", "bucket": BUCKET}, "unknown field 'Quarter': did you mean 'quarter'?"),
        ({"quarter": "2023Q1", "bucket": BUCKET, "x" * 99: 1}, "the fields are quarter, bucket, batch_size,"),
    ],
)
def test_bad_input_is_one_clear_line_before_any_call(no_aws: None, event: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        prefetch_check.handler(event, None)

    assert message in str(error.value)
    assert "\n" not in str(error.value)
