"""Looks end in time, also where a service takes requests and never answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from cloud.src.lambdas import looks, notify_completion
from tests.component.conftest import use_endpoint
from tests.component.lambdas.test_notify_completion import SUCCEEDED

ANSWER_S = 0.5


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS that accepts connections and says nothing, and looks that do not wait for it for long."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        use_endpoint(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
        config = Config(connect_timeout=ANSWER_S, read_timeout=ANSWER_S, retries={"total_max_attempts": 3})
        monkeypatch.setattr(looks, "LOOK", config)
        monkeypatch.delenv("SNS_TOPIC_ARN", raising=False)
        yield


def test_no_request_is_sent_when_the_time_is_over(s3: Any) -> None:
    client = looks.Looks(seconds=60).client("s3", at_most_s=0)

    with pytest.raises(TimeoutError, match="no time is left to ask s3"):
        client.list_buckets()


def test_a_request_in_time_is_answered(s3: Any) -> None:
    assert looks.Looks().client("s3").list_buckets()["Buckets"]


def test_no_client_has_more_time_than_all_together(s3: Any) -> None:
    with pytest.raises(TimeoutError):
        looks.Looks(seconds=0).client("s3", at_most_s=60).list_buckets()


def test_the_message_is_there_in_time_where_aws_never_answers(silent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks.Looks.__init__, "__defaults__", (2.0,))
    start = time.monotonic()

    message = notify_completion.handler(SUCCEEDED, None)["message"].splitlines()

    assert time.monotonic() - start < 2 + 2 * ANSWER_S + 4  # making six clients takes its time on a busy machine
    assert message[0] == "FTM 2023Q1: succeeded"
    assert message[-2].startswith("Cost: not recorded (TimeoutError)")
    assert message[-1].startswith("vLLM: cannot see whether it is running (")
