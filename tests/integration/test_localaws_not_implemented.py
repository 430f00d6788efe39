"""Actions that the local AWS does not have, and whether moto still needs its patch."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.localaws_helpers import local_aws_without


def answer_of_a_missing_action(aws: LocalAws) -> Any:
    with pytest.raises(ClientError) as error:
        aws.client("ssm").describe_inventory_deletions()
    return error.value.response


def test_a_missing_action_is_refused_at_once_and_named() -> None:
    with local_aws() as aws:
        answer = answer_of_a_missing_action(aws)
    assert answer["Error"]["Code"] == "NotImplemented"
    assert "describe_inventory_deletions" in answer["Error"]["Message"]
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["ResponseMetadata"]["RetryAttempts"]) == (501, 0)


def test_stock_moto_lets_clients_try_a_missing_action_again_and_again() -> None:
    with local_aws_without("not_implemented.install") as stock:
        answer = answer_of_a_missing_action(stock)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["ResponseMetadata"]["RetryAttempts"] > 1
