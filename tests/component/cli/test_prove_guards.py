"""``ftm aws doctor --prove-guards``: both alarms in a local AWS, whose history, which moto lacks, is faked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud.src.cli.__main__ import run
from cloud.src.cli.aws import vllm_group
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.doctor import prove_guards
from cloud.src.cli.aws.doctor.finding import Finding, State
from cloud.src.cli.aws.vllm_group import GUARDS
from cloud.src.contract.errors import InvalidInput
from tests.component.cli.aws_faults import faulty, refusal

TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
POLICY = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:autoScalingGroupName/ftm-vllm-asg:policyName/stop"
EXECUTED = "Successfully executed action {}"


@pytest.fixture
def guards(account: Account) -> Iterator[Any]:
    """The client of CloudWatch, with both guards; the idle one has no data."""
    cloudwatch = account.client("cloudwatch")
    for name in GUARDS:
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=288,
            Threshold=0,
            Namespace="AWS/AutoScaling",
            MetricName="GroupDesiredCapacity",
            Period=300,
            Statistic="Minimum",
            AlarmActions=[TOPIC, POLICY],
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="quiet")
    yield cloudwatch
    cloudwatch.delete_alarms(AlarmNames=list(GUARDS))


def states(cloudwatch: Any) -> list[tuple[str, str]]:
    alarms = cloudwatch.describe_alarms(AlarmNames=list(GUARDS))["MetricAlarms"]
    return [(alarm["StateValue"], alarm["StateReason"]) for alarm in alarms]


class History:
    """What CloudWatch remembers of an alarm: an old action, and those that it executes while the alarm is red."""

    def __init__(self, cloudwatch: Any, *summaries: str) -> None:
        self._cloudwatch, self._summaries = cloudwatch, summaries
        self._items = [self._item("old", EXECUTED.format(TOPIC), timedelta(days=-1))]

    def __call__(self, **asked: Any) -> dict[str, Any]:
        assert asked["HistoryItemType"] == "Action"
        name = asked["AlarmName"]
        (alarm,) = self._cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        if alarm["StateValue"] == "ALARM":
            self._items += [self._item(name, summary) for summary in self._summaries]
        return {"AlarmHistoryItems": self._items}

    def _item(self, name: str, summary: str, later: timedelta = timedelta()) -> dict[str, Any]:
        when = datetime.now(UTC) + later
        return {"AlarmName": name, "Timestamp": when, "HistoryItemType": "Action", "HistorySummary": summary}


def prove(account: Account, history: Any, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    monkeypatch.setattr(prove_guards, "PATIENCE_S", 0.0)
    faults = {"cloudwatch": {"describe_alarm_history": history}}
    return list(prove_guards.prove(faulty(account, faults), lambda _line: None, lambda _seconds: None))


def test_both_guards_mail_and_call_the_policy(account: Account, guards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = prove(account, History(guards, EXECUTED.format(TOPIC), EXECUTED.format(POLICY)), monkeypatch)

    assert [one.check for one in found] == [f"proof of {name}" for name in GUARDS]
    assert {(one.state, one.evidence) for one in found} == {
        (State.PASSED, "mail sent, policy executed, the group is still at 0, back to OK")
    }
    assert states(guards) == [("OK", "ftm aws doctor --prove-guards: over")] * 2


def test_a_red_guard_is_set_to_ok_first(account: Account, guards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudWatch acts on a change: an alarm that stays red would mail nothing."""
    for name in GUARDS:
        guards.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="nobody asks")
    is_new = {name: False for name in GUARDS}

    def watch(params: dict[str, Any], **_: Any) -> None:
        is_new[params["AlarmName"]] |= params["StateValue"] == "OK"

    def history(AlarmName: str, **_: Any) -> dict[str, Any]:  # noqa: N803: boto3's name
        if not is_new[AlarmName]:
            return {"AlarmHistoryItems": []}
        done = [EXECUTED.format(action) for action in (TOPIC, POLICY)]
        return {"AlarmHistoryItems": [{"Timestamp": datetime.now(UTC), "HistorySummary": one} for one in done]}

    account.session.events.register("provide-client-params.cloudwatch.SetAlarmState", watch)
    found = prove(account, history, monkeypatch)

    assert {(one.state, one.evidence) for one in found} == {
        (State.PASSED, "mail sent, policy executed, the group is still at 0, back to ALARM")
    }


@pytest.mark.parametrize(
    ("summaries", "problem"),
    [
        ([EXECUTED.format(TOPIC)], f"no scaling policy within 0 s ({POLICY})"),
        ([EXECUTED.format(POLICY)], f"no mail within 0 s ({TOPIC})"),
        ([EXECUTED.format(POLICY), f"Failed to execute action {TOPIC}"], "mail: Failed to execute action"),
    ],
    ids=["no policy", "no mail", "mail refused"],
)
def test_what_a_guard_does_not_do_is_said(
    account: Account, guards: Any, monkeypatch: pytest.MonkeyPatch, summaries: list[str], problem: str
) -> None:
    found = prove(account, History(guards, *summaries), monkeypatch)

    assert {one.state for one in found} == {State.FAILED}
    assert all(problem in one.evidence and one.fix for one in found)
    assert {state for state, _ in states(guards)} == {"OK"}


def test_a_guard_without_a_policy_is_none(account: Account, guards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    alarm = guards.describe_alarms(AlarmNames=[GUARDS[0]])["MetricAlarms"][0]
    kept = ("ComparisonOperator", "EvaluationPeriods", "Threshold", "Namespace", "MetricName", "Period", "Statistic")
    guards.put_metric_alarm(AlarmName=GUARDS[0], AlarmActions=[TOPIC], **{name: alarm[name] for name in kept})

    found = prove(account, History(guards, EXECUTED.format(TOPIC), EXECUTED.format(POLICY)), monkeypatch)

    assert (found[0].state, found[0].evidence) == (State.FAILED, "it has no scaling policy")


def test_a_history_that_cannot_be_read_leaves_the_alarm_alone(
    account: Account, guards: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = prove(account, refusal("AccessDenied"), monkeypatch)

    assert {one.state for one in found} == {State.NOT_CHECKED}
    assert "left alone: " in found[0].evidence
    assert states(guards) == [("OK", "quiet")] * 2


def test_an_interruption_resets_the_alarm(account: Account, guards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def interrupted(**_asked: Any) -> dict[str, Any]:
        calls.append(None)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return {"AlarmHistoryItems": []}

    with pytest.raises(KeyboardInterrupt):
        prove(account, interrupted, monkeypatch)
    assert {state for state, _ in states(guards)} == {"OK"}


def test_it_refuses_while_vllm_is_wanted(account: Account, guards: Any) -> None:
    vllm_group.up(account, 60, print, lambda _seconds: None)

    with pytest.raises(InvalidInput, match="the guards would stop vLLM: 1 of 1 instances"):
        list(prove_guards.prove(account, print))
    assert states(guards) == [("OK", "quiet")] * 2


def test_it_refuses_without_guards(account: Account) -> None:
    with pytest.raises(InvalidInput, match="ftm-vllm-idle and ftm-vllm-up-too-long is not there: apply ecs"):
        list(prove_guards.prove(account, print))


def test_nothing_is_done_unless_somebody_confirms_the_account(
    account: Account, guards: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["aws", "doctor", "--prove-guards"]) == 2
    said = capsys.readouterr().err
    assert "account 123456789012, region us-east-1" in said
    assert "add --yes" in said
    assert states(guards) == [("OK", "quiet")] * 2
