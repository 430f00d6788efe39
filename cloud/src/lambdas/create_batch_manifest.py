"""Lambda ftm-create-batch-manifest: divides a quarter's firms into batches and writes them to one JSONL file.

Only the batch ids travel through the state machine, because a state's payload is limited to 256 KB; the firms of a
batch are in the file. See docs/adr/adr_003_inline_map.md for the limit on the number of batches.
"""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from cloud.src.contract import documents, keys
from cloud.src.contract.errors import InvalidInput, PrefetchRequiredError
from cloud.src.lambdas import running_quarter


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take ``{"quarter", "bucket", "batch_size"}``; return ``{"manifest_key", "batch_ids", "n_firms", "n_batches"}``.

    ``batch_size`` is optional. ``execution``, given by the state machine, is the ARN that claims the quarter; called by
    hand, the function claims nothing. Raises InvalidInput for a bad value, a quarter without firms, or more batches
    than the state machine can hold, PrefetchRequiredError when the quarter has no prefetch manifest, and
    QuarterRunning when another execution runs it.
    """
    event = keys.check_event(event)
    quarter, bucket = keys.check_quarter(event.get("quarter")), keys.check_bucket(event.get("bucket"))
    batch_size = keys.check_batch_size(event.get("batch_size", keys.DEFAULT_BATCH_SIZE))

    firm_ids = _read_firm_ids(bucket, quarter)
    keys.check_batches_fit(len(firm_ids), batch_size)
    batches = {
        keys.batch_id(quarter, start // batch_size): firm_ids[start : start + batch_size]
        for start in range(0, len(firm_ids), batch_size)
    }
    execution = event.get("execution")
    if execution:
        running_quarter.claim(_s3(), _states(), bucket, quarter, execution)
    try:
        manifest_key = _write(bucket, quarter, batches)
    except BaseException:
        if execution:
            running_quarter.release(_s3(), bucket, quarter, execution)
        raise
    return {
        "manifest_key": manifest_key,
        "batch_ids": list(batches),
        "n_firms": len(firm_ids),
        "n_batches": len(batches),
    }


def _write(bucket: str, quarter: str, batches: dict[str, list[str]]) -> str:
    """Write the manifest, one line per batch; return its key."""
    manifest_key = keys.batch_manifest(quarter, datetime.now(UTC))
    lines = (json.dumps({"batch_id": batch_id, "firm_ids": firms}) + "\n" for batch_id, firms in batches.items())
    _s3().put_object(Bucket=bucket, Key=manifest_key, Body="".join(lines).encode())
    return manifest_key


def _read_firm_ids(bucket: str, quarter: str) -> list[str]:
    """All firms of the prefetch manifest, ordered by chunk so that the firms of a batch are in few chunks."""
    manifest_key = keys.prefetch_manifest(quarter)
    try:
        body = _s3().get_object(Bucket=bucket, Key=manifest_key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            missing = f"s3://{bucket}/{manifest_key} is missing"
            raise PrefetchRequiredError(f"quarter {quarter} is not prefetched: {missing}") from error
        if error.response["Error"]["Code"] == "NoSuchBucket":
            raise InvalidInput(f"bucket {bucket!r} does not exist") from error
        raise
    chunk_of_firm = documents.prefetched_firms(body, f"s3://{bucket}/{manifest_key}")
    if not chunk_of_firm:
        raise InvalidInput(f"quarter {quarter} has no firms: its prefetch found none, see s3://{bucket}/{manifest_key}")
    return sorted(chunk_of_firm, key=lambda firm_id: (chunk_of_firm[firm_id], firm_id))


@functools.cache
def _s3() -> Any:
    return boto3.client("s3")


@functools.cache
def _states() -> Any:
    return boto3.client("stepfunctions")
