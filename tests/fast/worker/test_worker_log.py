"""The first line of a job's log says who names things."""

from __future__ import annotations

import logging

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.worker.__main__ import start_log
from cloud.src.worker.settings import ReduceSettings

SETTINGS = ReduceSettings(quarter="2023Q1", s3_bucket="ftm-pipeline-test", manifest_key="manifests/2023Q1/m.jsonl")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_BASE_URL", "LLM_API_KEY", "LLM_MODEL_NAME"):
        monkeypatch.delenv(name, raising=False)


def test_url_and_model_come_first_and_the_key_never(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:8000/v1")
    monkeypatch.setenv("LLM_MODEL_NAME", "some/model")
    monkeypatch.setenv("LLM_API_KEY", "secret")

    with caplog.at_level(logging.INFO):
        start_log(SETTINGS, uses_llm=True)

    assert caplog.messages[0].endswith(", LLM_BASE_URL=http://127.0.0.1:8000/v1, model some/model")
    assert "secret" not in caplog.text


def test_no_llm_needs_no_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert start_log(SETTINGS, uses_llm=False) is None

    assert caplog.messages[0].endswith(", no LLM: names come from keywords")


def test_the_grok_api_needs_one() -> None:
    with pytest.raises(InvalidInput, match="LLM_API_KEY is not set"):
        start_log(SETTINGS, uses_llm=True)
