"""Lambda ftm-summarize-results: counts which batches and firms succeeded.

The Map's results say which batches failed; the map jobs' progress files say which firms are done.
"""

from __future__ import annotations

import functools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypedDict

import boto3
from botocore.exceptions import ClientError

from cloud.src.contract import documents, keys, names_count
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.names_count import NamesCount

# Kept short: the state machine passes this on and the notification prints it.
MAX_FAILED_BATCHES_LISTED = 20
# One of each, unless something was deployed during the run.
MAX_COMMITS_LISTED = 5
# Long enough for an error and an object's address.
MAX_REASON_LENGTH = 300
# Why a batch failed whose job has not said so.
NOT_STARTED = "its job has left no progress: it did not start, or was stopped"
KILLED = "its job was ended before it could say why, see its log"
# As many connections as a boto3 client keeps open.
PARALLEL_READS = 10


class JobRecord(NamedTuple):
    """The firms that a map job has handled, what it counted while naming topics, and the image it ran in."""

    done: set[str]
    skipped: set[str]
    naming: dict[str, int]
    waited_s: float
    commit: str
    deployed_commit: str
    stale_image: bool
    reason: str  # why the job has given up


class BatchCount(NamedTuple):
    """Whether one batch succeeded, and how many of its firms were handled."""

    batch_id: str
    succeeded: bool
    firms_total: int
    firms_succeeded: int
    firms_skipped: int
    reason: str = ""  # why it failed


class Totals(TypedDict):
    """Totals over all batches, in the form the state machine passes on."""

    succeeded: int  # batches
    failed: int
    failed_batches: list[str]  # the first of them
    reason: str  # why the first of them failed
    firms_total: int
    firms_succeeded: int
    firms_skipped: int
    firms_failed: int
    has_failures: bool


class NamingTook(TypedDict):
    """Tokens that the LLM has read and written, and the seconds for which jobs only waited for it."""

    prompt_tokens: int
    answer_tokens: int
    waited_s: float


