"""A small evaluator of alarms, by the rules that CloudWatch documents for missing data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# CloudWatch looks back further than the evaluation periods, "the exact number varies"; its example has two more.
EXTRA_PERIODS = 2

_BREACHES = {
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
}


@dataclass(frozen=True)
class Alarm:
    """An alarm whose every evaluation period has to breach."""

    period_s: int
    evaluation_periods: int
    comparison: str
    threshold: float
    missing: str

    def is_red(self, series: Sequence[float | None]) -> bool:
        """The state after a series of periods, the latest last; None where nothing was published."""
        looked_at = list(series)[-(self.evaluation_periods + EXTRA_PERIODS) :]
        real = [value for value in looked_at if value is not None]
        if len(real) >= self.evaluation_periods:  # missing periods do not count
            return all(map(self._breaches, real[-self.evaluation_periods :]))
        return bool(real) and self.missing == "breaching" and all(map(self._breaches, real))

    def _breaches(self, value: float) -> bool:
        return bool(_BREACHES[self.comparison](value, self.threshold))


def alarm(values: dict[str, Any]) -> Alarm:
    """An alarm from its values in Terraform."""
    return Alarm(
        period_s=values["period"],
        evaluation_periods=values["evaluation_periods"],
        comparison=values["comparison_operator"],
        threshold=values["threshold"],
        missing=values["treat_missing_data"],
    )
