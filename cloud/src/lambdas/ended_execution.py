"""How an execution ended that could not say so itself: it failed before NotifyCompletion, was stopped or timed out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from cloud.src.contract import keys

DETAIL_TYPE = "Step Functions Execution Status Change"
NOTIFY_STATE = "NotifyCompletion"
# After that state an execution has a dozen events at the most, with all retries.
LAST_EVENTS = 50
MAX_CAUSE_LENGTH = 1000


class Ending(NamedTuple):
    """The mail about it."""

    subject: str
    lines: list[str]


def is_ending(event: dict[str, Any]) -> bool:
    """Whether EventBridge has sent this event, and not the state machine."""
    return event.get("detail-type") == DETAIL_TYPE


def has_been_mailed(states: Any, execution: str) -> bool:
    """Whether the execution has sent its mail itself."""
    history = states.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=LAST_EVENTS)
    return any(output.get("notification", {}).get("notified") is True for output in _notify_outputs(history["events"]))


def ending(states: Any, execution: str, status: str) -> Ending:
    """What to mail about the execution; ``status`` is the event's, because DescribeExecution may lag behind it."""
    ended = states.describe_execution(executionArn=execution)
    quarter = _quarter(ended.get("input", ""))
    how = status.lower().replace("_", " ")
    cause = " ".join(f"{ended.get('error', 'no error')}: {ended.get('cause', 'no cause given')}".split())
    again = f"finished firms are kept: ftm aws resume {quarter}" if quarter else "finished firms are kept"
    return Ending(
        f"FTM {quarter or 'execution'}: {how}", [cause[:MAX_CAUSE_LENGTH], f"Execution: {execution}; {again}"]
    )


def _notify_outputs(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for event in events:
        exited = event.get("stateExitedEventDetails", {})
        if exited.get("name") == NOTIFY_STATE:
            yield json.loads(exited.get("output", "{}"))


def _quarter(text: str) -> str:
    """The quarter of an execution's input; empty when it has none that could be one."""
    try:
        return keys.check_quarter(json.loads(text)["quarter"])
    except (ValueError, KeyError, TypeError):
        return ""
