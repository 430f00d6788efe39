"""Requests that the local AWS cannot answer, and whether moto still needs its patch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.localaws_helpers import local_aws_without

Request = Callable[[LocalAws], Any]


def missing_json_action(aws: LocalAws) -> Any:
    return aws.client("ssm").describe_inventory_deletions()


def missing_xml_action(aws: LocalAws) -> Any:
    return aws.client("ec2").describe_fpga_images()


def crash_of_a_json_action(aws: LocalAws) -> Any:
    """Our own list_tags_for_resource looks a budget up that is not there."""
    return aws.client("budgets").list_tags_for_resource(ResourceARN="arn:aws:budgets::666938415731:budget/none")


def s3_with_bad_policy(aws: LocalAws) -> Any:
    """Moto takes any text for a policy, and reads it at the next request."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="with-bad-policy")
    s3.put_bucket_policy(Bucket="with-bad-policy", Policy="no\njson")
    return s3


def crash_at_an_s3_key(aws: LocalAws) -> Any:
    return s3_with_bad_policy(aws).get_object(Bucket="with-bad-policy", Key="key")


def crash_at_an_s3_bucket(aws: LocalAws) -> Any:
    return s3_with_bad_policy(aws).delete_objects(Bucket="with-bad-policy", Delete={"Objects": [{"Key": "key"}]})


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def stock() -> Iterator[LocalAws]:
    with local_aws_without("not_implemented:install") as stock:
        yield stock


def answer_to(request: Request, aws: LocalAws) -> Any:
    with pytest.raises(ClientError) as error:
        request(aws)
    return error.value.response


@pytest.mark.parametrize(
    ("request_of", "action"),
    [(missing_json_action, "describe_inventory_deletions"), (missing_xml_action, "describe_fpga_images")],
)
def test_a_missing_action_is_refused_at_once_and_named(aws: LocalAws, request_of: Request, action: str) -> None:
    answer = answer_to(request_of, aws)
    assert answer["Error"]["Code"] == "NotImplemented"
    assert f"the local AWS cannot do this: The {action} action" in answer["Error"]["Message"]
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["ResponseMetadata"]["RetryAttempts"]) == (501, 0)


@pytest.mark.parametrize(
    ("request_of", "reason"),
    [
        (crash_of_a_json_action, "KeyError: 'none'"),
        (crash_at_an_s3_key, "JSONDecodeError: Expecting value: line 1"),
        (crash_at_an_s3_bucket, "JSONDecodeError: Expecting value: line 1"),
    ],
)
def test_a_crash_is_one_line_at_once_and_logged(aws: LocalAws, request_of: Request, reason: str) -> None:
    answer = answer_to(request_of, aws)
    assert answer["Error"]["Code"] == "LocalAwsFailure"
    assert f"the local AWS failed, see its log: {reason}" in answer["Error"]["Message"]
    assert "\n" not in answer["Error"]["Message"]
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["ResponseMetadata"]["RetryAttempts"]) == (501, 0)
    assert aws.work_folder is not None
    log = (aws.work_folder / "server.log").read_text()
    assert "Traceback" in log
    assert reason in log


def test_what_moto_itself_refuses_is_no_crash(aws: LocalAws) -> None:
    answer = answer_to(lambda aws: aws.client("s3").get_object(Bucket="no-such-bucket", Key="key"), aws)
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("NoSuchBucket", 404)
    answer = answer_to(lambda aws: aws.client("ssm").get_parameter(Name="/none"), aws)
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("ParameterNotFound", 400)


@pytest.mark.parametrize(
    "request_of", [missing_json_action, crash_of_a_json_action, crash_at_an_s3_key, crash_at_an_s3_bucket]
)
def test_stock_moto_lets_clients_try_again_and_again(stock: LocalAws, request_of: Request) -> None:
    answer = answer_to(request_of, stock)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["ResponseMetadata"]["RetryAttempts"] > 1


def test_stock_moto_answers_missing_xml_actions_unreadably(stock: LocalAws) -> None:
    with pytest.raises(ResponseParserError):
        missing_xml_action(stock)
