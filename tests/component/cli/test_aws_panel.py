"""``ftm aws panel``, and what the other commands say of panels: started, seen, stopped, fetched, costed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from cloud.src.cli.__main__ import run
from cloud.src.cli.aws import panels, quarters, status
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.fetch import fetch_panel
from cloud.src.cli.aws.quarters import QuarterEnded
from cloud.src.contract import keys, parameters
from cloud.src.contract.errors import FtmError, InvalidInput
from tests.component.cli.conftest import WAIT
from tests.component.conftest import BUCKET
from tests.fast.cli.panel_tables import FakeTheme, write_panel

EARLIER, LATER = "2022Q4", "2023Q1"
JOB = {"jobName": "ftm-panel-spring", "jobId": "1", "createdAt": 1, "startedAt": 1_000, "stoppedAt": 3_601_000}


def no_wait(_seconds: float) -> None:
    """Time that passes at once."""


@pytest.fixture
def with_panels(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account with the state machine of panels and a queue without jobs."""
    states = boto3.client("stepfunctions")
    machine = states.create_state_machine(
        name="ftm-panel-processor",
        definition=json.dumps({"StartAt": "Wait", "States": {"Wait": WAIT}}),
        roleArn="arn:aws:iam::123456789012:role/states",
    )["stateMachineArn"]
    account.client("ssm").put_parameter(Name=parameters.JOB_QUEUE_ARN, Value="arn", Type="String")
    monkeypatch.setattr(quarters, "jobs", lambda _: iter([]))
    monkeypatch.setattr(panels, "jobs_since", lambda *_: [])
    failed = [{"jobName": f"ftm-panel-{name}"} for name in ("spring2", "spring")]
    monkeypatch.setattr(
        panels,
        "failed_job_log",
        lambda *asked: [f"the end of the log of {job['jobName']}" for job in filter(asked[3], failed)],
    )
    yield account
    for execution in panels.executions(account, "RUNNING"):
        states.stop_execution(executionArn=execution["executionArn"])
    states.delete_state_machine(stateMachineArn=machine)
    account.client("ssm").delete_parameter(Name=parameters.JOB_QUEUE_ARN)


@pytest.fixture
def run_quarters(s3: Any) -> None:
    """Both quarters have been run: what the state machine looks at, and 10 MB of sentences each."""
    for quarter in (EARLIER, LATER):
        progress = {"manifest_key": "m", "step": "done", "run": "r", "n_named": 0, "n_themes": 0, "naming": {}}
        s3.put_object(Bucket=BUCKET, Key=keys.themes_progress(quarter), Body=json.dumps(progress))
        s3.put_object(Bucket=BUCKET, Key=keys.sentences_part(quarter, "p"), Body=bytes(10_000_000))


