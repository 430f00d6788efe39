"""Patches of moto refuse a moto that they do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.src.localaws.moto_gaps.patching import add, patch
from cloud.src.localaws.not_implemented import refusing


class Responses:
    def describe_one(self) -> str:
        return "stock"


def describe_one(self: Responses) -> str:
    return "patched"


def describe_two(self: Responses) -> str:
    return "added"


@pytest.fixture
def responses() -> type[Any]:
    return type("Responses", (Responses,), {"describe_one": Responses.describe_one})


def test_a_patch_replaces_and_returns_the_original(responses: type[Any]) -> None:
    stock = patch(responses, "describe_one", describe_one)
    assert (responses().describe_one(), stock(responses())) == ("patched", "stock")


def test_there_must_be_something_to_patch(responses: type[Any]) -> None:
    with pytest.raises(AttributeError, match="describe_two"):
        patch(responses, "describe_two", describe_two)


def test_an_action_is_added(responses: type[Any]) -> None:
    add(responses, describe_two)
    assert responses().describe_two() == "added"


def test_an_action_that_moto_has_is_not_replaced(responses: type[Any]) -> None:
    with pytest.raises(AttributeError, match=r"moto has Responses\.describe_one by now: drop the patch"):
        add(responses, describe_one)
    assert responses().describe_one() == "stock"


def test_a_request_disturbed_by_another_may_be_tried_again() -> None:
    def disturbed(self: Responses) -> None:
        counts = {"a": 1}
        for key in counts:
            counts[key + key] = 2

    with pytest.raises(RuntimeError, match="dictionary changed size during iteration"):
        refusing(disturbed)(Responses())
