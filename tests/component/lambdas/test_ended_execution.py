"""One mail per ending: of executions that could not send their own, as EventBridge reports them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud.src.contract import documents, keys
from cloud.src.contract.cost import ExecutionCost
from cloud.src.lambdas import ended_execution, notify_completion, run_cost, running_vllm
from cloud.src.lambdas.looks import Looks
from tests.component.conftest import BUCKET
from tests.component.terraform.asl_engine import Answers, Failure, execute, lambda_answer
from tests.component.terraform.test_asl_paths import ALL_GO_WELL, BATCH_IDS, INPUT, MANIFEST_KEY

QUARTER = "2023Q1"
ARN = "arn:aws:states:us-east-1:123456789012:execution:ftm-quarter-processor:e1"
# https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
EVENT: dict[str, Any] = {
    "source": "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    "detail": {"executionArn": ARN, "status": "FAILED", "input": '{"quarter": "2023Q1"}', "output": None},
}


class States:
    """Step Functions with one execution."""

    def __init__(self, events: list[dict[str, Any]] | None = None, arn: str = ARN, **described: str) -> None:
        self._events, self._arn, self._described = events or [], arn, described

    def get_execution_history(self, **asked: Any) -> dict[str, Any]:
        if asked == {"executionArn": self._arn, "maxResults": 100}:
            return {"events": self._events[:100]}
        assert asked == {"executionArn": self._arn, "reverseOrder": True, "maxResults": 50}
        return {"events": self._events[::-1][:50]}

    def describe_execution(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"executionArn": self._arn}
        return {"input": '{"quarter": "2023Q1"}', **self._described}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The mails that are sent: subject and text."""
    mails: list[tuple[str, str]] = []

    def send(subject: str, message: str) -> bool:
        mails.append((subject, message))
        return True

    monkeypatch.setattr(notify_completion, "_publish", send)
    monkeypatch.setattr(running_vllm, "look", lambda _looks: running_vllm.VllmSeen("vLLM: as it is"))
    return mails


def use(monkeypatch: pytest.MonkeyPatch, states: States) -> None:
    """Let the function find this Step Functions."""
    client = Looks.client
    monkeypatch.setattr(
        Looks, "client", lambda looks, name, *limit: states if name == "stepfunctions" else client(looks, name, *limit)
    )


def tell(monkeypatch: pytest.MonkeyPatch, states: States, status: str = "FAILED") -> dict[str, Any]:
    use(monkeypatch, states)
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
def test_an_ending_is_mailed_with_reason_and_vllm_cost(
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
def test_an_execution_that_sent_mail_is_not_mailed_again(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], answers: Answers, is_mailed: bool
) -> None:
    """Told by the history that the real state machine leaves."""
    events = execute(INPUT, {**ALL_GO_WELL, **answers}).events

    answer = tell(monkeypatch, States(events, status="FAILED"))

    own = ended_execution.notification(States(events), ARN)
    assert bool(own and own["notified"]) is is_mailed
    assert answer["notified"] is not is_mailed
    assert len(sent) == (0 if is_mailed else 1)


PANEL_ARN = "arn:aws:states:us-east-1:123456789012:execution:ftm-panel-processor:e1"
PANEL_INPUT = '{"quarters": ["2022Q4", "2023Q1"], "bucket": "ftm-pipeline-test", "name": "spring"}'


@pytest.mark.parametrize(
    ("status", "described", "subject", "line"),
    [
        (
            "SUCCEEDED",
            {"input": PANEL_INPUT},
            "FTM panel spring: succeeded",
            "Tables: s3://ftm-pipeline-test/panels/spring/",
        ),
        (
            "FAILED",
            {"input": PANEL_INPUT, "error": "AggregatePanelFailed", "cause": "panel spring: no tables (JobFailed)"},
            "FTM panel spring: failed",
            "AggregatePanelFailed: panel spring: no tables (JobFailed)",
        ),
        ("ABORTED", {"input": '{"name": "a b"}', "error": "Stopped"}, "FTM panel: aborted", "Stopped: no cause given"),
        ("TIMED_OUT", {"input": '{"name": 5}'}, "FTM panel: timed out", "no error: no cause given"),
        ("FAILED", {"input": "[]", "error": "InvalidInput"}, "FTM panel: failed", "InvalidInput: no cause given"),
    ],
)
def test_each_ending_of_a_panel_is_mailed(
    monkeypatch: pytest.MonkeyPatch,
    sent: list[tuple[str, str]],
    status: str,
    described: dict[str, Any],
    subject: str,
    line: str,
) -> None:
    states = States(arn=PANEL_ARN, **described)
    use(monkeypatch, states)

    notify_completion.handler({**EVENT, "detail": {"executionArn": PANEL_ARN, "status": status}}, None)

    [(mailed, text)] = sent
    assert mailed == subject
    assert text.splitlines() == [subject, line, f"Execution: {PANEL_ARN}", "vLLM: as it is"]


