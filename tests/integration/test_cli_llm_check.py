"""``ftm llm check`` against a server that answers well, oddly, or not at all."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.src.cli import llm_check
from cloud.src.cli.__main__ import EXIT_FAILED, EXIT_WRONG_INPUT, run
from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.fake_llm import Reply, fails, fake_llm, says

NAMED = says('{"title": "Wildfire Losses"}')
ON_ECS = "http://ftm-vllm-alb.invalid/v1"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "LLM_API_KEY", "LLM_BASE_URL", "LLM_MODEL_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # the code under test changes them: put back after the test
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(llm_check, "PATIENCE_S", 0)


def findings(output: str) -> dict[str, str]:
    lines = [line.split("  ", 1) for line in output.splitlines()]
    return {about.strip(): finding.strip() for about, finding in lines}


def test_a_good_server(capsys: pytest.CaptureFixture[str]) -> None:
    with fake_llm(NAMED, counted("One two three.", 40)) as llm:
        assert run(["llm", "check", "--url", llm.base_url]) == 0

    found = findings(capsys.readouterr().out)
    assert found["server"] == llm.base_url
    assert found["cost"] == "$0.00 an hour: it is on this machine"
    assert found["health"].endswith("/health answers 200")
    assert found["models"] == "m"
    assert found["model"] == "m, its only one: set LLM_MODEL_NAME to it for a run"
    assert found["structured output"].startswith("yes: JSON schema by response_format")
    assert found["name"] == "Wildfire Losses"
    latency = re.match(r"(\d+\.\d\d) s for this answer; a name took the small model 4.2 answers", found["latency"])
    assert latency is not None
    assert "40 tokens in" in found["speed"]
    assert {request.body["model"] for request in llm.requests} == {"m"}
    assert "Wildfire claims added" in llm.requests[0].body["messages"][-1]["content"]


def counted(text: str, tokens: int) -> Reply:
    """A completion of a server that counts its tokens."""
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    return Reply(body={**says(text).body, "usage": usage})


def test_what_the_server_cannot_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LLM_MODEL_NAME", "mine")
    with fake_llm(NAMED, honours=frozenset(), health=fails(404)) as llm:
        assert run(["llm", "check", "--url", llm.base_url]) == 0

    found = findings(capsys.readouterr().out)
    assert found["health"].endswith("/health answers 404")
    assert found["model"] == "mine (LLM_MODEL_NAME)"
    assert found["structured output"].startswith("no: JSON schema by the prompt's examples")
    assert found["speed"] == "not known: the server does not count its tokens"


def test_a_name_a_run_would_refuse_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with fake_llm(says('{"title": "Losses and"}')) as llm:
        assert run(["llm", "check", "--url", llm.base_url]) == 0

    assert findings(capsys.readouterr().out)["name"] == 'Losses and (a run would ask again: it ends with "and")'


def test_a_refused_list_of_models_does_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    with fake_llm(NAMED, models=fails(403)) as llm:
        assert run(["llm", "check", "--url", llm.base_url]) == 0

    found = findings(capsys.readouterr().out)
    assert found["models"] == "not listed: it answers 403"
    assert found["name"] == "Wildfire Losses"


@pytest.mark.parametrize(
    ("replies", "traits", "error"),
    [
        ([says("No JSON.")], {}, "the answer has not the form asked for"),
        ([NAMED], {"models": fails(401), "greeting": fails(401)}, "it answers 401"),
        ([NAMED], {"models": Reply(body="<html>welcome</html>")}, "does not answer like one: is the URL right?"),
        ([NAMED], {"failure": fails(503)}, "it answers 503"),
        ([NAMED], {"greeting": fails(404, what="no model m")}, "it answers 404: "),
        ([NAMED, fails(500)], {}, "the server has named a topic, but fails at a longer text"),
    ],
    ids=["no name", "key", "page", "down", "model", "longer text"],
)
def test_a_server_that_cannot_name_is_one_clear_line(
    replies: list[Reply], traits: dict[str, Any], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_llm(*replies, **traits) as llm:
        assert run(["llm", "check", "--url", llm.base_url]) == EXIT_FAILED

    said = capsys.readouterr().err
    assert error in said
    assert said.count("\n") == 1


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # not listening
        base_url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        assert run(["llm", "check", "--url", base_url]) == EXIT_FAILED

    assert f"ftm: LLM server {base_url} does not answer: " in capsys.readouterr().err


def test_something_that_does_not_speak_http(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet_as_mail_servers_do() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=greet_as_mail_servers_do)
        thread.start()
        base_url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        assert run(["llm", "check", "--url", base_url]) == EXIT_FAILED
        thread.join()

    assert capsys.readouterr().err.startswith(f"ftm: LLM server {base_url} does not answer: ")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("nothing", "is not a URL"),
        ("http://user:secret@host/v1", "give the key as LLM_API_KEY"),
        ("https://api.x.ai/v1", "LLM_API_KEY is not set: the Grok API needs one"),
    ],
)
def test_wrong_input(url: str, error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["llm", "check", "--url", url]) == EXIT_WRONG_INPUT

    output = capsys.readouterr()
    assert error in output.err
    assert "secret" not in output.err + output.out


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """An AWS whose vLLM service is at ON_ECS."""
    with local_aws() as started:
        started.client("ssm").put_parameter(Name="/ftm/vllm/base_url", Value=ON_ECS, Type="String")
        for name, value in started.endpoint.variables(started.region).items():
            monkeypatch.setenv(name, value)
        yield started


def test_the_service_on_ecs_costs_money(aws: LocalAws) -> None:
    assert llm_check.cost(ON_ECS) == "about $0.37 an hour while its instance runs: it is the vLLM service on ECS"
    assert llm_check.cost("https://api.x.ai/v1").startswith("not known: it is not the vLLM service on ECS")


def test_without_an_aws_the_cost_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    nothing = str(tmp_path / "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", nothing)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", nothing)

    assert llm_check.cost(ON_ECS).startswith("not known: ")
