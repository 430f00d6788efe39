"""Allows one execution of a quarter at a time: manifests/<quarter>/_running.json names the one that runs.

It is written by one conditional write, so that of two executions started together exactly one runs. The state machine
deletes it when it ends; that of an execution which was stopped, or timed out, stays and is taken over by the next one,
because Step Functions says that it has ended.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cloud.src.contract import documents, keys
from cloud.src.contract.errors import QuarterRunning

# What S3 answers when the object is not as the write expects it.
NOT_AS_EXPECTED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
# Each time, another execution has taken or released the quarter between our look and our write.
MAX_TRIES = 5


def claim(s3: Any, states: Any, bucket: str, quarter: str, execution: str) -> None:
    """Note that ``execution`` (its ARN) runs the quarter; raise QuarterRunning while another one does."""
    key = keys.running(quarter)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    body = json.dumps({"execution": execution, "since": since}).encode()
    for _ in range(MAX_TRIES):
        if _write(s3, bucket, key, body, IfNoneMatch="*"):
            return
        found = _read(s3, bucket, key)
        if found is None:
            continue
        holder, version = found
        if holder == execution:  # a repeated call
            return
        if _runs(states, holder):
            raise QuarterRunning(f"quarter {quarter} is already being run by {holder}: wait for it or stop it")
        if _write(s3, bucket, key, body, IfMatch=version):
            return
    raise QuarterRunning(f"quarter {quarter} is being started by several executions: start it again")


def release(s3: Any, bucket: str, quarter: str, execution: str) -> None:
    """Forget that ``execution`` runs the quarter."""
    found = _read(s3, bucket, keys.running(quarter))
    if found is not None and found[0] == execution:
        s3.delete_object(Bucket=bucket, Key=keys.running(quarter))


def _write(s3: Any, bucket: str, key: str, body: bytes, **condition: str) -> bool:
    """Write the object if it is as expected; return whether it is now ours."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_AS_EXPECTED:
            return False
        raise
    return True


def _read(s3: Any, bucket: str, key: str) -> tuple[str, str] | None:
    """The execution that holds the quarter, and the version of the object; None if nobody does."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return documents.running_execution(answer["Body"].read(), f"s3://{bucket}/{key}"), answer["ETag"]


def _runs(states: Any, execution: str) -> bool:
    """Whether the execution is running; Step Functions forgets executions 90 days after their end."""
    try:
        return bool(states.describe_execution(executionArn=execution)["status"] in ("RUNNING", "PENDING_REDRIVE"))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ExecutionDoesNotExist", "InvalidArn"):
            return False
        raise
