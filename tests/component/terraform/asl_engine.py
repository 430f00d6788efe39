"""Runs the real definitions of the state machines in moto's Step Functions engine, with answers given for its tasks.

What the tasks answer is the only thing that is not real: the flow, the payloads, Retry and Catch are the engine's.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.eval.evaluation_details import EvaluationDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.backend.execution import SyncExecution
from moto.stepfunctions.parser.backend.execution_worker import SyncExecutionWorker
from moto.stepfunctions.parser.mocking.mock_config import (
    MockedResponse,
    MockedResponseReturn,
    MockedResponseThrow,
    MockTestCase,
    StateMockedResponses,
)

from cloud.src.localaws.provision import PANEL_STATE_MACHINE, STATE_MACHINE, definition

# What Terraform and the local AWS put into the file: names are fixed, values are free.
VARIABLES: dict[str, str | int] = {
    "prefetch_check_arn": "arn:aws:lambda:us-east-1:123456789012:function:ftm-prefetch-check",
    "create_batch_manifest_arn": "arn:aws:lambda:us-east-1:123456789012:function:ftm-create-batch-manifest",
    "summarize_results_arn": "arn:aws:lambda:us-east-1:123456789012:function:ftm-summarize-results",
    "notify_completion_arn": "arn:aws:lambda:us-east-1:123456789012:function:ftm-notify-completion",
    "job_queue_arn": "arn:aws:batch:us-east-1:123456789012:job-queue/ftm-queue-main",
    "firm_processor_arn": "arn:aws:batch:us-east-1:123456789012:job-definition/ftm-firm-processor:1",
    "theme_aggregator_arn": "arn:aws:batch:us-east-1:123456789012:job-definition/ftm-theme-aggregator:1",
    "max_concurrency": 1,  # moto counts the retries of parallel iterations together now and then
    "retry_interval_seconds": 10,
    "map_timeout_seconds": 21_600,
    "reduce_timeout_seconds": 7200,
    "execution_timeout_seconds": 777_600,
}
PANEL_VARIABLES: dict[str, str | int] = {
    **{name: VARIABLES[name] for name in ("prefetch_check_arn", "job_queue_arn", "retry_interval_seconds")},
    "panel_aggregator_arn": "arn:aws:batch:us-east-1:123456789012:job-definition/ftm-panel-aggregator:1",
    "panel_timeout_seconds": 7200,
    "execution_timeout_seconds": 10_800,
}
VARIABLES_OF = {STATE_MACHINE: VARIABLES, PANEL_STATE_MACHINE: PANEL_VARIABLES}


class Failure(NamedTuple):
    """A task that fails, as Step Functions names it."""

    error: str
    cause: str = "because"


# For each task what its first call, its first retry, ... come to.
Answers = dict[str, list[dict[str, Any] | Failure]]


class Execution(NamedTuple):
    """How an execution ended, and its history as GetExecutionHistory returns it."""

    status: str
    error: str | None
    cause: str | None
    events: list[dict[str, Any]]

    def requests(self, resource: str) -> list[dict[str, Any]]:
        """Parameters of every call to a Lambda function (by ARN) or of a job (by job definition), retries too."""
        scheduled = [event["taskScheduledEventDetails"] for event in self.events if event["type"] == "TaskScheduled"]
        parameters = [json.loads(details["parameters"]) for details in scheduled]
        return [each for each in parameters if resource in (each.get("FunctionName"), each.get("JobDefinition"))]


def execute(execution_input: Any, answers: Answers, machine: str = STATE_MACHINE) -> Execution:
    """Run one execution in which the tasks give these answers, without waiting between retries."""
    responses = [StateMockedResponses(state, state, _responses(calls)) for state, calls in answers.items()]
    execution = _AnsweredExecution(execution_input, MockTestCase(machine, "test", responses), machine)
    with patch(f"{retrier_decl.__name__}.time", SimpleNamespace(sleep=lambda seconds: None)):
        execution.start()
    events = [{**event, "type": event["type"].value} for event in execution.to_history_output()["events"]]
    return Execution(execution.status, execution.error, execution.cause, events)


def lambda_answer(payload: dict[str, Any]) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": payload}


def _responses(calls: list[dict[str, Any] | Failure]) -> list[MockedResponse]:
    return [
        (
            MockedResponseThrow(number, number, call.error, call.cause)
            if isinstance(call, Failure)
            else MockedResponseReturn(number, number, call)
        )
        for number, call in enumerate(calls)
    ]


@cache
def _syntax_tree(states: str) -> Any:
    """Parsed once per definition, because that takes longer than to execute it."""
    return AmazonStateLanguageParser.parse(states)[1]


class _Worker(SyncExecutionWorker):
    def _get_evaluation_entrypoint(self) -> Any:
        return Preprocessor().visit(_syntax_tree(self._evaluation_details.state_machine_details.definition))


class _AnsweredExecution(SyncExecution):
    """An execution of moto that runs in this thread and asks the test case for what tasks answer."""

    def __init__(self, execution_input: Any, answers: MockTestCase, machine: str) -> None:
        role_arn = "arn:aws:iam::123456789012:role/ftm-stepfunctions"
        state_machine: Any = SimpleNamespace(
            arn=f"arn:aws:states:us-east-1:123456789012:stateMachine:{machine}",
            name=machine,
            sm_type="STANDARD",
            definition=definition(VARIABLES_OF[machine], machine),
        )
        super().__init__(
            name="test",
            sm_type=state_machine.sm_type,
            role_arn=role_arn,
            exec_arn=f"arn:aws:states:us-east-1:123456789012:execution:{machine}:test",
            account_id="123456789012",
            region_name="us-east-1",
            state_machine=state_machine,
            start_date=datetime.now(UTC),
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=json.dumps(execution_input),
        )
        self._answers = answers

    def _get_start_execution_worker(self) -> SyncExecutionWorker:
        return _Worker(
            evaluation_details=EvaluationDetails(
                aws_execution_details=self._get_start_aws_execution_details(),
                execution_details=self.get_start_execution_details(),
                state_machine_details=self.get_start_state_machine_details(),
            ),
            exec_comm=self._get_start_execution_worker_comm(),
            cloud_watch_logging_session=None,
            activity_store={},
            mock_test_case=self._answers,
        )
