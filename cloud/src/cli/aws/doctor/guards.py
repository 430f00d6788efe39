"""Whether a forgotten vLLM is reported to somebody, and stopped."""

from __future__ import annotations

from typing import Any

from cloud.src.cli.aws.doctor.finding import Check, Patient, Seen, failed, verdict
from cloud.src.cli.aws.vllm_group import GUARDS
from cloud.src.contract import parameters

PENDING = "PendingConfirmation"  # what SNS says in place of a subscription's ARN


def _guards(patient: Patient) -> Seen:
    alarms = {alarm["AlarmName"]: alarm for alarm in _alarms(patient)}
    problems = []
    for name in GUARDS:
        alarm = alarms.get(name)
        if alarm is None:
            problems.append(f"{name} is not there")
        elif not alarm.get("ActionsEnabled"):
            problems.append(f"{name}: its actions are switched off")
        elif not any(":autoscaling:" in action for action in alarm["AlarmActions"]):
            problems.append(f"{name} does not stop the group")
    states = ", ".join(f"{name} {alarm['StateValue']}" for name, alarm in alarms.items())
    return verdict(problems, states)


def _subscribers(patient: Patient) -> Seen:
    topic = patient.account.parameter(parameters.ALERTS_TOPIC_ARN)
    found = patient.account.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    if not found:
        return failed("nobody has subscribed to the mails")
    waiting = [one["Endpoint"] for one in found if one["SubscriptionArn"] == PENDING]
    return verdict([f"{who} has not confirmed" for who in waiting], f"{len(found)} confirmed")


def _alarms(patient: Patient) -> list[dict[str, Any]]:
    cloudwatch = patient.account.client("cloudwatch")
    return list(cloudwatch.describe_alarms(AlarmNames=list(GUARDS))["MetricAlarms"])


CHECKS = (
    Check(
        "guards",
        "whether both alarms that stop a forgotten vLLM are there and may act",
        "apply ecs; switched off: aws cloudwatch enable-alarm-actions --alarm-names " + " ".join(GUARDS),
        _guards,
    ),
    Check(
        "alarms confirmed",
        "whether the address of all mails is confirmed",
        "click the link in AWS's mail; none: export TF_VAR_alert_email and apply storage (guide, section 2)",
        _subscribers,
    ),
)
