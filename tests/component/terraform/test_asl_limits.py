"""1,000 batches fit Step Functions' limits with room to spare, as docs/measurements/step_functions_limits.md says."""

from __future__ import annotations

import json
from typing import Any

from cloud.src.contract.keys import MAX_BATCHES
from cloud.src.localaws.provision import definition
from tests.component.terraform.asl_engine import VARIABLES, Answers, Execution, Failure, execute, lambda_answer

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_EVENTS = 25_000
MAX_PAYLOAD_BYTES = 256 * 1024
# Of either limit we use at most three quarters.
ROOM_TO_SPARE = 0.75

# Entered and exited, and for a task: scheduled, started, (submitted,) succeeded or failed.
EVENTS_OF_STATE = {"Pass": 2, "Choice": 2, "Succeed": 2, "Fail": 1, "Map": 4}
EVENTS_OF_LAMBDA, EVENTS_OF_JOB = 5, 6
EVENTS_OF_LAMBDA_RETRY, EVENTS_OF_JOB_RETRY = 3, 4
EVENTS_OF_ITERATION, EVENTS_OF_EXECUTION = 2, 2

DEFINITION = json.loads(definition(VARIABLES))
BUCKET = "b" * 63
# No error of Step Functions or Batch has a longer name.
LONG_ERROR = "Batch." + "E" * 58


def most_events(machine: dict[str, Any], n_batches: int, retries: bool) -> int:
    """Events of the longest way through a state machine, or through the states of its Map."""
    states = machine["States"]

    def from_state(name: str) -> int:
        state = states[name]
        following = [choice["Next"] for choice in state.get("Choices", []) + state.get("Catch", [])]
        following += [state[key] for key in ("Next", "Default") if key in state]
        return events_of(state, n_batches, retries) + max(map(from_state, following), default=0)

    return from_state(machine["StartAt"])


def events_of(state: dict[str, Any], n_batches: int, retries: bool) -> int:
    if state["Type"] == "Map":
        iteration = EVENTS_OF_ITERATION + most_events(state["ItemProcessor"], n_batches, retries)
        return EVENTS_OF_STATE["Map"] + n_batches * iteration
    if state["Type"] != "Task":
        return EVENTS_OF_STATE[state["Type"]]
    is_job = "batch:submitJob" in state["Resource"]
    once, again = (EVENTS_OF_JOB, EVENTS_OF_JOB_RETRY) if is_job else (EVENTS_OF_LAMBDA, EVENTS_OF_LAMBDA_RETRY)
    return once + again * retries * sum(int(retrier["MaxAttempts"]) for retrier in state["Retry"])


def run(n_batches: int, process_firms: list[dict[str, Any] | Failure]) -> Execution:
    quarter = {"quarter": "2023Q1", "bucket": BUCKET}
    manifest_key = "manifests/2023Q1/manifest_20230501T120000000000Z.jsonl"
    batch_ids = [f"2023Q1_batch_{number:04d}" for number in range(n_batches)]
    prefetch = {"exists": True, "manifest_key": "prefetch/transcripts/quarter=2023Q1/manifest.json"}
    answers: Answers = {
        "CheckPrefetch": [lambda_answer(prefetch)],
        "CreateBatchManifest": [lambda_answer({"manifest_key": manifest_key, "batch_ids": batch_ids})],
        "ProcessFirms": process_firms,
        "SummarizeResults": [
            lambda_answer({**quarter, "manifest_key": manifest_key, "theme_naming": "llm", "has_failures": False})
        ],
        "AggregateThemes": [{"JobId": "1"}],
        "NotifyCompletion": [lambda_answer({"notified": True, "names_incomplete": False, "names": ""})],
        "ReleaseQuarter": [{}],
    }
    return execute(quarter, answers)


def largest_payload(execution: Execution) -> int:
    """Bytes of the largest input, output, or parameters in the history."""
    details = [value for event in execution.events for value in event.values() if isinstance(value, dict)]
    payloads = [each.get(name, "") for each in details for name in ("input", "output", "parameters")]
    return max(len(payload.encode()) for payload in payloads)


def test_events_are_counted_as_the_engine_counts_them() -> None:
    for n_batches in (1, 7):
        execution = run(n_batches, [{"JobId": "1"}])
        assert execution.status == "SUCCEEDED"
        assert len(execution.events) == EVENTS_OF_EXECUTION + most_events(DEFINITION, n_batches, retries=False)


def test_retries_are_counted_at_least_as_the_engine_does() -> None:
    """The engine does not record that a job was submitted when the submission failed, we always count it."""
    one_retry = run(1, [Failure("Batch.ServerException"), {"JobId": "1"}])
    no_retry = run(1, [{"JobId": "1"}])

    assert 0 < len(one_retry.events) - len(no_retry.events) <= EVENTS_OF_JOB_RETRY


def test_history_of_the_most_batches_fits_with_every_retry_used() -> None:
    events = EVENTS_OF_EXECUTION + most_events(DEFINITION, MAX_BATCHES, retries=True)

    assert 10 * MAX_BATCHES < events <= ROOM_TO_SPARE * MAX_EVENTS


def test_the_payload_fits_even_when_all_batches_fail() -> None:
    """Each batch adds the same number of bytes, because all ids have the same length."""
    ten, twenty = (largest_payload(run(n_batches, [Failure(LONG_ERROR)])) for n_batches in (10, 20))
    bytes_of_batch = (twenty - ten) // 10
    largest = ten + (MAX_BATCHES - 10) * bytes_of_batch

    assert len('"2023Q1_batch_0000",') + len(LONG_ERROR) < bytes_of_batch
    assert largest <= ROOM_TO_SPARE * MAX_PAYLOAD_BYTES
