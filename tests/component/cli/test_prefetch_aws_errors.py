"""What S3 refuses is one line and exit code 1: a real HTTP server answers as S3 does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from cloud.src.cli.__main__ import EXIT_FAILED, run
from tests.component.conftest import BUCKET

NOT_THERE: tuple[int, str, dict[str, str]] = (404, "NoSuchKey", {})


@contextmanager
def s3_that_refuses(status: int, code: str, headers: dict[str, str], only: str) -> Iterator[tuple[str, list[str]]]:
    """An S3 that answers requests of the method ``only`` with an error; others find nothing. Yields URL, methods."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(self.command)
            what = (status, code, headers) if self.command == only else NOT_THERE
            body = f"<Error><Code>{what[1]}</Code><Message>The message of S3</Message></Error>".encode()
            self.send_response(what[0])
            for name, value in {**what[2], "Content-Type": "application/xml", "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = do  # noqa: N815 (the base class's names)

        def log_message(self, *_: Any) -> None:
            """Nothing on the screen of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def prefetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """Prefetch into a bucket of an S3 at some URL; the line of its failure."""
    transcripts = tmp_path / "calls.csv"
    transcripts.write_text("company,date,text\nAcme,2023-02-01,Sales grew by a tenth.\n")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")  # else boto3 waits longer and longer between five

    def failure(url: str, to: str = f"s3://{BUCKET}") -> str:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert run(["prefetch", "2023Q1", "--from", str(transcripts), "--to", to]) == EXIT_FAILED
        lines = capsys.readouterr().err.splitlines()
        failures = [line for line in lines if line.startswith("ftm: ")]
        assert failures == lines[-1:]
        return failures[0].removeprefix("ftm: ")

    return failure


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("status", "code", "headers", "said"),
    [
        (
            503,
            "SlowDown",
            {},
            "AWS is throttling requests, even after several attempts: wait a few minutes; run the same",
        ),
        (400, "ExpiredToken", {}, "the AWS credentials have expired: log in again"),
        (403, "InvalidAccessKeyId", {}, "AWS does not know these credentials: check AWS_PROFILE"),
        (403, "SignatureDoesNotMatch", {}, "AWS does not know these credentials: check AWS_PROFILE"),
        (403, "RequestTimeTooSkewed", {}, "this machine's clock is wrong"),
        (404, "NoSuchBucket", {}, f"there is no bucket {BUCKET}: check --to"),
        (
            301,
            "PermanentRedirect",
            {"x-amz-bucket-region": "eu-west-1"},
            f"the bucket {BUCKET} is in eu-west-1: set AWS_DEFAULT_REGION to that",
        ),
        (403, "AccessDenied", {}, "AWS does not allow {operation}: the prefetch needs s3:GetObject"),
        (500, "InternalError", {}, "AWS: An error occurred (InternalError) when calling the {operation} operation"),
    ],
)
def test_each_refusal_is_one_line(
    method: str, status: int, code: str, headers: dict[str, str], said: str, prefetch: Callable[[str], str]
) -> None:
    with s3_that_refuses(status, code, headers, only=method) as (url, asked):
        line = prefetch(url)
    operation = {"GET": "GetObject", "PUT": "PutObject"}[method]
    assert line.startswith(said.format(operation=operation))
    assert method in asked


def test_throttling_is_tried_again_before_it_is_an_error(prefetch: Callable[[str], str]) -> None:
    with s3_that_refuses(503, "SlowDown", {}, only="GET") as (url, asked):
        prefetch(url)
    assert len(asked) > 1


def test_a_bucket_that_is_not_there(s3: Any, aws_endpoint: str, prefetch: Callable[..., str]) -> None:
    assert prefetch(aws_endpoint, "s3://ftm-other").startswith("there is no bucket ftm-other: check --to")


def test_a_machine_without_network(prefetch: Callable[[str], str]) -> None:
    with s3_that_refuses(500, "", {}, only="") as (url, _):
        pass
    assert prefetch(url).startswith("AWS cannot be used: Could not connect to the endpoint URL")


def test_a_login_that_has_expired(
    tmp_path: Path, prefetch: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``aws sso login`` leaves a token that is good for some hours; this profile has none any more."""
    config = tmp_path / "config"
    config.write_text(
        "[profile ftm]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://sso.invalid/start\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "ftm")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert prefetch("").startswith("the AWS login has expired: aws sso login")
