"""How an execution ended that could not say so itself: it failed before or in NotifyCompletion, or was ended.

Executions of ftm-panel-processor have no such state: EventBridge reports each of their endings, the good ones too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput

DETAIL_TYPE = "Step Functions Execution Status Change"
NOTIFY_STATE, MANIFEST_STATE = "NotifyCompletion", "CreateBatchManifest"
PANEL_MACHINE = "ftm-panel-processor"
# After that state an execution has a dozen events at the most, with all retries.
LAST_EVENTS = 50
# So many it has at the most until its batches are known, with all retries.
FIRST_EVENTS = 100
MAX_CAUSE_LENGTH = 1000


class EndingMail(NamedTuple):
    """The mail about it."""

    subject: str
    lines: list[str]


def is_ending(event: dict[str, Any]) -> bool:
    """Whether EventBridge has sent this event, and not the state machine."""
    return event.get("detail-type") == DETAIL_TYPE


def notification(states: Any, execution: str) -> dict[str, Any] | None:
    """What NotifyCompletion has answered in this execution; None if it has not, or has failed."""
    history = states.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=LAST_EVENTS)
    outputs = _outputs(history["events"], NOTIFY_STATE)
    return next((dict(output["notification"]) for output in outputs if "notification" in output), None)


def with_batches(states: Any, execution: str) -> dict[str, Any] | None:
    """The input and ``batches`` of the execution (``manifest_key``, ``batch_ids``).

    None if it has not made them, and so has started no job.
    """
    history = states.get_execution_history(executionArn=execution, maxResults=FIRST_EVENTS)
    return next(_outputs(history["events"], MANIFEST_STATE), None)


def ending(states: Any, execution: str, status: str) -> EndingMail:
    """What to mail about the execution; ``status`` is the event's, because DescribeExecution may lag behind it."""
    ended = states.describe_execution(executionArn=execution)
    given, how = _given(ended.get("input", "")), status.lower().replace("_", " ")
    cause = " ".join(f"{ended.get('error', 'no error')}: {ended.get('cause', 'no cause given')}".split())
    if f":{PANEL_MACHINE}:" in execution:
        name = _checked(keys.check_panel, given.get("name"))
        if status == "SUCCEEDED":
            cause = f"Tables: s3://{given['bucket']}/{keys.panel_prefix(name)}"
        return EndingMail(_subject("panel", name, how), [cause[:MAX_CAUSE_LENGTH], f"Execution: {execution}"])
    quarter = _checked(keys.check_quarter, given.get("quarter"))
    again = f"finished firms are kept: ftm aws resume {quarter}" if quarter else "finished firms are kept"
    subject = _subject("", quarter or "execution", how)
    return EndingMail(subject, [cause[:MAX_CAUSE_LENGTH], f"Execution: {execution}; {again}"])


def _subject(kind: str, name: str, how: str) -> str:
    return f"{' '.join(filter(None, ['FTM', kind, name]))}: {how}"


def _outputs(events: list[dict[str, Any]], state: str) -> Iterator[dict[str, Any]]:
    for event in events:
        exited = event.get("stateExitedEventDetails", {})
        if exited.get("name") == state:
            yield json.loads(exited.get("output", "{}"))


def _given(text: str) -> dict[str, Any]:
    """An execution's input; empty when it is no object."""
    try:
        given = json.loads(text)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _checked(check: Callable[[Any], str], value: object) -> str:
    """The value, or nothing when the check refuses it."""
    try:
        return check(value)
    except (InvalidInput, TypeError):
        return ""
