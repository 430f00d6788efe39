"""A local S3 and SNS for the unit tests: moto's server, so that boto3 makes real HTTP requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cloud.src.localaws.moto_gaps.s3 import write_one_object_at_a_time

BUCKET = "ftm-pipeline-test"


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    write_one_object_at_a_time()  # as S3 does
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def use_endpoint(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    """What boto3 finds in the environment of a Lambda function, pointed at the local server."""
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def aws_environment(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_endpoint(monkeypatch, aws_endpoint)


@contextmanager
def bucket() -> Iterator[Any]:
    """An S3 client with an empty bucket named BUCKET, which is gone after the block."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def s3(aws_environment: None) -> Iterator[Any]:
    """An S3 client with an empty bucket named BUCKET."""
    with bucket() as client:
        yield client


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks boto3 for a client fails the test: the input has to be checked before any call."""

    def refuse(service: str, **_: Any) -> None:
        pytest.fail(f"a client of {service} was made before the input was checked")

    monkeypatch.setattr(boto3, "client", refuse)