def test_an_unsent_mail_fails_the_call_so_lambda_retries(
    monkeypatch: pytest.MonkeyPatch, aws_environment: None
) -> None:
    notify_completion._sns.cache_clear()
    monkeypatch.setenv("SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:no-such-topic")
    monkeypatch.setattr(running_vllm, "look", lambda _looks: running_vllm.VllmSeen("vLLM: as it is"))

    with pytest.raises(ClientError, match="NotFound"):
        tell(monkeypatch, States(status="FAILED", error="NotifyFailed"))


def test_a_long_cause_is_cut(monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]]) -> None:
    tell(monkeypatch, States(status="FAILED", cause="x" * 32_768))

    assert len(sent[0][1]) < 1500


def put_progress(s3: Any) -> None:
    """What the jobs of two batches and reduce have left until the execution was stopped."""
    manifest = [{"batch_id": batch, "firm_ids": [f"1{batch[-1]}", f"2{batch[-1]}"]} for batch in BATCH_IDS]
    put(s3, MANIFEST_KEY, "\n".join(map(json.dumps, manifest)))
    done = {"manifest_key": MANIFEST_KEY, "done": ["10", "20"], "skipped": []}
    names = {"named by llm": 12, "prompt tokens": 6000, "answer tokens": 300}
    put(s3, keys.progress(QUARTER, BATCH_IDS[0]), json.dumps({**done, "naming": names, "waited_s": 30.0}))
    put(s3, keys.progress(QUARTER, BATCH_IDS[1]), json.dumps({**done, "manifest_key": "manifests/other.jsonl"}))
    reduce = {"manifest_key": MANIFEST_KEY, "naming": {"named by llm": 3, "prompt tokens": 100}, "waited_s": 5.0}
    put(s3, keys.themes_progress(QUARTER), json.dumps(reduce))


def put(s3: Any, key: str, text: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def costs(s3: Any) -> list[ExecutionCost]:
    return documents.cost(s3.get_object(Bucket=BUCKET, Key=keys.cost(QUARTER))["Body"].read(), "here")


@pytest.mark.parametrize(("status", "outcome"), [("ABORTED", "aborted"), ("TIMED_OUT", "timed out")])
def test_a_stopped_executions_cost_is_recorded_and_mailed(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], s3: Any, status: str, outcome: str
) -> None:
    put_progress(s3)
    events = execute(INPUT, {**ALL_GO_WELL, "SummarizeResults": [Failure("Stopped")]}).events

    tell(monkeypatch, States(events, status=status), status)

    (cost,) = costs(s3)
    assert (cost.outcome, cost.manifest_key, cost.n_firms) == (outcome, MANIFEST_KEY, 6)
    assert (cost.names_by_llm, cost.prompt_tokens, cost.answer_tokens) == (15, 6100, 300)
    assert "; ftm aws cost 2023Q1" in sent[0][1]


def test_what_an_execution_recorded_itself_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], s3: Any
) -> None:
    put_progress(s3)
    events = execute(INPUT, {**ALL_GO_WELL, "NotifyCompletion": [lambda_answer({**LOST, "notified": False})]}).events

    tell(monkeypatch, States(events, status="FAILED"))

    assert "Cost:" not in sent[0][1]
    with pytest.raises(s3.exceptions.NoSuchKey):
        costs(s3)


def test_lost_names_are_mailed_although_the_notification_failed(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], s3: Any
) -> None:
    put_progress(s3)
    lost = {"named by llm": 1, "named by keywords: outage": 9}
    done = {"manifest_key": MANIFEST_KEY, "done": ["10", "20"], "skipped": [], "naming": lost}
    put(s3, keys.progress(QUARTER, BATCH_IDS[0]), json.dumps(done))
    monkeypatch.setattr(run_cost, "recorded", lambda *_: ["Cost: so much"])
    execution = execute(INPUT, {**ALL_GO_WELL, "NotifyCompletion": [Failure("Lambda.Unknown")]})
    assert execution.error == "NotifyFailed"

    tell(monkeypatch, States(execution.events, status="FAILED", error="NotifyFailed", cause="no mail"))

    _, reason, _, topics, themes, cost, _ = sent[0][1].splitlines()
    assert reason == "NotifyFailed: no mail"
    assert topics.startswith(
        "Names of topics in this run: 1 by the LLM, 9 by keywords (9 outage). The LLM was unavailable"
    )
    assert themes == "Names of themes in this run: 3 by the LLM, 0 by keywords."
    assert cost == "Cost: so much"


def test_an_uncountable_cost_does_not_lose_the_mail(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]], s3: Any
) -> None:
    events = execute(INPUT, {**ALL_GO_WELL, "SummarizeResults": [Failure("Stopped")]}).events  # no manifest in S3

    tell(monkeypatch, States(events), "ABORTED")

    assert "Cost: not recorded (NoSuchKey), see this function's log" in sent[0][1]
