"""Every way from one state to the next, and every retry, is taken once; what is not taken is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cloud.src.localaws.provision import definition
from tests.component.terraform.asl_engine import VARIABLES, Answers, Execution, Failure, execute, lambda_answer
from tests.component.terraform.test_asl_paths import ALL_GO_WELL, INPUT, SUMMARY, WITH_FAILURES

MACHINE = json.loads(definition(VARIABLES))
Edge = tuple[str, str]  # of two states; of a state and itself for a retry

USERS = Failure("InvalidInput", '{"errorMessage": "no"}')
SCENARIOS: list[Answers] = [
    {},
    {"CheckPrefetch": [USERS]},
    {"CheckPrefetch": [lambda_answer({"exists": False, "manifest_key": "m"})]},
    {"CreateBatchManifest": [USERS]},
    {"ProcessFirms": [Failure("JobFailed")]},
    {"SummarizeResults": [USERS]},
    {"SummarizeResults": [Failure("Lambda.Unknown")], "ReleaseAfterError": [Failure("S3.Other")]},
    {"SummarizeResults": [lambda_answer(WITH_FAILURES)]},
    {"AggregateThemes": [Failure("JobFailed")]},
    {"NotifyCompletion": [lambda_answer({"notified": True, "names_incomplete": True, "names": "10 lost"})]},
    {"NotifyCompletion": [Failure("Other")], "ReleaseQuarter": [Failure("S3.Other")]},
]


def edges(machine: dict[str, Any]) -> Iterator[Edge]:
    """All that a machine has, those inside a Map among them."""
    for name, state in machine["States"].items():
        ways = [state, *state.get("Catch", []), *state.get("Choices", [])]
        yield from ((name, way["Next"]) for way in ways if "Next" in way)
        if "Default" in state:
            yield name, state["Default"]
        yield from ((name, name) for _ in state.get("Retry", []))
        if state["Type"] == "Map":
            yield from edges(state["ItemProcessor"])


def taken(execution: Execution) -> Iterator[Edge]:
    """The edges that an execution has taken."""
    inside, before, scheduled = "", "", 0
    for event in execution.events:
        if "stateEnteredEventDetails" in event:
            inside, scheduled = event["stateEnteredEventDetails"]["name"], 0
            yield before, inside
        elif "stateExitedEventDetails" in event:
            before = event["stateExitedEventDetails"]["name"]
        elif event["type"] == "TaskScheduled":
            scheduled += 1
            if scheduled > 1:
                yield inside, inside


def transient(state: str, machine: dict[str, Any]) -> Answers:
    """The state fails once as its Retry expects, and then does what it does when all goes well."""
    error = machine["States"][state]["Retry"][0]["ErrorEquals"][0]
    return {state: [Failure(error), *ALL_GO_WELL[state]]}


def test_every_edge_is_taken() -> None:
    jobs = MACHINE["States"]["ProcessBatches"]["ItemProcessor"]
    retried = [transient(name, MACHINE) for name, state in MACHINE["States"].items() if "Retry" in state]
    after_error: Answers = {"SummarizeResults": [Failure("Other")], **transient("ReleaseAfterError", MACHINE)}
    executions = [
        execute(INPUT, {**ALL_GO_WELL, **answers})
        for answers in [*SCENARIOS, *retried, transient("ProcessFirms", jobs), after_error]
    ]
    executions.append(execute([], ALL_GO_WELL))

    never_taken = set(edges(MACHINE)) - {edge for execution in executions for edge in taken(execution)}

    assert sorted(never_taken) == []
    assert SUMMARY["has_failures"] is False  # so that the first scenario is the one in which all goes well
