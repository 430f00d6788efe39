"""What a page of somebody else's, open in the user's browser, gets from the servers that a run has on this machine."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from selenium.webdriver import Chrome

from cloud.src.llm.local_server import local_llm
from cloud.src.localaws.environment import local_aws

# Resolves with the text that the page can read, or with the browser's refusal.
ASK = """
const [url, options, done] = arguments;
fetch(url, options).then(answer => answer.text()).then(text => done({text}), error => done({error: String(error)}));
"""
SECRET = "xai-secret"
BUCKET = {"method": "PUT", "mode": "no-cors"}
PARAMETER = {
    "method": "POST",
    "headers": {"X-Amz-Target": "AmazonSSM.PutParameter", "Content-Type": "application/x-amz-json-1.1"},
    "body": json.dumps({"Name": "from-the-page", "Value": "x", "Type": "String"}),
}
READ_SECRET = {
    "method": "POST",
    "headers": {"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1"},
    "body": json.dumps({"SecretId": "ftm/xai"}),
}
# What a browser sends without asking first.
FORM = {
    "method": "POST",
    "mode": "no-cors",
    "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    "body": "Action=CreateTopic&Name=from-the-page&Version=2010-03-31",
}


class Page(http.server.BaseHTTPRequestHandler):
    """A page, and a server that any other page may read: what a page can do where nobody refuses it."""

    def do_GET(self) -> None:  # noqa: N802  # so named by its base
        self._answer(b"<title>somebody else's</title>")

    def do_OPTIONS(self) -> None:  # noqa: N802
        self._answer(b"")

    def do_POST(self) -> None:  # noqa: N802
        self._answer(b"read by the page")

    def _answer(self, text: bytes) -> None:
        self.send_response(200)
        for header in ("Origin", "Headers", "Methods"):
            self.send_header(f"Access-Control-Allow-{header}", "*")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def web_server() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Chrome) -> Iterator[Chrome]:
    with web_server() as url:
        browser.get(url)
        yield browser


def ask(page: Chrome, url: str, options: dict[str, Any]) -> dict[str, str]:
    answer: dict[str, str] = page.execute_async_script(ASK, url, options)
    return answer


def test_a_page_can_read_where_it_is_allowed(page: Chrome) -> None:
    with web_server() as other:
        assert ask(page, f"{other}/", READ_SECRET) == {"text": "read by the page"}


def test_a_web_page_can_neither_read_nor_change_anything(page: Chrome) -> None:
    with local_aws() as aws:
        aws.client("secretsmanager").create_secret(Name="ftm/xai", SecretString=SECRET)
        answers = [ask(page, f"{aws.endpoint_url}/", request) for request in (READ_SECRET, PARAMETER, FORM)]
        answers.append(ask(page, f"{aws.endpoint_url}/from-the-page", BUCKET))
        answers.append(ask(page, f"{aws.endpoint_url}/moto-api/data.json", {}))
        assert [answer for answer in answers if answer.get("text")] == []
        assert "error" in answers[0]
        assert aws.client("ssm").describe_parameters()["Parameters"] == []
        assert aws.client("sns").list_topics()["Topics"] == []
        assert aws.client("s3").list_buckets()["Buckets"] == []


def test_a_page_gets_nothing_from_the_local_llm(page: Chrome) -> None:
    chat = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": json.dumps({"messages": []})}
    with local_llm() as llm:
        known = {"headers": {"Authorization": f"Bearer {llm.api_key}"}}
        for path, request in (("chat/completions", chat), ("models", {}), ("models", known)):
            assert "error" in ask(page, f"{llm.base_url}/{path}", request)