@pytest.mark.usefixtures("run_quarters")
def test_from_start_to_stop(with_panels: Account, capsys: pytest.CaptureFixture[str]) -> None:
    arn = panels.start(with_panels, "spring", [EARLIER, LATER], EARLIER)
    given = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    assert given == {"quarters": [EARLIER, LATER], "bucket": BUCKET, "name": "spring", "themes_from": EARLIER}

    assert run(["aws", "panel", "spring", EARLIER, LATER]) == 2
    printed = capsys.readouterr()
    assert "account 123456789012, region us-east-1, local AWS at http://" in printed.out
    assert "spring: 2 quarters, 20 MB of sentences, no LLM: about 0.0 h and $0.00 (not measured on AWS)" in printed.out
    assert f"panel spring is already running: {arn}; ftm aws follow spring" in printed.err

    found = status.status(with_panels)
    assert [one["panel"] for one in found["panels"]] == ["spring"]
    assert [line for line in status.lines(found) if line.startswith("execution")] == [
        f"execution: panel spring since {found['panels'][0]['since']}, {arn}",
        "executions running: 1; jobs: none",
    ]

    assert run(["aws", "stop", "spring"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [f"stopped {arn}"]
    found = status.status(with_panels)
    assert found["last_ended"] == {"arn": arn, "panel": "spring", "how": "ABORTED: no cause given"}
    assert status.lines(found)[-1] == "last ended: panel spring ABORTED: no cause given"
    with pytest.raises(QuarterEnded, match="panel spring: ABORTED"):
        panels.follow(with_panels, "spring", panels.last_started(with_panels, "spring"), print, no_wait)
    assert capsys.readouterr().out.splitlines() == ["ABORTED", "the end of the log of ftm-panel-spring"]


def ended(arn: str, given: dict[str, str], started: int, stopped: int | None) -> dict[str, Any]:
    """What DescribeExecution says; an execution that has not ended has no stopDate."""
    said = {"executionArn": arn, "input": json.dumps(given), "startDate": datetime.fromtimestamp(started, UTC)}
    if stopped is None:
        return {**said, "status": "PENDING_REDRIVE"}
    return {**said, "status": "SUCCEEDED", "stopDate": datetime.fromtimestamp(stopped, UTC)}


@pytest.mark.parametrize(
    ("of_panels", "last", "line"),
    [
        ([ended("p", {"name": "spring"}, 7, 8)], {"arn": "q", "quarter": LATER}, LATER),
        ([ended("p", {"name": "spring"}, 7, 10)], {"arn": "p", "panel": "spring"}, "panel spring"),
        ([ended("p", {"name": "spring"}, 7, None)], {"arn": "q", "quarter": LATER}, LATER),
    ],
)
def test_status_says_which_quarter_or_panel_ended_last(
    with_panels: Account,
    monkeypatch: pytest.MonkeyPatch,
    of_panels: list[dict[str, Any]],
    last: dict[str, str],
    line: str,
) -> None:
    quarter = ended("q", {"quarter": LATER}, 1, 9)
    with monkeypatch.context() as patched:
        patched.setattr(quarters, "executions", lambda _, status=None: [] if status else [quarter])
        patched.setattr(panels, "executions", lambda _, status=None: [] if status else of_panels)
        found = status.status(with_panels)
    assert found["last_ended"] == {**last, "how": "SUCCEEDED"}
    assert status.lines(found)[-1] == f"last ended: {line} SUCCEEDED"


@pytest.mark.usefixtures("run_quarters")
def test_of_two_that_are_started_together_one_runs(with_panels: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    first = panels.start(with_panels, "spring", [EARLIER, LATER], None)
    with monkeypatch.context() as patched:
        patched.setattr(panels, "latest", lambda *_: None)  # the first one is not listed yet
        assert panels.start(with_panels, "spring", [EARLIER, LATER], None) == first
        with pytest.raises(InvalidInput, match="panel spring has just been started: ftm aws follow spring"):
            panels.start(with_panels, "spring", [LATER], None)
        other = panels.start(with_panels, "summer", [LATER], None)
    assert {one["executionArn"] for one in panels.executions(with_panels, "RUNNING")} == {first, other}

    panels.stop(with_panels, "spring", print, no_wait)
    with monkeypatch.context() as patched:
        patched.setattr(panels, "latest", lambda *_: None)  # neither is one listed that has ended at once
        with pytest.raises(InvalidInput, match="panel spring has just been started: ftm aws follow spring"):
            panels.start(with_panels, "spring", [EARLIER, LATER], None)
    assert panels.start(with_panels, "spring", [LATER], None) != first


@pytest.mark.usefixtures("run_quarters")
def test_vllm_may_go_down_while_a_panel_runs(with_panels: Account) -> None:
    panels.start(with_panels, "spring", [LATER], None)
    assert run(["aws", "down", "--timeout", "60s"]) == 0


@pytest.mark.usefixtures("run_quarters")
def test_following_tells_what_the_job_has_logged(with_panels: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = panels.start(with_panels, "spring", [LATER], None)
    jobs = [{"jobName": f"ftm-panel-{name}", "jobId": "1", "status": "RUNNING"} for name in ("spring2", "spring")]
    monkeypatch.setattr(quarters, "jobs", lambda _: iter(jobs))
    monkeypatch.setattr(panels, "log_tail", lambda *_: ["2026-01-01 10:00:00 INFO cloud.panel: 34 of 50 parts"])
    said: list[str] = []

    def stop(_seconds: float) -> None:
        boto3.client("stepfunctions").stop_execution(executionArn=arn)

    with pytest.raises(QuarterEnded):
        panels.follow(with_panels, "spring", arn, said.append, stop)
    assert said[0] == "RUNNING, job RUNNING: 34 of 50 parts"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["panel", "spring", "2023Q2"],
            "2023Q2: nothing is in s3://ftm-pipeline-test/intermediate/firm-sentences",
        ),
        (["panel", "spring", EARLIER, "--themes-from", LATER], "the themes of 2023Q1 are known only after 2022Q4"),
        (["panel", LATER, LATER], "2023Q1 is a quarter: give the panel another name first, then its quarters"),
        (["panel", "a b", LATER], "panel 'a b' is not a name"),
        (["panel", "spring"], "Missing argument"),
        (["follow", "spring"], "no panel spring was started here: ftm aws panel spring QUARTER..."),
        (["stop", "spring"], "no panel spring is running"),
        (["stop", "a b"], "'a b' is neither a quarter, like 2023Q1, nor the name of a panel"),
        (["fetch", "spring"], "s3://ftm-pipeline-test has no panel spring"),
        (["fetch", "spring", "--open"], "spring is a panel, which has no report"),
    ],
)
@pytest.mark.usefixtures("with_panels", "run_quarters")
def test_what_cannot_be_done_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["aws", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("megabytes", "themes_from", "hours_and_usd"),
    [
        (3600, None, "about 1.0 h and $0.07"),
        (3600, EARLIER, "about 0.3 h and $0.02"),
        (36_000, None, "10.0 h and $0.70"),
    ],
)
def test_a_panel_is_estimated_by_its_sentences(megabytes: int, themes_from: str | None, hours_and_usd: str) -> None:
    """1 s per MB, 0.3 s with the themes of a quarter; 4 vCPUs at $0.0176 an hour."""
    assert hours_and_usd in panels.PanelEstimate(2, megabytes, is_joint=themes_from is None).in_words()


@pytest.mark.usefixtures("run_quarters")
def test_only_the_measured_quarters_count_for_the_estimate(with_panels: Account) -> None:
    assert panels.estimate(with_panels, [LATER], EARLIER) == panels.PanelEstimate(1, 10.0, is_joint=False)
    assert panels.estimate(with_panels, [EARLIER, LATER], None) == panels.PanelEstimate(2, 20.0, is_joint=True)


def test_an_account_with_older_roots_has_no_panels(account: Account) -> None:
    assert list(panels.executions(account, "RUNNING")) == []


def test_a_panel_costs_what_its_jobs_took(
    with_panels: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["aws", "cost", "spring"]) == 0
    assert "panel spring: no job has ended in the last week or so" in capsys.readouterr().out
    ended = {"SUCCEEDED": [JOB, {**JOB, "jobName": "ftm-panel-spring2"}], "FAILED": [JOB, {**JOB, "startedAt": 0}]}
    ended["FAILED"][1].pop("startedAt")  # it has never started
    monkeypatch.setattr(panels, "jobs_since", lambda _account, _queue, state, _since: ended[state])

    assert run(["aws", "cost", "spring"]) == 0
    assert capsys.readouterr().out == "panel spring: 2 jobs, 2.00 h, about $0.14 (4 vCPUs)\n"
    assert run(["aws", "cost", "spring", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usd"] == pytest.approx(2 * 4 * 0.0176)


# --- fetch -------------------------------------------------------------------------------------


def put(s3: Any, folder: Path, *tables: str) -> None:
    for path in folder.rglob("*.parquet"):
        if not tables or path.stem in tables:
            key = keys.panel_prefix("spring") + str(path.relative_to(folder))
            s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())


def write(folder: Path, run_id: str) -> Path:
    return write_panel(folder, [FakeTheme("Ports", [[1], [2]])], [["1"], ["1"]], run=run_id)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_panel_is_fetched_as_a_whole(account: Account, s3: Any, tmp_path: Path, capsys: Any) -> None:
    made = write(tmp_path / "made", "first")
    put(s3, made)

    assert run(["aws", "fetch", "spring", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"Panel: {tmp_path / 'out/panels/spring'}\n"
    assert content(tmp_path / "out/panels/spring") == content(made)

    put(s3, write(tmp_path / "again", "second"), "grid")
    with pytest.raises(FtmError, match="tables of panel spring come from different runs"):
        fetch_panel(account, "spring", tmp_path / "out")
    s3.delete_object(Bucket=BUCKET, Key=keys.panel_prefix("spring") + keys.panel_table("themes"))
    with pytest.raises(InvalidInput, match="has no panel spring, or one that is being made again"):
        fetch_panel(account, "spring", tmp_path / "out")
    assert content(tmp_path / "out") == {f"panels/spring/{name}": body for name, body in content(made).items()}
