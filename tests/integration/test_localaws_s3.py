"""S3 in the local AWS, with files as large as FTM's largest and several jobs at once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.localaws_helpers import (
    PYTHON_IMAGE,
    create_queue,
    finished_job,
    printed,
    register_python_job,
    submit,
)

BUCKET = "ftm-pipeline-test"
FIFTY_MB = 50_000_000


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(job_slots=4, images=PYTHON_IMAGE) as aws:
        aws.client("s3").create_bucket(Bucket=BUCKET)
        create_queue(aws)
        yield aws


@pytest.fixture(scope="module")
def large_parquet() -> bytes:
    """Random numbers, which do not compress."""
    numbers = np.random.default_rng(1).integers(0, 2**63, FIFTY_MB // 8)
    content = io.BytesIO()
    pq.write_table(pa.table({"number": numbers}), content, use_dictionary=False, compression="none")
    assert len(content.getvalue()) >= FIFTY_MB
    return content.getvalue()


def test_a_large_file_is_put_listed_copied_and_read(aws: LocalAws, large_parquet: bytes) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key="large/a.parquet", Body=large_parquet)
    s3.copy_object(Bucket=BUCKET, Key="large/b.parquet", CopySource={"Bucket": BUCKET, "Key": "large/a.parquet"})
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="large/")["Contents"]
    sizes = {item["Key"]: item["Size"] for item in listed}
    assert sizes == {"large/a.parquet": len(large_parquet), "large/b.parquet": len(large_parquet)}
    copy = s3.get_object(Bucket=BUCKET, Key="large/b.parquet")["Body"].read()
    assert hashlib.sha256(copy).digest() == hashlib.sha256(large_parquet).digest()


def test_four_jobs_write_list_copy_and_read_at_once(aws: LocalAws) -> None:
    code = f"""
import boto3, os
s3, me = boto3.client("s3"), os.environ["AWS_BATCH_JOB_ARRAY_INDEX"]
content = me.encode() * 1_000_000
for part in range(20):
    key = f"parts/{{me}}_{{part:02d}}"
    s3.put_object(Bucket="{BUCKET}", Key=key, Body=content)
    s3.copy_object(Bucket="{BUCKET}", Key=f"copies/{{key}}", CopySource={{"Bucket": "{BUCKET}", "Key": key}})
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket="{BUCKET}", Prefix="parts/")["Contents"]]
    assert key in listed and listed == sorted(listed)
    assert s3.get_object(Bucket="{BUCKET}", Key=f"copies/{{key}}")["Body"].read() == content
print("done")
"""
    array = submit(aws, register_python_job(aws, "writes", code), arrayProperties={"size": 4})
    assert [_output(aws, f"{array}:{index}") for index in range(4)] == [["done"]] * 4
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="copies/")
    assert sum(len(page["Contents"]) for page in pages) == 80


def _output(aws: LocalAws, job_id: str) -> list[str]:
    job: dict[str, Any] = finished_job(aws, job_id)
    return printed(aws, job)