class Images(TypedDict):
    """The commits of the images that the jobs ran in and that were deployed, and whether they differ for any job."""

    commits: list[str]
    deployed_commits: list[str]
    stale_image: bool


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take ``{"quarter", "bucket", "manifest_key", "results"}``; return counts, ``has_failures``, who named the topics,
    what that has taken, and which commits ran.

    A firm that no progress file of this execution lists as done or skipped counts as failed. ``theme_naming`` is passed
    on to the state after this one. Raises InvalidInput for a bad quarter or bucket, and for a document in S3 that
    is not what its key says.
    """
    return count(_s3(), keys.check_event(event))


def count(s3: Any, event: dict[str, Any]) -> dict[str, Any]:
    """Count the results of an execution with this S3 client."""
    quarter, bucket = keys.check_quarter(event.get("quarter")), keys.check_bucket(event.get("bucket"))
    manifest_key = event["manifest_key"]
    status_of_batch = {result["batch_id"]: result["status"] for result in event["results"]}
    firms_of_batch = _read_batches(s3, bucket, manifest_key)
    if firms_of_batch.keys() != status_of_batch.keys():
        raise InvalidInput(
            f"s3://{bucket}/{manifest_key} lists other batches than those that ran: start the quarter again"
        )

    def read(batch_id: str) -> JobRecord | None:
        return _read_progress(s3, bucket, keys.progress(quarter, batch_id), manifest_key)

    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        progress_of_batch = dict(zip(firms_of_batch, pool.map(read, firms_of_batch), strict=True))
    batches = [
        count_batch(batch_id, status_of_batch[batch_id], firm_ids, progress_of_batch[batch_id])
        for batch_id, firm_ids in firms_of_batch.items()
    ]
    jobs = [progress for progress in progress_of_batch.values() if progress]
    passed_on = {"theme_naming": event.get("theme_naming", "llm")}
    execution = {"quarter": quarter, "bucket": bucket, "manifest_key": manifest_key}
    named = {"naming": who_named(jobs), "naming_took": naming_took(jobs)}
    return {**execution, **passed_on, **add_up(batches), **named, **what_ran(jobs)}


def count_batch(batch_id: str, status: str, firm_ids: list[str], progress: JobRecord | None) -> BatchCount:
    """Count one batch; ``progress`` is None when this execution left no progress file for it.

    A job that claims success but left no progress did not do its work, so its batch counts as failed.
    """
    if progress is None:
        return BatchCount(batch_id, False, len(firm_ids), firms_succeeded=0, firms_skipped=0, reason=NOT_STARTED)
    return BatchCount(
        batch_id=batch_id,
        succeeded=status == "SUCCEEDED",
        firms_total=len(firm_ids),
        firms_succeeded=len(progress.done.intersection(firm_ids)),
        firms_skipped=len((progress.skipped - progress.done).intersection(firm_ids)),
        reason="" if status == "SUCCEEDED" else progress.reason or KILLED,
    )


def add_up(batches: list[BatchCount]) -> Totals:
    """Add up the counts of all batches."""
    failed = [batch.batch_id for batch in batches if not batch.succeeded]
    reasons = [f"{batch.batch_id}: {batch.reason}" for batch in batches if not batch.succeeded]
    total = sum(batch.firms_total for batch in batches)
    succeeded = sum(batch.firms_succeeded for batch in batches)
    skipped = sum(batch.firms_skipped for batch in batches)
    return {
        "succeeded": len(batches) - len(failed),
        "failed": len(failed),
        "failed_batches": failed[:MAX_FAILED_BATCHES_LISTED],
        "reason": " ".join("".join(reasons[:1]).split())[:MAX_REASON_LENGTH],
        "firms_total": total,
        "firms_succeeded": succeeded,
        "firms_skipped": skipped,
        "firms_failed": total - succeeded - skipped,
        "has_failures": bool(failed),
    }


def who_named(jobs: list[JobRecord]) -> NamesCount:
    """Count who named the topics in this execution.

    An outage is among the reasons: those topics are named when the quarter is started again.
    """
    return names_count.who_named(sum((Counter(job.naming) for job in jobs), Counter[str]()))


def naming_took(jobs: list[JobRecord]) -> NamingTook:
    """Add up what the names have taken, for the record of what the execution has cost."""
    naming = sum((Counter(job.naming) for job in jobs), Counter[str]())
    return {
        "prompt_tokens": naming["prompt tokens"],
        "answer_tokens": naming["answer tokens"],
        "waited_s": round(sum(job.waited_s for job in jobs), 3),
    }


def what_ran(jobs: list[JobRecord]) -> Images:
    """Collect the commits that ran and were deployed."""
    return {
        "commits": sorted({job.commit for job in jobs})[:MAX_COMMITS_LISTED],
        "deployed_commits": sorted({job.deployed_commit for job in jobs})[:MAX_COMMITS_LISTED],
        "stale_image": any(job.stale_image for job in jobs),
    }


def _read_batches(s3: Any, bucket: str, manifest_key: str) -> dict[str, list[str]]:
    """Firm ids of each batch in the JSONL manifest."""
    body = s3.get_object(Bucket=bucket, Key=manifest_key)["Body"].read()
    return documents.batches(body, f"s3://{bucket}/{manifest_key}")


def _read_progress(s3: Any, bucket: str, key: str, manifest_key: str) -> JobRecord | None:
    """Return the progress that this execution has recorded for a batch, or None."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    progress = documents.batch_progress(body, f"s3://{bucket}/{key}")
    if progress["manifest_key"] != manifest_key:
        return None
    return JobRecord(
        done=set(progress["done"]),
        skipped={firm["firm_id"] for firm in progress["skipped"]},
        # An image older than this function may not write all of these.
        naming=progress.get("naming", {}),
        waited_s=progress.get("waited_s", 0),
        commit=progress.get("commit", "unknown"),
        deployed_commit=progress.get("deployed_commit", "unknown"),
        stale_image=progress.get("stale_image", False),
        reason=progress.get("reason", ""),
    )


@functools.cache
def _s3() -> Any:
    return boto3.client("s3")
