"""Lambda ftm-notify-completion: reports how a quarter went, what it has cost and whether vLLM still runs, on the SNS
topic SNS_TOPIC_ARN if that is set; the cost goes into progress/<quarter>/_cost.json too, also of an execution that was
stopped or timed out."""

from __future__ import annotations

import functools
import json
import logging
import os
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.contract import documents, keys, names_count
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.names_count import NamesCount, is_enough
from cloud.src.lambdas import ended_execution, run_cost, running_vllm, summarize_results
from cloud.src.lambdas.looks import MAIL, Looks
from cloud.src.lambdas.running_vllm import VllmSeen

log = logging.getLogger(__name__)

# Long enough for the reason of a failed job, short enough for a mail.
MAX_REASON_LENGTH = 500


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take what summarize_results returned, with ``reduce_error`` if reduce wrote no themes; or EventBridge's event of
    an execution that has ended, which is mailed unless the execution has done so itself.

    Return ``{"notified", "message", "names_incomplete", "names"}``; ``names`` says which names are lost, as the cause
    of a failed execution. A mail that cannot be sent does not lose that answer. Raises InvalidInput for a bad quarter
    or bucket.
    """
    event = keys.check_event(event)
    looks = Looks()
    if ended_execution.is_ending(event):
        return _tell_ending(looks, event["detail"]["executionArn"], event["detail"]["status"])
    quarter, bucket = keys.check_quarter(event.get("quarter")), keys.check_bucket(event.get("bucket"))
    themes = _progress_of_themes(looks, event, quarter, bucket)
    named = _who_named(event, themes)
    incomplete = [_lost(of_what, naming) for of_what, naming in named.items() if naming and not is_enough(naming)]
    outcome = _outcome(event, bool(incomplete))
    subject = f"FTM {quarter}: {outcome}"
    vllm = running_vllm.look(looks)  # before the cost, whose many jobs may use up the time
    counts = [_batches(event), _firms(event), *_names(named), _themes(event, quarter, bucket), *_worker(event)]
    message = "\n".join([subject, *counts, *run_cost.recorded(looks, event, outcome, themes, vllm), vllm.in_words])
    return {
        "notified": _send(subject, message),
        "message": message,
        "names_incomplete": bool(incomplete),
        "names": "; ".join(incomplete),
    }


def _tell_ending(looks: Looks, execution: str, status: str) -> dict[str, Any]:
    """One mail per ending, and its cost written down: neither where the execution has seen to it itself."""
    states = looks.client("stepfunctions")
    own = ended_execution.notification(states, execution)
    if own and own.get("notified") is True:
        return {"notified": False, "message": ""}
    subject, lines = ended_execution.ending(states, execution, status)
    vllm = running_vllm.look(looks)
    did = _what_it_did(looks, execution, status, vllm) if own is None else []
    message = "\n".join([subject, *lines, *did, vllm.in_words])
    return {"notified": _publish(subject, message), "message": message}  # if it fails, Lambda calls this again


def _what_it_did(looks: Looks, execution: str, status: str, vllm: VllmSeen) -> list[str]:
    """Who named and what it has cost, which is written down, as far as it got; the mail matters more than that."""
    try:
        ended = ended_execution.with_batches(looks.client("stepfunctions"), execution)
        if ended is None:
            return []
        manifest_key, batch_ids = ended["batches"]["manifest_key"], ended["batches"]["batch_ids"]
        # That they have not all failed does not matter: names and tokens are counted whatever became of a batch.
        results = [{"batch_id": batch_id, "status": "FAILED"} for batch_id in batch_ids]
        event = {**ended, "manifest_key": manifest_key, "results": results}
        counted = summarize_results.count(looks.client("s3"), event)
        themes = _progress_of_themes(looks, counted, counted["quarter"], counted["bucket"])
    except Exception as error:
        log.warning("what the execution has cost was not written down: %s", error)
        return [f"Cost: not recorded ({type(error).__name__}), see this function's log"]
    outcome = status.lower().replace("_", " ")
    return [*_names(_who_named(counted, themes)), *run_cost.recorded(looks, counted, outcome, themes, vllm)]


def _send(subject: str, message: str) -> bool:
    """Send the message; return whether that worked."""
    try:
        return _publish(subject, message)
    except (BotoCoreError, ClientError) as error:
        log.error("the mail was not sent: %s", error)
        return False


def _publish(subject: str, message: str) -> bool:
    """Publish the message if there is a topic; return whether there is one."""
    topic_arn = os.environ.get("SNS_TOPIC_ARN")
    if not topic_arn:
        return False
    _sns().publish(TopicArn=topic_arn, Subject=subject, Message=message)
    return True


def _outcome(event: dict[str, Any], names_incomplete: bool) -> str:
    """A few ASCII words, as SNS requires of a subject."""
    if "reduce_error" in event:
        return "failed, no themes"
    if event["has_failures"]:
        return "finished with failed batches"
    return "finished with names missing" if names_incomplete else "succeeded"


def _batches(event: dict[str, Any]) -> str:
    counts = f"Batches: {event['succeeded']} succeeded, {event['failed']} failed"
    if not event["failed"]:
        return counts
    listed = ", ".join(event["failed_batches"])
    more = event["failed"] - len(event["failed_batches"])
    and_more = f" and {more} more" if more > 0 else ""
    reason = f" The first reason: {event['reason']}." if event.get("reason") else ""
    return f"{counts} ({listed}{and_more}).{reason} Start the quarter again to redo only what is missing."


def _firms(event: dict[str, Any]) -> str:
    return (
        f"Firms: {event['firms_succeeded']} succeeded, {event['firms_skipped']} skipped, "
        f"{event['firms_failed']} failed, of {event['firms_total']}"
    )


def _progress_of_themes(looks: Looks, event: dict[str, Any], quarter: str, bucket: str) -> dict[str, Any] | None:
    """What reduce has left of naming the themes; None if no LLM was asked or reduce did not get that far."""
    if event.get("theme_naming") != "llm" or "reduce_error" in event:
        return None
    key = keys.themes_progress(quarter)
    try:
        body = looks.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        progress = documents.themes_progress(body, f"s3://{bucket}/{key}")
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    except InvalidInput as error:
        log.warning("the mail does not say who named the themes: %s", error)
        return None
    if progress["manifest_key"] != event["manifest_key"]:  # of another execution
        return None
    return progress


def _who_named(event: dict[str, Any], themes: dict[str, Any] | None) -> dict[str, NamesCount | None]:
    """Count who named the topics and the themes; ``themes`` is the progress of the themes."""
    of_themes = names_count.who_named(themes.get("naming", {})) if themes else None
    return {"topics": event.get("naming"), "themes": of_themes}


def _names(named: dict[str, NamesCount | None]) -> list[str]:
    """A line for the topics and one for the themes that says who named them, if an LLM was asked."""
    return [
        _line_of_names(of_what, naming)
        for of_what, naming in named.items()
        if naming and (naming["by_llm"] or naming["by_keywords"])
    ]


def _line_of_names(of_what: str, naming: NamesCount) -> str:
    by_keywords = naming["by_keywords"]
    counts = f"Names of {of_what} in this run: {naming['by_llm']} by the LLM, {sum(by_keywords.values())} by keywords"
    reasons = ", ".join(f"{count} {reason}" for reason, count in by_keywords.items())
    line = f"{counts} ({reasons})" if reasons else counts
    if names_count.lost(naming):
        line += f". The LLM was unavailable for too long or failed: start the quarter again to name these {of_what}"
    return f"{line}."


def _lost(of_what: str, naming: NamesCount) -> str:
    """How many names are lost, and why: "topics: 90 named by the LLM, 10 lost (10 outage)"."""
    lost = names_count.lost(naming)
    reasons = ", ".join(f"{count} {reason}" for reason, count in lost.items())
    return f"{of_what}: {naming['by_llm']} named by the LLM, {sum(lost.values())} lost ({reasons})"


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
    return boto3.client("sns", config=MAIL)
