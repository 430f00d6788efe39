"""A local S3 and SNS for the unit tests: moto's server, so that boto3 makes real HTTP requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import boto3
import pytest
from botocore import loaders
from moto.server import ThreadedMotoServer

from cloud.src.localaws.moto_gaps.s3 import write_one_object_at_a_time

BUCKET = "ftm-pipeline-test"


@pytest.fixture(scope="session", autouse=True)
def services_described_once() -> Iterator[None]:
    """botocore reads the description of a service, megabytes for EC2, once in this process, not once per session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaders, "create_loader", cache(loaders.create_loader))
        yield


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    write_one_object_at_a_time()  # as S3 does
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def clients(aws_endpoint: str) -> Callable[[str], Any]:
    """The server's client of a service, for what a test needs before and afterwards; made once, as that takes long."""
    session: Any = boto3.Session("test", "test", region_name="us-east-1")  # typed for the literal names of services
    return cache(partial(session.client, endpoint_url=aws_endpoint))


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
def bucket(client: Any) -> Iterator[Any]:
    """An S3 client with an empty bucket named BUCKET, which is gone after the block."""
    client.create_bucket(Bucket=BUCKET)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def s3(aws_environment: None, clients: Callable[[str], Any]) -> Iterator[Any]:
    """An S3 client with an empty bucket named BUCKET."""
    with bucket(clients("s3")) as client:
        yield client


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks boto3 for a client fails the test: the input has to be checked before any call."""

    def refuse(service: str, **_: Any) -> None:
        pytest.fail(f"a client of {service} was made before the input was checked")

    monkeypatch.setattr(boto3, "client", refuse)
