"""``ftm aws resume``: a new execution of a quarter that did not end well, which does only what is missing.

It is no redrive, which would repeat the Fail state only, because failed batches are caught (ADR-003).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from cloud.src.cli.aws import quarters
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.quarters import Estimate
from cloud.src.contract import documents, keys
from cloud.src.contract.errors import InvalidInput, QuarterRunning

NAMING = ("topic_naming", "theme_naming")
# Ends of executions that have done nothing: their input was wrong, or another one held the quarter.
REFUSED = (InvalidInput.__name__, QuarterRunning.__name__)
# Ends of executions that have made all tables, and what is left then.
TABLES_MADE = {
    "NamesIncomplete": "many names were lost: the firms with lost names are named again",
    "NotifyFailed": "NotifyCompletion failed, so lost names were not counted: firms with lost names are named again",
}


@dataclass(frozen=True)
class Unfinished:
    """A quarter's last execution, and what it and those before it have left."""

    batch_size: int
    naming: dict[str, str]
    all_firms: Estimate
    n_finished: int  # firms that are done or skipped
    tables_made: str = ""  # what is left of an execution that has made all tables

    def in_words(self) -> str:
        """What is reused and what that saves, in one line; how many firms have lost names is not known here."""
        if self.tables_made:
            return f"{self.n_finished:,} of {self.all_firms.n_firms:,} firms are finished, but {self.tables_made}"
        saved = replace(self.all_firms, n_firms=self.n_finished)
        left = replace(self.all_firms, n_firms=self.all_firms.n_firms - self.n_finished)
        line = f"{self.n_finished:,} of {self.all_firms.n_firms:,} firms are finished and reused"
        if "keywords" in self.naming.values():
            return f"{line}; {left.n_firms:,} are left"
        return (
            f"{line}, which saves about {saved.hours():.1f} h and ${saved.usd():.2f}; left: {left.in_words()}. "
            "Firms whose names were lost are named again; a new image, prompt or prefetch has firms processed again"
        )


def unfinished(account: Account, quarter: str) -> Unfinished:
    """Raises InvalidInput when there is nothing to resume: never started, still running, or succeeded."""
    last = _last(account, quarter)
    if last is None:
        raise InvalidInput(f"{quarter} was never started here: ftm aws start {quarter}")
    if last["status"] == "RUNNING":
        raise InvalidInput(f"{quarter} is already running: {last['executionArn']}; ftm aws follow {quarter}")
    if last["status"] == "SUCCEEDED":
        raise InvalidInput(f"{quarter} has succeeded, and nothing is missing; to run it again: ftm aws start {quarter}")
    given = json.loads(last["input"])
    return Unfinished(
        batch_size=keys.check_batch_size(given.get("batch_size", keys.DEFAULT_BATCH_SIZE)),
        naming={name: given[name] for name in NAMING if name in given},
        all_firms=quarters.estimate(account, quarter),
        n_finished=len(_finished(account, quarter)),
        tables_made=TABLES_MADE.get(last.get("error", ""), ""),
    )


def _last(account: Account, quarter: str) -> dict[str, Any] | None:
    """The quarter's last execution that was not refused at once."""
    started = (one for one in quarters.executions(account) if one.get("error") not in REFUSED)
    return next((one for one in started if quarters.quarter_of(one) == quarter), None)


def _finished(account: Account, quarter: str) -> set[str]:
    """The firms of the prefetch that map jobs have finished, whatever their batches were."""
    s3, bucket = account.client("s3"), account.bucket()
    finished: set[str] = set()
    for key in _progress_files(s3, bucket, quarter):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        progress = documents.batch_progress(body, f"s3://{bucket}/{key}")
        finished |= {*progress["done"], *(firm["firm_id"] for firm in progress["skipped"])}
    manifest = keys.prefetch_manifest(quarter)
    body = s3.get_object(Bucket=bucket, Key=manifest)["Body"].read()
    return finished & documents.prefetched_firms(body, f"s3://{bucket}/{manifest}").keys()


def _progress_files(s3: Any, bucket: str, quarter: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=keys.progress_prefix(quarter))
    found = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return [key for key in found if keys.is_batch_progress(key)]
