from __future__ import annotations

import logging
from typing import Any

import pytest

from cloud.src.worker import __main__ as worker
from cloud.src.worker import image_commit
from cloud.src.worker.settings import ReduceSettings

JOB = {"quarter": "2023Q1", "s3_bucket": "ftm-pipeline-test", "manifest_key": "manifests/m.jsonl"}
LONG = "0123456789abcdef0123456789abcdef01234567"
LLM = "LLM_BASE_URL=http://127.0.0.1:1/v1, model a-model"


@pytest.mark.parametrize(
    ("commit", "deployed", "stale"),
    [
        (LONG, LONG, False),
        (LONG[:7], LONG, False),
        (LONG, LONG[:9], False),
        (LONG[:7], f"{LONG[:6]}f", True),
        (LONG, LONG.replace("4567", "4568"), True),
        (f"{LONG[:7]}-dirty", LONG[:7], True),
        (LONG[:7], f"{LONG[:7]}-dirty", True),
        # They may differ too, but nobody can tell.
        (f"{LONG[:7]}-dirty", f"{LONG[:7]}-dirty", False),
        ("unknown", LONG, False),
        (LONG, "unknown", False),
        ("unknown", "unknown", False),
        (LONG, "local", False),
        (LONG, "v1.2.3", False),
        (LONG, "", False),
        (LONG, LONG[:6], False),  # shorter than git writes one
    ],
)
def test_an_image_is_stale_when_two_known_commits_differ(commit: str, deployed: str, stale: bool) -> None:
    assert image_commit.is_stale(commit, deployed) is stale


def start_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, **commits: str) -> list[Any]:
    """The records with which a job begins its log."""
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("LLM_MODEL_NAME", "a-model")
    with caplog.at_level(logging.INFO):
        worker.start_log(ReduceSettings.model_validate({**JOB, **commits}), uses_llm=True)
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_a_stale_image_is_reported_after_the_first_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = start_log(caplog, monkeypatch, ftm_commit="aaaaaaa", deployed_commit="bbbbbbb")
    assert first == ("INFO", f"FTM worker, commit aaaaaaa, bucket ftm-pipeline-test, {LLM}")
    assert second == (
        "WARNING",
        "stale image: it was built from commit aaaaaaa, but commit bbbbbbb was deployed: build the image again from "
        "the commit that is to run, and deploy it (image_tag of cloud/terraform/batch)",
    )


@pytest.mark.parametrize(
    "commits", [{}, {"ftm_commit": "aaaaaaa"}, {"ftm_commit": "aaaaaaa", "deployed_commit": "aaaaaaa"}]
)
def test_other_jobs_state_their_commit_and_warn_of_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, commits: dict[str, str]
) -> None:
    records = start_log(caplog, monkeypatch, **commits)
    commit = commits.get("ftm_commit", "unknown")
    assert records == [("INFO", f"FTM worker, commit {commit}, bucket ftm-pipeline-test, {LLM}")]
