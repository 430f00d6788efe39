from __future__ import annotations

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.llm import llm_settings

VARIABLES = ("LLM_BASE_URL", "LLM_API_KEY", "LLM_MODEL_NAME", "LLM_MAX_CONCURRENT", "LLM_OUTAGE_LIMIT_S")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_grok_api_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "key")

    settings = llm_settings.from_environment()

    assert (settings.base_url, settings.model) == ("https://api.x.ai/v1", "Qwen/Qwen3-8B")
    assert (settings.api_key, settings.max_concurrent, settings.outage_limit_s) == ("key", 8, 900)


def test_another_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {
        "LLM_BASE_URL": "http://127.0.0.1:8000/v1/",
        "LLM_MODEL_NAME": "tiny",
        "LLM_MAX_CONCURRENT": "32",
        "LLM_OUTAGE_LIMIT_S": "0",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)

    settings = llm_settings.from_environment()

    assert settings == llm_settings.LlmSettings("http://127.0.0.1:8000/v1", "tiny", None, 32, 0)
    client = settings.client()
    assert (client.base_url, client.model, client.max_concurrent) == ("http://127.0.0.1:8000/v1", "tiny", 32)


def test_arguments_override_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:8000/v1")

    assert llm_settings.from_environment("http://127.0.0.1:9000/v1").base_url == "http://127.0.0.1:9000/v1"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://user:secret@127.0.0.1:8000/v1",
        "http://secret@127.0.0.1:8000/v1",
        "http://127.0.0.1:8000/v1?api_key=secret",
        "http://127.0.0.1:8000/v1#secret",
    ],
)
def test_a_key_in_the_url_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    monkeypatch.setenv("LLM_BASE_URL", base_url)

    with pytest.raises(InvalidInput, match="give the key as LLM_API_KEY") as error:
        llm_settings.from_environment()

    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "LLM_API_KEY is not set"),
        ({"LLM_BASE_URL": "127.0.0.1:8000"}, "'127.0.0.1:8000' is not a URL"),
        ({"LLM_BASE_URL": "ftp://host/v1"}, "'ftp://host/v1' is not a URL"),
        ({"LLM_BASE_URL": "http://host:port/v1"}, "'http://host:port/v1' is not a URL"),
        ({"LLM_BASE_URL": "http://[::1/v1"}, "is not a URL"),
        ({"LLM_BASE_URL": "http://host/v1", "LLM_MAX_CONCURRENT": "0"}, "LLM_MAX_CONCURRENT '0'"),
        ({"LLM_BASE_URL": "http://host/v1", "LLM_MAX_CONCURRENT": "many"}, "LLM_MAX_CONCURRENT 'many'"),
        ({"LLM_BASE_URL": "http://host/v1", "LLM_OUTAGE_LIMIT_S": "-1"}, "LLM_OUTAGE_LIMIT_S '-1'"),
    ],
)
def test_wrong_settings(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], message: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InvalidInput, match=message.replace("[", r"\[")):
        llm_settings.from_environment()
