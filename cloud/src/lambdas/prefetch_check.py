"""Lambda ftm-prefetch-check: checks whether the quarter has prefetched sentences to process.

The first state of the state machine: it also checks the rest of the execution's input, so that a typo ends the
execution at once and not after an hour of map jobs. It does the same for the state machine of panels.
"""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.exceptions import ClientError

from cloud.src.contract import documents, keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.lambdas import panel_input

WHO_NAMES = ("llm", "keywords")
# Of an execution's input.
FIELDS = ("quarter", "bucket", "batch_size", "topic_naming", "theme_naming")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take ``{"quarter", "bucket"}``; return ``{"exists", "quarter", "bucket", "manifest_key", "n_firms"}``.

    ``batch_size``, ``topic_naming`` and ``theme_naming`` are checked if given, other fields are refused. Raises
    InvalidInput if the input or an existing manifest is malformed. ``{"panel": ...}`` is the input of an execution of
    ftm-panel-processor, see panel_input.py.
    """
    event = keys.check_event(event)
    if list(event) == ["panel"]:
        return panel_input.check(_s3, event["panel"])
    quarter, bucket = _checked(event)
    manifest_key = keys.prefetch_manifest(quarter)
    n_firms = _count_firms(bucket, manifest_key)
    return {
        "exists": n_firms is not None,
        "quarter": quarter,
        "bucket": bucket,
        "manifest_key": manifest_key,
        "n_firms": n_firms or 0,
    }


def _checked(event: dict[str, Any]) -> tuple[str, str]:
    keys.check_fields(event, FIELDS)
    quarter, bucket = keys.check_quarter(event.get("quarter")), keys.check_bucket(event.get("bucket"))
    if "batch_size" in event:
        keys.check_batch_size(event["batch_size"])
    for name in ("topic_naming", "theme_naming"):
        who = event.get(name, "llm")
        if who not in WHO_NAMES:
            raise InvalidInput(f"{name} {who!r} is neither 'llm' nor 'keywords'")
    return quarter, bucket


def _count_firms(bucket: str, manifest_key: str) -> int | None:
    """Number of firms in the prefetch manifest; None if it does not exist."""
    try:
        body = _s3().get_object(Bucket=bucket, Key=manifest_key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        if error.response["Error"]["Code"] == "NoSuchBucket":
            raise InvalidInput(f"bucket {bucket!r} does not exist") from error
        raise
    return len(documents.prefetched_firms(body, f"s3://{bucket}/{manifest_key}"))


@functools.cache
def _s3() -> Any:
    return boto3.client("s3")
