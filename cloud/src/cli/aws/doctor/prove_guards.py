"""``ftm aws doctor --prove-guards``: sets each guard's alarm off while vLLM's group is at 0, and sees what it does.

The alarm's history says of each action whether AWS could execute it: the mail, and the policy, which at 0 changes
nothing. A state that is set lasts until CloudWatch evaluates the alarm again, often for seconds only.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli.aws import vllm_group
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.doctor.finding import Finding, Seen, State, not_checked, verdict
from cloud.src.cli.aws.vllm_group import GUARDS
from cloud.src.contract.errors import InvalidInput

ACTIONS = {":sns:": "mail", ":autoscaling:": "scaling policy"}  # of a guard, by what is in their ARNs
REASON = "ftm aws doctor --prove-guards"
SECONDS_BETWEEN_LOOKS = 3.0
PATIENCE_S = 60.0  # an action is executed within seconds
FIX = "apply ecs again; a failed action: see the alarm's history in CloudWatch, and the policy of the topic"

Say = Callable[[str], None]
Sleep = Callable[[float], None]
Item = tuple[datetime, str]  # of an alarm's history: when, and what has become of an action


def check_at_zero(account: Account) -> None:
    """Raise InvalidInput unless nothing is running, which the guards would stop, and both are there."""
    now = vllm_group.look(account)
    if now.desired_instances or now.instances:
        raise InvalidInput(f"the guards would stop vLLM: {now.in_words()}; ftm aws down")
    there = {alarm["AlarmName"] for alarm in _alarms(account)}
    if missing := [name for name in GUARDS if name not in there]:
        raise InvalidInput(f"{' and '.join(missing)} is not there: apply ecs")


def prove(account: Account, say: Say, sleep: Sleep = time.sleep) -> Iterator[Finding]:
    """Set off one guard after the other; raises InvalidInput unless nothing is running."""
    check_at_zero(account)
    for alarm in _alarms(account):
        name = alarm["AlarmName"]
        say(f"setting {name} to ALARM: it sends a mail and sets the group to 0, where it already is")
        seen = _set_off(account, alarm, sleep)
        yield Finding(f"proof of {name}", seen.state, seen.evidence, FIX if seen.state is State.FAILED else "")


def _set_off(account: Account, alarm: dict[str, Any], sleep: Sleep) -> Seen:
    cloudwatch, name = account.client("cloudwatch"), alarm["AlarmName"]
    try:
        before = _history(cloudwatch, name)
    except (ClientError, BotoCoreError) as error:
        return not_checked(f"its history cannot be read, so it was left alone: {error}")
    try:
        if alarm["StateValue"] == "ALARM":  # its actions follow a change
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason=REASON)
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=REASON)
        executed = _wait(cloudwatch, alarm, before, sleep)
    finally:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=alarm["StateValue"], StateReason=f"{REASON}: over")
    problems = [f"it has no {what}" for service, what in ACTIONS.items() if not any(service in one for one in executed)]
    problems += [problem for action, summary in executed.items() if (problem := _problem(action, summary))]
    now = vllm_group.look(account)
    if now.desired_instances or now.instances:
        problems.append(f"the group is not at 0: {now.in_words()}")
    return verdict(problems, f"mail sent, policy executed, the group is still at 0, back to {alarm['StateValue']}")


def _wait(cloudwatch: Any, alarm: dict[str, Any], before: set[Item], sleep: Sleep) -> dict[str, str]:
    """What the history says of each action; nothing of those that were not executed in time."""
    end = time.monotonic() + PATIENCE_S
    while True:
        new = [summary for _, summary in _history(cloudwatch, alarm["AlarmName"]) - before]
        executed = {
            action: next((summary for summary in new if action in summary), "") for action in alarm["AlarmActions"]
        }
        if all(executed.values()) or time.monotonic() >= end:
            return executed
        sleep(SECONDS_BETWEEN_LOOKS)


def _history(cloudwatch: Any, name: str) -> set[Item]:
    """The latest actions of an alarm."""
    answer = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action", MaxRecords=100)
    return {(item["Timestamp"], item["HistorySummary"]) for item in answer["AlarmHistoryItems"]}


def _problem(action: str, summary: str) -> str:
    what = next((what for service, what in ACTIONS.items() if service in action), action)
    if not summary:
        return f"no {what} within {PATIENCE_S:.0f} s ({action})"
    return "" if "success" in summary.lower() else f"{what}: {summary}"


def _alarms(account: Account) -> list[dict[str, Any]]:
    return list(account.client("cloudwatch").describe_alarms(AlarmNames=list(GUARDS))["MetricAlarms"])
