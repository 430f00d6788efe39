"""The job that asks for one name: what it logs, and that it fails where map jobs would get no names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from cloud.src.worker import check_llm
from cloud.src.worker.__main__ import main
from tests.integration.fake_llm import Reply, fails, fake_llm, says

NAMED = says('{"title": "Wildfire Claims"}')


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A second of patience, no settings of this machine, and the log's level as it was."""
    monkeypatch.setattr(check_llm, "PATIENCE_S", 1.0)
    for name in ("LLM_BASE_URL", "LLM_API_KEY", "LLM_MODEL_NAME", "LLM_OUTAGE_LIMIT_S", "LLM_TOPIC_LIMIT_S"):
        monkeypatch.delenv(name, raising=False)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield
    logging.getLogger().setLevel(level)


def check(monkeypatch: pytest.MonkeyPatch, url: str) -> int:
    monkeypatch.setenv("LLM_BASE_URL", url)
    return main(["check"])


def test_it_logs_where_it_asks_and_the_name(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with fake_llm(NAMED) as llm:
        assert check(monkeypatch, llm.base_url) == 0

    said = [record.getMessage() for record in caplog.records if record.name == check_llm.__name__]
    assert said[0] == f"LLM_BASE_URL={llm.base_url}, model Qwen/Qwen3-8B"
    assert said[-1].startswith("it names a topic 'Wildfire Claims' after ")


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"failure": fails(401)}, "LlmMisconfigured"),
        ({"failure": fails(403)}, "LlmMisconfigured"),
        ({"failure": fails(404)}, "LlmMisconfigured"),
        ({"failure": fails(503)}, "LlmUnavailable"),
    ],
    ids=["401", "403", "404", "503"],
)
def test_a_refusing_or_absent_server_fails_the_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answers: dict[str, Any], error: str
) -> None:
    with fake_llm(NAMED, **answers) as llm:
        assert check(monkeypatch, llm.base_url) == 1

    assert caplog.messages[-1].startswith(f"{error}: ")


@pytest.mark.parametrize("reply", [says(""), says("{}")], ids=["empty", "no title"])
def test_an_answer_without_a_name_fails_the_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    with fake_llm(reply) as llm:
        assert check(monkeypatch, llm.base_url) == 1

    assert caplog.messages[-1].startswith("LlmBadAnswer: ")


def test_nobody_there_fails_the_job(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    assert check(monkeypatch, "http://127.0.0.1:9/v1") == 1
    assert caplog.messages[-1].startswith("LlmUnavailable: ")


def test_without_any_llm_the_setting_that_is_missing_is_named(caplog: pytest.LogCaptureFixture) -> None:
    assert main(["check"]) == 1
    assert "LLM_API_KEY is not set" in caplog.messages[-1]
