"""Step Functions: moto's engine executes the state machine; here is what it needs to work with Lambda and Batch."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel
from moto.core.config import default_user_config
from moto.events.models import events_backends
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from cloud.src.localaws.clients import local_client
from cloud.src.localaws.host import Host
from cloud.src.localaws.moto_gaps.patching import patch


def install(host: Host) -> None:
    """Switch the engine on and patch it; each function below says what stock moto lacks."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    _name_executions()
    _share_clients(host)
    _translate_batch_names()
    _end_job_with_its_task(host)
    _stay_stopped()
    _tell_event_bridge(host)


def _name_executions() -> None:
    """Stock moto calls an execution without a name "None", and refuses the second one."""

    def start_execution(
        self: StepFunctionsParserBackend, state_machine_arn: str, name: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        return stock_start_execution(self, state_machine_arn, name or str(uuid.uuid4()), *args, **kwargs)

    stock_start_execution = patch(StepFunctionsParserBackend, "start_execution", start_execution)


def _share_clients(host: Host) -> None:
    """Stock moto makes a boto3 client for each call: slow, not safe in the threads of a Map, and with keys of its own.

    All of its tasks get them from this one module.
    """

    def client(service_name: str, region_name: str, **_: Any) -> Any:
        return local_client(host.endpoint, service_name, region_name)

    patch(boto_client, "boto3", SimpleNamespace(client=client))


def _translate_batch_names() -> None:
    """Stock moto gives boto3 ``JobName``, which wants ``jobName``, and looks for ``JobId`` in what boto3 returns."""

    def normalise_parameters(self: Any, parameters: Any) -> None:
        operation = _batch_operation(self._get_boto_service_action())
        self._to_boto_request(parameters, operation.input_shape)

    # the engine calls this one with the keyword service_action_name
    def normalise_response(self: Any, response: Any, service_action_name: str | None = None) -> None:
        operation = _batch_operation(self._get_boto_service_action(service_action_name))
        self._from_boto_response(response, operation.output_shape)

    patch(StateTaskServiceBatch, "_normalise_parameters", normalise_parameters)
    patch(StateTaskServiceBatch, "_normalise_response", normalise_response)


@cache
def _batch_operation(action: str) -> OperationModel:
    """The operation that boto3 calls ``action``, for example ``submit_job``."""
    service = botocore.session.get_session().get_service_model("batch")
    names = {xform_name(name): name for name in service.operation_names}
    return service.operation_model(names[action])


def _end_job_with_its_task(host: Host) -> None:
    """Stock moto forgets the job of a ``.sync`` task that is stopped or times out; Step Functions terminates it."""

    def build_sync_resolver(self: Any, env: Any, resource_runtime_part: Any, *args: Any, **kwargs: Any) -> JobWatch:
        job_id = env.stack[-1]["JobId"]
        look = stock_build_resolver(self, env, resource_runtime_part, *args, **kwargs)
        return JobWatch(look, job_id, resource_runtime_part.region)

    def eval_sync(self: Any, env: Any, sync_resolver: JobWatch, *args: Any, **kwargs: Any) -> Any:
        try:
            return stock_wait(self, env, sync_resolver, *args, **kwargs)
        finally:
            batch = local_client(host.endpoint, "batch", sync_resolver.region)
            batch.terminate_job(jobId=sync_resolver.job_id, reason="Step Functions execution ended")  # no-op when done

    stock_build_resolver = patch(StateTaskServiceBatch, "_build_sync_resolver", build_sync_resolver)
    stock_wait = patch(StateTaskServiceBatch, "_eval_sync", eval_sync)


def _stay_stopped() -> None:
    """Stock moto fails on the way out of a Map that is stopped, and records that as how the execution ended."""

    def set_error(self: Environment, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped):
            stock_set_error(self, error)

    stock_set_error = patch(Environment, "set_error", set_error)


def _tell_event_bridge(host: Host) -> None:
    """Stock moto tells no rule of EventBridge how an execution has ended; here the functions behind one are told."""

    def terminated(self: BaseExecutionWorkerCommunication) -> None:
        stock_terminated(self)
        # Without waiting: the execution has ended, whatever they make of it.
        threading.Thread(target=_call_functions, args=(host, _ending(self.execution)), daemon=True).start()

    stock_terminated = patch(BaseExecutionWorkerCommunication, "terminated", terminated)


def _ending(execution: Execution) -> Any:
    """As EventBridge tells it: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "account": execution.account_id,
        "region": execution.region_name,
        "resources": [execution.exec_arn],
        "detail": {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine.arn,
            "name": execution.name,
            "status": execution.exec_status.value if execution.exec_status else "",
            "input": json.dumps(execution.input_data),
        },
    }


def _call_functions(host: Host, event: Any) -> None:
    rules = events_backends[event["account"]][event["region"]].event_buses["default"].rules
    for rule in list(rules.values()):
        if rule.state == "ENABLED" and rule.event_pattern.matches_event(event):
            for target in rule.targets:
                if ":lambda:" in target["Arn"]:
                    client = local_client(host.endpoint, "lambda", event["region"])
                    client.invoke(FunctionName=target["Arn"], Payload=json.dumps(event))


class JobWatch:
    """Looks whether a job has ended, and knows which job it looks at."""

    def __init__(self, look: Callable[[], Any], job_id: str, region: str) -> None:
        self._look = look
        self.job_id = job_id
        self.region = region

    def __call__(self) -> Any:
        """What has become of the job."""
        return self._look()
