"""The real server with the real small model."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
import tenacity

from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.llm import local_server
from cloud.src.llm.local_server import LocalLlm, local_llm
from cloud.src.models import packaged_models

# A process that uses the server and tells us where it is, until somebody kills it.
USER_OF_THE_SERVER = """
import signal
from cloud.src.llm.local_server import local_llm
with local_llm() as server:
    print(server.base_url, flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalLlm]:
    with local_llm() as server:
        yield server


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process with pipes, which is gone afterwards."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def server_process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server on a free port, and its base URL."""
    with process("-m", "cloud.src.llm.local_server", *arguments) as server:
        assert server.stdout is not None
        yield server, json.loads(server.stdout.readline())["base_url"]


def port_of(base_url: str) -> int:
    return int(base_url.removesuffix("/v1").rpartition(":")[2])


@tenacity.retry(stop=tenacity.stop_after_delay(20), wait=tenacity.wait_fixed(0.05), reraise=True)
def assert_nobody_listens(base_url: str) -> None:
    with socket.socket() as connection:
        assert connection.connect_ex(("127.0.0.1", port_of(base_url))) != 0


def models_of(server: LocalLlm) -> list[str]:
    assert server.api_key is not None
    client = openai.OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0)
    return [model.id for model in client.models.list().data]


def send(server: LocalLlm, method: str, path: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server.base_url))
    connection.request(method, path, "{}", {"Content-Type": "application/json", **(headers or {})})
    return connection.getresponse()


def test_another_key_than_that_of_its_own_run_is_refused(server: LocalLlm) -> None:
    with local_llm() as other:
        assert other.api_key != server.api_key
    for key in ("none", other.api_key):
        with pytest.raises(openai.AuthenticationError):
            models_of(LocalLlm(server.base_url, key))


@pytest.mark.parametrize("path", ["/models", "/v1/models", "/props", "/slots", "/metrics", "/v1/chat/completions"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_key_nothing_is_answered(server: LocalLlm, method: str, path: str) -> None:
    answer = send(server, method, path)
    assert answer.status == 401


@pytest.mark.parametrize("origin", ["http://example.com", "http://127.0.0.1", "null"])
def test_no_page_may_read_an_answer(server: LocalLlm, origin: str) -> None:
    key = {"Authorization": f"Bearer {server.api_key}", "Origin": origin}
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for method, headers in (("GET", key), ("OPTIONS", asks)):
        answer = send(server, method, "/v1/models", headers)
        assert answer.headers.get("Access-Control-Allow-Origin", "") == ""


def test_the_key_is_on_no_command_line(server: LocalLlm) -> None:
    commands = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "cloud.src.llm.local_server" in commands
    assert str(server.api_key) not in commands + repr(server)


def test_ends_with_the_context() -> None:
    with local_llm() as server:
        assert models_of(server) == [packaged_models.LLM]

    assert_nobody_listens(server.base_url)


def test_ends_with_the_context_that_fails() -> None:
    with pytest.raises(ZeroDivisionError), local_llm() as server:
        raise ZeroDivisionError

    assert_nobody_listens(server.base_url)


def test_ends_when_its_user_is_killed() -> None:
    with process("-c", USER_OF_THE_SERVER) as user:
        assert user.stdout is not None
        base_url = user.stdout.readline().strip()
        assert base_url
        user.kill()

        assert_nobody_listens(base_url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_on_a_signal(number: signal.Signals) -> None:
    with server_process() as (server, base_url):
        server.send_signal(number)

        assert server.wait(20) == 0
    assert_nobody_listens(base_url)


def test_ends_with_its_standard_input() -> None:
    with server_process("--watch-stdin") as (server, _):
        assert server.stdin is not None
        server.stdin.close()

        assert server.wait(20) == 0


def test_port_in_use(server: LocalLlm) -> None:
    port = port_of(server.base_url)

    with pytest.raises(InvalidInput, match=f"port {port} on 127.0.0.1 cannot be used"), local_llm(port):
        pass
    with process("-m", "cloud.src.llm.local_server", "--port", str(port)) as second:
        output, errors = second.communicate(timeout=60)
        assert (second.returncode, output) == (1, "")
        assert errors.startswith(f"local LLM: port {port} on 127.0.0.1 cannot be used")
        assert errors.count("\n") == 1


def test_another_file_of_the_same_name_is_another_model(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine" / "model.gguf", tmp_path / "other" / "model.gguf"
    for file, content in ((mine, b"GGUF 1"), (other, b"GGUF 2")):
        file.parent.mkdir()
        file.write_bytes(content)
    names = {local_server.name_of(mine), local_server.name_of(other)}

    assert len(names) == 2
    assert all(re.fullmatch(r"model\.gguf@[0-9a-f]{12}", name) for name in names)
    mine.write_bytes(b"GGUF 3")
    assert local_server.name_of(mine) not in names


def test_a_file_of_ones_own_is_served_under_its_name(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.symlink_to(packaged_models.ensure(packaged_models.LLM) / "model.gguf")

    with local_llm(model=own) as server:
        [served] = models_of(server)

    assert served == local_server.name_of(own) == "own.gguf@b179c9523d0e"


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_text("hello")
    with pytest.raises(InvalidInput, match="model.gguf is not a GGUF file"), local_llm(model=tmp_path / "model.gguf"):
        pass
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\0\0\0")
    with pytest.raises(FtmError, match="did not start"), local_llm(model=tmp_path / "cut.gguf"):
        pass

    with process("-m", "cloud.src.llm.local_server", "--model", str(tmp_path / "other.gguf")) as server:
        _, errors = server.communicate(timeout=60)
        assert server.returncode == 1
        assert errors == f"local LLM: there is no model file {tmp_path / 'other.gguf'}\n"
