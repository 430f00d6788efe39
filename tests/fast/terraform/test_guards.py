"""The guards against a forgotten GPU: what they call, and when, evaluated by CloudWatch's rules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.fast.docs.repository import read
from tests.fast.terraform.cloudwatch import Alarm, alarm
from tests.fast.terraform.terraform_files import blocks, local_values
from tests.fast.terraform.terraform_values import defaults, value

ECS = defaults("ecs")
PERIOD_S = local_values("ecs")["guard_period_s"]
HOUR = 3600 // PERIOD_S  # periods
TOPIC, POLICY = "${local.alerts_topic_arn}", "${aws_autoscaling_policy.stop.arn}"

ALARMS = blocks("ecs", "resource", "aws_cloudwatch_metric_alarm")
BOOT_S = 30 * 60  # image, model and compilation, an estimate: ADR-006 says 5 to 10 minutes for the model alone


def with_periods(name: str, hours: int) -> Alarm:
    """The alarm as planned for this number of hours; the expression itself Terraform computes."""
    values: dict[str, Any] = {**ALARMS[name], "evaluation_periods": hours * HOUR}
    return alarm({key: value("ecs", one) for key, one in values.items()})


IDLE = with_periods("idle", ECS["idle_hours"])
TOO_LONG = with_periods("age", ECS["max_hours"])

QUIET, BUSY = 40_000.0, 9_000_000.0  # bytes in a period: health checks and agents; 10 names per second


def test_the_guards_mail_and_stop_the_group() -> None:
    policy = blocks("ecs", "resource", "aws_autoscaling_policy")["stop"]
    assert (policy["policy_type"], policy["adjustment_type"], policy["scaling_adjustment"]) == (
        "SimpleScaling",
        "ExactCapacity",
        0,
    )
    assert ALARMS["idle"]["alarm_actions"] == [TOPIC, POLICY]
    after_hours = ALARMS["age"]["for_each"]
    assert "aws_autoscaling_policy.stop.arn" in str(after_hours["too-long"]["actions"])
    assert after_hours["long"]["actions"] == []


def test_an_alarm_looks_back_a_day_at_most() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html, EvaluationPeriods."""
    assert IDLE.evaluation_periods * IDLE.period_s <= TOO_LONG.evaluation_periods * TOO_LONG.period_s <= 86_400


def test_idle_is_longer_than_waiting_for_capacity_and_booting() -> None:
    assert ECS["idle_hours"] * 3600 > defaults("batch")["capacity_wait_seconds"] + BOOT_S
    assert ECS["max_hours"] > 2 * ECS["idle_hours"]


WHOLE = ECS["idle_hours"] * HOUR


@pytest.mark.parametrize(
    ("series", "is_red"),
    [
        pytest.param([BUSY] * 3 + [QUIET] * WHOLE, True, id="started and never called"),
        pytest.param([None] * 99 + [QUIET] * (WHOLE - 1), False, id="younger than idle_hours"),
        pytest.param([None] * 99 + [BUSY] * 2 + [QUIET] * (HOUR - 2), False, id="the first hour"),
        pytest.param([QUIET] * (WHOLE - 1) + [BUSY], False, id="called at the last moment"),
        pytest.param([QUIET] * 5 + [None] + [QUIET] * (WHOLE - 5), True, id="a period is missing"),
        pytest.param([None, QUIET, QUIET] * WHOLE, False, id="every third period is missing"),
        pytest.param([QUIET] * WHOLE + [None], True, id="still red right after the stop: ftm aws up waits"),
        pytest.param([QUIET] * WHOLE + [None, BUSY], False, id="restarted five minutes after the stop"),
        pytest.param([QUIET] * WHOLE + [None] * 3, False, id="a quarter of an hour after the stop"),
        pytest.param([None] * 3 * WHOLE, False, id="no instance for days"),
    ],
)
def test_idle_guard(series: list[float | None], is_red: bool) -> None:
    assert IDLE.is_red(series) is is_red


DAY = ECS["max_hours"] * HOUR


@pytest.mark.parametrize(
    ("series", "is_red"),
    [
        pytest.param([0.0] * 99 + [1.0] * DAY, True, id="up for max_hours, Spot replacements included"),
        pytest.param([0.0] + [1.0] * (DAY - 1), False, id="a moment before"),
        pytest.param([1.0] * DAY + [0.0], False, id="right after the stop"),
        pytest.param([1.0] * DAY + [0.0] + [1.0] * HOUR, False, id="started again"),
        pytest.param([0.0] * DAY, False, id="not up"),
        pytest.param([None] * DAY, False, id="no group"),
    ],
)
def test_age_guard(series: list[float | None], is_red: bool) -> None:
    assert TOO_LONG.is_red(series) is is_red


def test_the_idle_guard_counts_all_bytes_of_a_period() -> None:
    assert (ALARMS["idle"]["metric_name"], ALARMS["idle"]["statistic"]) == ("NetworkIn", "Sum")


def test_the_age_guard_counts_wanted_not_running_instances() -> None:
    """A reclaimed Spot instance leaves the group's desired capacity alone."""
    assert (ALARMS["age"]["metric_name"], ALARMS["age"]["statistic"]) == ("GroupDesiredCapacity", "Minimum")
    (group,) = blocks("ecs", "resource", "aws_autoscaling_group").values()
    assert "GroupDesiredCapacity" in group["enabled_metrics"]


def test_the_runbook_knows_every_alarm() -> None:
    runbook = read(Path("docs/operations/runbook.md")).split("## Alarms")[1]
    ages = [f"ftm-vllm-up-{key}" for key in ALARMS["age"]["for_each"]]
    named = [one["alarm_name"] for name, one in ALARMS.items() if name != "age"]
    of_executions = blocks("stepfunctions", "resource", "aws_cloudwatch_metric_alarm").values()
    named += [one["alarm_name"] for one in of_executions]
    assert sorted(re.findall(r"^\| `([^`]+)` \|", runbook, flags=re.MULTILINE)) == sorted([*named, *ages])
