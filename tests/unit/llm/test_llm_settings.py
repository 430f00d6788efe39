from __future__ import annotations

import logging

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.llm import xai_client


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_BASE_URL", "LLM_API_KEY", "LLM_MODEL_NAME", "LLM_MAX_CONCURRENT"):
        monkeypatch.delenv(name, raising=False)


def test_the_grok_api_is_the_default(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("LLM_API_KEY", "key")

    with caplog.at_level(logging.INFO):
        client = xai_client.from_environment()

    assert (client.base_url, client.model, client.max_concurrent) == ("https://api.x.ai/v1", "Qwen/Qwen3-8B", 8)
    assert "https://api.x.ai/v1" in caplog.text


@pytest.mark.parametrize("base_url", ["http://user:secret@127.0.0.1:8000/v1", "http://secret@127.0.0.1:8000/v1"])
def test_a_password_in_the_url_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    monkeypatch.setenv("LLM_BASE_URL", base_url)

    with pytest.raises(InvalidInput, match="use LLM_API_KEY") as error:
        xai_client.from_environment()

    assert "secret" not in str(error.value)


def test_another_server_needs_no_key(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:8000/v1")
    monkeypatch.setenv("LLM_MODEL_NAME", "tiny")
    monkeypatch.setenv("LLM_MAX_CONCURRENT", "32")

    with caplog.at_level(logging.INFO):
        client = xai_client.from_environment()

    assert (client.base_url, client.model, client.max_concurrent) == ("http://127.0.0.1:8000/v1", "tiny", 32)
    assert "http://127.0.0.1:8000/v1" in caplog.text


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "LLM_API_KEY is not set"),
        ({"LLM_BASE_URL": "127.0.0.1:8000"}, "'127.0.0.1:8000' is not a URL"),
        ({"LLM_BASE_URL": "ftp://host/v1"}, "'ftp://host/v1' is not a URL"),
        ({"LLM_BASE_URL": "http://host/v1", "LLM_MAX_CONCURRENT": "0"}, "LLM_MAX_CONCURRENT '0'"),
        ({"LLM_BASE_URL": "http://host/v1", "LLM_MAX_CONCURRENT": "many"}, "LLM_MAX_CONCURRENT 'many'"),
    ],
)
def test_wrong_settings(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], message: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InvalidInput, match=message):
        xai_client.from_environment()
