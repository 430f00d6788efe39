"""A local S3, and what the campaigns found, printed at the end of the run whether they held or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.chaos import campaign
from tests.component.conftest import bucket, use_endpoint


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """An S3 client with an empty bucket, which processes that inherit the environment reach, too."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        use_endpoint(patch, f"http://{host}:{port}")
        with bucket(boto3.client("s3")) as client:
            yield client
    server.stop()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for finding in campaign.findings:
        terminalreporter.write_line(finding)
