"""One mail per ending: of executions that could not send their own, as EventBridge reports them."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.src.lambdas import ended_execution, notify_completion, running_vllm
from tests.component.terraform.asl_engine import Answers, Failure, execute, lambda_answer
from tests.component.terraform.test_asl_paths import ALL_GO_WELL, INPUT

ARN = "arn:aws:states:us-east-1:123456789012:execution:ftm-quarter-processor:e1"
# https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
EVENT: dict[str, Any] = {
    "source": "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    "detail": {"executionArn": ARN, "status": "FAILED", "input": '{"quarter": "2023Q1"}', "output": None},
}


class States:
    """Step Functions with one execution."""

    def __init__(self, events: list[dict[str, Any]] | None = None, **described: str) -> None:
        self._events, self._described = events or [], described

    def get_execution_history(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"executionArn": ARN, "reverseOrder": True, "maxResults": 50}
        return {"events": self._events[::-1][:50]}

    def describe_execution(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"executionArn": ARN}
        return {"input": '{"quarter": "2023Q1"}', **self._described}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The mails that are sent: subject and text."""
    mails: list[tuple[str, str]] = []

    def send(subject: str, message: str) -> bool:
        mails.append((subject, message))
        return True

    monkeypatch.setattr(notify_completion, "_send", send)
    monkeypatch.setattr(running_vllm, "in_words", lambda: "vLLM: as it is")
    return mails


def tell(monkeypatch: pytest.MonkeyPatch, states: States, status: str = "FAILED") -> dict[str, Any]:
    monkeypatch.setattr(notify_completion, "_states", lambda: states)
    event = {**EVENT, "detail": {**EVENT["detail"], "status": status}}
    return notify_completion.handler(event, None)


@pytest.mark.parametrize(
    ("described", "subject", "line"),
    [
        (
            {"status": "FAILED", "error": "PrefetchRequiredError", "cause": "quarter 2023Q1 is not prefetched"},
            "FTM 2023Q1: failed",
            "PrefetchRequiredError: quarter 2023Q1 is not prefetched",
        ),
        (
            {"status": "ABORTED", "error": "Stopped", "cause": "ftm aws stop"},
            "FTM 2023Q1: aborted",
            "Stopped: ftm aws stop",
        ),
        ({"status": "TIMED_OUT"}, "FTM 2023Q1: timed out", "no error: no cause given"),
        (
            {"status": "FAILED", "input": "[]", "error": "InvalidInput"},
            "FTM execution: failed",
            "InvalidInput: no cause given",
        ),
        (
            {"status": "FAILED", "input": '{"quarter": "Q1"}', "cause": "two\nlines"},
            "FTM execution: failed",
            "no error: two lines",
        ),
    ],
)
def test_an_ending_is_mailed_with_its_reason_and_what_vllm_costs(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], described: dict[str, str], subject: str, line: str
) -> None:
    not_seen_yet: dict[str, Any] = {**described, "status": "RUNNING"}
    answer = tell(monkeypatch, States(**not_seen_yet), described["status"])

    assert answer["notified"] is True
    [(mailed, text)] = sent
    first, reason, execution, vllm = text.splitlines()
    assert mailed == first == subject
    assert reason == line
    assert execution.startswith(f"Execution: {ARN}; finished firms are kept")
    assert ("2023Q1" in subject) is execution.endswith("ftm aws resume 2023Q1")
    assert vllm == "vLLM: as it is"


LOST = {"notified": True, "names_incomplete": True, "names": "topics: 1 named by the LLM, 9 lost (9 outage)"}


@pytest.mark.parametrize(
    ("answers", "is_mailed"),
    [
        ({"NotifyCompletion": [lambda_answer(LOST)]}, True),
        ({"AggregateThemes": [Failure("JobFailed")]}, True),
        ({"NotifyCompletion": [lambda_answer({**LOST, "notified": False})]}, False),
        ({"NotifyCompletion": [Failure("Other")]}, False),
        ({"SummarizeResults": [Failure("Other")]}, False),
    ],
    ids=["names lost", "no themes", "not sent", "notify failed", "before it"],
)
def test_an_execution_that_has_sent_its_mail_is_not_mailed_again(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], answers: Answers, is_mailed: bool
) -> None:
    """Told by the history that the real state machine leaves."""
    events = execute(INPUT, {**ALL_GO_WELL, **answers}).events

    answer = tell(monkeypatch, States(events, status="FAILED"))

    assert ended_execution.has_been_mailed(States(events), ARN) is is_mailed
    assert answer["notified"] is not is_mailed
    assert len(sent) == (0 if is_mailed else 1)


def test_a_long_cause_is_cut(monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]]) -> None:
    tell(monkeypatch, States(status="FAILED", cause="x" * 32_768))

    assert len(sent[0][1]) < 1500
