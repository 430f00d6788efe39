"""Every way from one state to the next, and every retry, is taken once; what is not taken is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud.src.localaws.provision import PANEL_STATE_MACHINE, STATE_MACHINE, definition
from tests.component.terraform import test_asl_panel_paths as panel
from tests.component.terraform.asl_engine import VARIABLES_OF, Answers, Execution, Failure, execute, lambda_answer
from tests.component.terraform.test_asl_paths import ALL_GO_WELL, INPUT, SUMMARY, WITH_FAILURES

MACHINES = {name: json.loads(definition(variables, name)) for name, variables in VARIABLES_OF.items()}
Edge = tuple[str, str]  # of two states; of a state and itself for a retry

USERS = Failure("InvalidInput", '{"errorMessage": "no"}')
SCENARIOS: list[Answers] = [
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
    {
        "SummarizeResults": [Failure("Other")],
        "ReleaseAfterError": [Failure("S3.S3Exception"), *ALL_GO_WELL["ReleaseAfterError"]],
    },
]
PANEL_SCENARIOS: list[Answers] = [{"CheckInput": [USERS]}, {"AggregatePanel": [Failure("JobFailed")]}]


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


def transient(machine: dict[str, Any], all_go_well: Answers) -> Iterator[Answers]:
    """Each state fails once as its Retry expects, and then does what it does when all goes well."""
    for name, state in machine["States"].items():
        if "Retry" in state:
            yield {name: [Failure(state["Retry"][0]["ErrorEquals"][0]), *all_go_well[name]]}
        if state["Type"] == "Map":
            yield from transient(state["ItemProcessor"], all_go_well)


@pytest.mark.parametrize(
    ("name", "given", "all_go_well", "scenarios"),
    [
        (STATE_MACHINE, INPUT, ALL_GO_WELL, SCENARIOS),
        (PANEL_STATE_MACHINE, panel.INPUT, panel.ALL_GO_WELL, PANEL_SCENARIOS),
    ],
)
def test_every_edge_is_taken(name: str, given: object, all_go_well: Answers, scenarios: list[Answers]) -> None:
    machine = MACHINES[name]
    executions = [
        execute(given, {**all_go_well, **answers}, name)
        for answers in [{}, *scenarios, *transient(machine, all_go_well)]
    ]
    executions.append(execute([], all_go_well, name))

    never_taken = set(edges(machine)) - {edge for execution in executions for edge in taken(execution)}

    assert sorted(never_taken) == []
    assert SUMMARY["has_failures"] is False  # so that the first execution is one in which all goes well
