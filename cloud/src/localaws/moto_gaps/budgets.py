"""Budgets: what Terraform needs and moto lacks."""

from __future__ import annotations

import json
from typing import Any

from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse

from cloud.src.localaws.moto_gaps.patching import add, patch


def install() -> None:
    """Let moto keep a budget's subscribers and tags."""
    tell_subscribers()
    keep_tags()


def tell_subscribers() -> None:
    """Stock moto stores who is told when a budget is used up, but cannot list them."""

    def describe_subscribers_for_notification(self: BudgetsResponse) -> str:
        wanted = _identity(self._get_param("Notification"))
        budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("BudgetName")]
        subscribers = [one.subscribers for one in budget.notifications if _identity(one.details) == wanted]
        return json.dumps({"Subscribers": subscribers[0] if subscribers else []})

    add(BudgetsResponse, describe_subscribers_for_notification)


def keep_tags() -> None:
    """Stock moto drops the tags of a budget and has no actions for tags."""

    def create_budget(self: BudgetsResponse) -> str:
        answer = stock_create_budget(self)
        budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("Budget")["BudgetName"]]
        _set_tags(budget, self._get_param("ResourceTags") or [])
        return str(answer)

    def list_tags_for_resource(self: BudgetsResponse) -> str:
        return json.dumps({"ResourceTags": _tags(_budget(self))})

    def tag_resource(self: BudgetsResponse) -> str:
        budget = _budget(self)
        _set_tags(budget, [*_tags(budget), *self._get_param("ResourceTags")])
        return "{}"

    def untag_resource(self: BudgetsResponse) -> str:
        budget = _budget(self)
        _set_tags(budget, [tag for tag in _tags(budget) if tag["Key"] not in self._get_param("ResourceTagKeys")])
        return "{}"

    stock_create_budget = patch(BudgetsResponse, "create_budget", create_budget)
    for action in (list_tags_for_resource, tag_resource, untag_resource):
        add(BudgetsResponse, action)


def _identity(notification: dict[str, Any]) -> tuple[Any, ...]:
    """What distinguishes a budget's notifications; their state does not."""
    kind = notification.get("ThresholdType", "PERCENTAGE")
    return notification["NotificationType"], notification["ComparisonOperator"], float(notification["Threshold"]), kind


def _budget(response: BudgetsResponse) -> Budget:
    """The budget of a request that names it by its ARN, arn:aws:budgets::ACCOUNT:budget/NAME."""
    arn = response._get_param("ResourceARN")
    return response.backend.budgets[arn.split(":")[4]][arn.rsplit("/", 1)[-1]]


def _tags(budget: Budget) -> list[dict[str, str]]:
    return list(vars(budget).get("resource_tags", []))


def _set_tags(budget: Budget, tags: list[dict[str, str]]) -> None:
    """Set the tags; the last value of a key counts."""
    values = {tag["Key"]: tag["Value"] for tag in tags}
    vars(budget)["resource_tags"] = [{"Key": key, "Value": value} for key, value in values.items()]
