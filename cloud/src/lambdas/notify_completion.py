"""Lambda ftm-notify-completion: reports how a quarter went, on the SNS topic SNS_TOPIC_ARN if that is set."""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import boto3

from cloud.src.contract import keys

# Long enough for the reason of a failed job, short enough for a mail.
MAX_REASON_LENGTH = 500
# vLLM is scaled by hand (ADR-006), and whoever forgets it pays for it: every notification says how to stop it.
VLLM_REMINDER = (
    "vLLM: it is never stopped automatically and costs about $0.37 an hour while it runs; to stop it: "
    "aws ecs update-service --cluster ftm-vllm-cluster --service ftm-vllm-service --desired-count 0 && "
    "aws autoscaling set-desired-capacity --auto-scaling-group-name ftm-vllm-asg --desired-capacity 0"
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take what summarize_results returned, with ``reduce_error`` if reduce wrote no themes.

    Return ``{"notified", "message"}``. Raises InvalidInput for a bad quarter or bucket.
    """
    event = keys.check_event(event)
    quarter, bucket = keys.check_quarter(event.get("quarter")), keys.check_bucket(event.get("bucket"))
    subject = f"FTM {quarter}: {_outcome(event)}"
    counts = [_batches(event), _firms(event), *_names(event)]
    message = "\n".join([subject, *counts, _themes(event, quarter, bucket), *_worker(event), VLLM_REMINDER])
    topic_arn = os.environ.get("SNS_TOPIC_ARN")
    if topic_arn:
        _sns().publish(TopicArn=topic_arn, Subject=subject, Message=message)
    return {"notified": bool(topic_arn), "message": message}


def _outcome(event: dict[str, Any]) -> str:
    """A few ASCII words, as SNS requires of a subject."""
    if "reduce_error" in event:
        return "failed, no themes"
    return "finished with failed batches" if event["has_failures"] else "succeeded"


def _batches(event: dict[str, Any]) -> str:
    counts = f"Batches: {event['succeeded']} succeeded, {event['failed']} failed"
    if not event["failed"]:
        return counts
    listed = ", ".join(event["failed_batches"])
    more = event["failed"] - len(event["failed_batches"])
    and_more = f" and {more} more" if more > 0 else ""
    return f"{counts} ({listed}{and_more}). Start the quarter again to redo only what is missing."


def _firms(event: dict[str, Any]) -> str:
    return (
        f"Firms: {event['firms_succeeded']} succeeded, {event['firms_skipped']} skipped, "
        f"{event['firms_failed']} failed, of {event['firms_total']}"
    )


def _names(event: dict[str, Any]) -> list[str]:
    """The line that says who named the topics, if an LLM was asked."""
    naming = event.get("naming", {})
    by_llm, by_keywords = naming.get("by_llm", 0), naming.get("by_keywords", {})
    if not by_llm and not by_keywords:
        return []
    counts = f"Names of topics in this run: {by_llm} by the LLM, {sum(by_keywords.values())} by keywords"
    reasons = ", ".join(f"{count} {reason}" for reason, count in by_keywords.items())
    line = f"{counts} ({reasons})" if reasons else counts
    if by_keywords.get("outage"):
        line += ". The LLM was away for too long: start the quarter again to name these topics"
    return [f"{line}."]


def _themes(event: dict[str, Any], quarter: str, bucket: str) -> str:
    if "reduce_error" in event:
        return f"Themes: not written, {_reason(event['reduce_error'])}"
    return f"Themes: s3://{bucket}/{keys.themes(quarter)}"


def _worker(event: dict[str, Any]) -> list[str]:
    """The line that says which commits ran, if any job has reported one."""
    commits, deployed = (", ".join(event.get(name, [])) for name in ("commits", "deployed_commits"))
    if not commits:
        return []
    if event.get("stale_image") is not True:
        return [f"Worker: commit {commits}"]
    return [f"Worker: commit {commits}, but {deployed} was deployed: the image is stale, see the jobs' logs"]


def _reason(error: dict[str, Any]) -> str:
    """One line for what Step Functions caught; the cause of a failed Batch job is the whole job as JSON."""
    name, cause = error.get("Error", "unknown error"), str(error.get("Cause", ""))
    try:
        job = json.loads(cause)
    except ValueError:
        job = None
    if isinstance(job, dict) and "StatusReason" in job:
        # The container's reason says more than the job's "Task failed to start".
        reason = job.get("Container", {}).get("Reason") or job["StatusReason"]
        cause = f"{reason} (Batch job {job.get('JobId')})"
    return " ".join(f"{name}: {cause}".split())[:MAX_REASON_LENGTH]


@functools.cache
def _sns() -> Any:
    return boto3.client("sns")
