"""``ftm aws resume`` and ``logs``: what is left of a quarter that did not end well."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from cloud.src.cli.__main__ import run
from cloud.src.cli.aws import panels, quarters, resume
from cloud.src.cli.aws.account import Account
from cloud.src.contract import keys, parameters
from cloud.src.contract.errors import InvalidInput
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
KEYWORDS = {"topic_naming": "keywords", "theme_naming": "keywords"}


def prefetch(s3: Any, n_firms: int) -> None:
    firms = {str(number): "chunk_0000.parquet" for number in range(n_firms)}
    s3.put_object(Bucket=BUCKET, Key=keys.prefetch_manifest(QUARTER), Body=json.dumps({"firms": firms}))


def finished(s3: Any, batch: int, done: list[str], skipped: list[str]) -> None:
    progress = {
        "manifest_key": f"m{batch}",
        "done": done,
        "skipped": [{"firm_id": one, "reason": "-"} for one in skipped],
    }
    s3.put_object(Bucket=BUCKET, Key=keys.progress(QUARTER, keys.batch_id(QUARTER, batch)), Body=json.dumps(progress))


def stopped(account: Account, **given: Any) -> None:
    """An execution that was stopped."""
    arn = quarters.start(account, QUARTER, given.pop("batch_size", 50), given)
    boto3.client("stepfunctions").stop_execution(executionArn=arn)


def test_it_keeps_settings_and_says_what_is_reused(
    account: Account, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    prefetch(s3, 10)
    finished(s3, 0, done=["0", "1", "2"], skipped=["3"])
    finished(s3, 1, done=["3", "4", "no longer prefetched"], skipped=[])
    s3.put_object(Bucket=BUCKET, Key=keys.themes_progress(QUARTER), Body=b"{}")  # of no batch
    stopped(account, batch_size=7, **KEYWORDS)

    assert run(["aws", "resume", QUARTER]) == 0

    out = capsys.readouterr().out
    assert f"{QUARTER}: 5 of 10 firms are finished and reused; 5 are left\nstarted arn:aws:states:" in out
    again = quarters.latest(account, QUARTER, "RUNNING")
    assert again is not None
    assert json.loads(again["input"]) == {"quarter": QUARTER, "bucket": BUCKET, "batch_size": 7, **KEYWORDS}


def test_with_the_llm_it_says_what_that_saves(account: Account, s3: Any) -> None:
    prefetch(s3, 5000)
    finished(s3, 0, done=[str(number) for number in range(4000)], skipped=[])
    stopped(account)

    left = resume.unfinished(account, QUARTER)

    saved = quarters.Estimate(4000, left.all_firms.vllm)
    assert (left.batch_size, left.naming) == (50, {})
    assert left.in_words().startswith(
        "4,000 of 5,000 firms are finished and reused, "
        f"which saves about {saved.hours():.1f} h and ${saved.usd():.2f}; left: 1,000 firms, about 33,000 names: "
    )


def ended(error: str, **given: Any) -> dict[str, str]:
    return {"status": "FAILED", "error": error, "input": json.dumps({"quarter": QUARTER, **given})}


def unfinished(account: Account, monkeypatch: pytest.MonkeyPatch, *executions: dict[str, str]) -> resume.Unfinished:
    """What these executions, the latest first, have left."""
    with monkeypatch.context() as patched:  # the account's end lists the real ones
        patched.setattr(quarters, "executions", lambda *_: iter(executions))
        return resume.unfinished(account, QUARTER)


@pytest.mark.parametrize(
    ("error", "left"),
    [
        ("NamesIncomplete", "many names were lost: the firms with lost names are named again"),
        (
            "NotifyFailed",
            "NotifyCompletion failed, so lost names were not counted: firms with lost names are named again",
        ),
    ],
)
def test_with_all_tables_made_no_saving_is_claimed(
    account: Account, s3: Any, monkeypatch: pytest.MonkeyPatch, error: str, left: str
) -> None:
    prefetch(s3, 2)
    finished(s3, 0, done=["0", "1"], skipped=[])

    found = unfinished(account, monkeypatch, ended(error))

    assert found.in_words() == f"2 of 2 firms are finished, but {left}"


def test_an_execution_that_was_refused_is_not_continued(
    account: Account, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefetch(s3, 2)
    refused = [ended("QuarterRunning", batch_size=3), ended("InvalidInput", batch_size=0)]

    left = unfinished(account, monkeypatch, *refused, ended("QuarterHasFailures", batch_size=7, **KEYWORDS))

    assert (left.batch_size, left.naming, left.tables_made) == (7, KEYWORDS, "")


def test_another_batch_size_can_be_given(account: Account, s3: Any) -> None:
    prefetch(s3, 10)
    stopped(account, batch_size=7)

    assert run(["aws", "resume", QUARTER, "--batch-size", "3"]) == 0

    again = quarters.latest(account, QUARTER, "RUNNING")
    assert again is not None
    assert json.loads(again["input"])["batch_size"] == 3


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (None, "2023Q1 was never started here: ftm aws start 2023Q1"),
        ({"status": "RUNNING", "executionArn": "arn"}, "2023Q1 is already running: arn; ftm aws follow 2023Q1"),
        ({"status": "FAILED", "error": "InvalidInput"}, "2023Q1 was never started here: ftm aws start 2023Q1"),
        (
            {"status": "SUCCEEDED"},
            "2023Q1 has succeeded, and nothing is missing; to run it again: ftm aws start 2023Q1",
        ),
    ],
    ids=["never started", "runs", "refused", "succeeded"],
)
def test_where_nothing_is_left_to_resume(
    account: Account, monkeypatch: pytest.MonkeyPatch, last: dict[str, str] | None, why: str
) -> None:
    found = [{"input": json.dumps({"quarter": QUARTER}), **last}] if last else []

    with pytest.raises(InvalidInput) as refused:
        unfinished(account, monkeypatch, *found)

    assert str(refused.value) == why


JOBS = {
    "FAILED": [{"jobName": "ftm-map-2023Q1_batch_0001"}, {"jobName": "ftm-map-2023Q2_batch_0001"}],
    "RUNNING": [{"jobName": "ftm-reduce-2023Q1"}, {"jobName": "ftm-check"}],
    "SUCCEEDED": [{"jobName": "ftm-map-2023Q1_batch_0000"}],
}
LOGGED = {"ftm-map-2023Q1_batch_0001": ["a", "b"], "ftm-map-2023Q1_batch_0000": ["c"]}


@pytest.mark.parametrize(
    ("all_jobs", "more"), [(False, []), (True, ["ftm-map-2023Q1_batch_0000: SUCCEEDED", "  c"])], ids=["", "all"]
)
def test_logs_show_the_quarters_jobs_failed_ones_first(
    monkeypatch: pytest.MonkeyPatch, all_jobs: bool, more: list[str]
) -> None:
    started = datetime(2026, 5, 1, tzinfo=UTC)
    asked: list[tuple[str, datetime]] = []

    def jobs_since(_account: Account, queue: str, status: str, since: datetime) -> list[dict[str, str]]:
        asked.append((queue, since))
        return JOBS[status]

    monkeypatch.setattr(quarters, "latest", lambda *_: {"startDate": started})
    monkeypatch.setattr(quarters, "jobs_since", jobs_since)
    monkeypatch.setattr(quarters, "log_tail", lambda _account, job, _lines: LOGGED.get(job["jobName"], []))
    said: list[str] = []

    quarters.logs(Queue(), QUARTER, 15, all_jobs, said.append)  # type: ignore[arg-type]

    assert set(asked) == {("queue", started)}
    assert said == [
        *["ftm-map-2023Q1_batch_0001: FAILED", "  a", "  b", "ftm-reduce-2023Q1: RUNNING", "  it has not started"],
        *more,
    ]


class Queue:
    """An account of which only the queue is asked for."""

    def parameter(self, name: str) -> str:
        assert name == parameters.JOB_QUEUE_ARN
        return "queue"


def test_logs_of_a_quarter_without_such_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarters, "latest", lambda *_: {"startDate": datetime(2026, 5, 1, tzinfo=UTC)})
    monkeypatch.setattr(quarters, "jobs_since", lambda *_: [])
    said: list[str] = []

    for all_jobs in (False, True):
        quarters.logs(Queue(), QUARTER, 15, all_jobs, said.append)  # type: ignore[arg-type]

    assert said == ["no job of 2023Q1 has failed or is running", "no job of 2023Q1 has started"]


def test_logs_of_a_panel_are_those_of_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = {"RUNNING": [{"jobName": "ftm-panel-spring"}, {"jobName": "ftm-panel-spring-2"}, *JOBS["RUNNING"]]}
    monkeypatch.setattr(panels, "latest", lambda *_: {"startDate": datetime(2026, 5, 1, tzinfo=UTC)})
    monkeypatch.setattr(quarters, "jobs_since", lambda *asked: jobs.get(asked[2], []))
    monkeypatch.setattr(quarters, "log_tail", lambda *_: ["34 of 50 parts"])
    said: list[str] = []

    panels.logs(Queue(), "spring", 15, False, said.append)  # type: ignore[arg-type]
    panels.logs(Queue(), "summer", 15, False, said.append)  # type: ignore[arg-type]

    assert said == ["ftm-panel-spring: RUNNING", "  34 of 50 parts", "no job of summer has failed or is running"]
