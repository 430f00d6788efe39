"""Checks the input of an execution of ftm-panel-processor, and that its quarters have been run.

Part of ftm-prefetch-check, so that a typo ends the execution at once and not when an instance has been found for the
job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from cloud.src.contract import documents, keys
from cloud.src.contract.errors import InvalidInput

FIELDS = ("quarters", "bucket", "name", "themes_from")


def check(connect: Callable[[], Any], given: object) -> dict[str, str]:
    """Return what the job is told: ``quarters``, oldest first and with a space between two, and ``themes_from``.

    ``connect`` makes the client of S3, once the input is found to be right. ``themes_from`` is ``joint`` where the
    input has none. Raises InvalidInput if the input is malformed, or a quarter has no themes yet.
    """
    panel = keys.check_event(given)
    keys.check_fields(panel, FIELDS)
    bucket = keys.check_bucket(panel.get("bucket"))
    keys.check_panel(_text(panel, "name"))
    quarters = _quarters(panel.get("quarters"))
    themes_from = panel.get("themes_from")
    if themes_from is not None:
        keys.check_quarter(themes_from)
    keys.check_panel_quarters(quarters, themes_from)
    s3 = connect()
    for quarter in sorted({*quarters, *([themes_from] if themes_from else [])}):
        _check_has_run(s3, bucket, quarter)
    return {"quarters": " ".join(sorted(quarters)), "themes_from": themes_from or keys.JOINT}


def _text(panel: dict[str, Any], name: str) -> str:
    value = panel.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"{name} {value!r:.60} is not a text")
    return value


def _quarters(given: object) -> list[str]:
    if not isinstance(given, list) or not given:
        raise InvalidInput(f'quarters {given!r:.60} is not a list of quarters: write it like ["2022Q4", "2023Q1"]')
    return [keys.check_quarter(quarter) for quarter in given]


def _check_has_run(s3: Any, bucket: str, quarter: str) -> None:
    """Whether a run of the quarter has come to its themes."""
    key = keys.themes_progress(quarter)
    where = f"s3://{bucket}/{key}"
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            raise InvalidInput(
                f"{quarter} has no themes yet ({where} is missing): run the quarter first, to its end"
            ) from error
        if error.response["Error"]["Code"] == "NoSuchBucket":
            raise InvalidInput(f"bucket {bucket!r} does not exist") from error
        raise
    if not documents.themes_progress(body, where).get("run"):
        raise InvalidInput(f"{quarter} has no themes yet ({where} is of a run that has not ended): run it to its end")
