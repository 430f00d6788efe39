"""State machines in the local AWS, with Lambda functions and Batch jobs, and whether moto still needs its patches."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_batch
from moto.stepfunctions.parser.asl.utils import boto_client

from cloud.src.cli.run.execution import Execution, failed_job_log
from cloud.src.localaws.clients import local_client
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.host import Host
from cloud.src.localaws.provision import JOB_LOG_GROUP
from cloud.src.localaws.stepfunctions import _share_clients
from tests.integration.localaws_helpers import (
    PYTHON_IMAGE,
    QUEUE,
    create_function,
    create_queue,
    create_role,
    describe_job,
    finished_job,
    is_running,
    job_in,
    local_aws_without,
    printed,
    register_python_job,
    run_python_job,
    until,
)

SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(job_slots=4, images=PYTHON_IMAGE) as aws:
        create_queue(aws)
        yield aws


def create_state_machine(aws: LocalAws, name: str, states: dict[str, Any]) -> str:
    """A state machine that starts with the first of the states."""
    created = aws.client("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": next(iter(states)), "States": states}),
        roleArn=create_role(aws, f"role-of-{name}"),
    )
    return str(created["stateMachineArn"])


def start(aws: LocalAws, state_machine: str, payload: Any = None) -> str:
    execution = aws.client("stepfunctions").start_execution(stateMachineArn=state_machine, input=json.dumps(payload))
    return str(execution["executionArn"])


def finished(aws: LocalAws, execution: str) -> dict[str, Any]:
    describe = aws.client("stepfunctions").describe_execution
    until(lambda: describe(executionArn=execution)["status"] != "RUNNING")
    return dict(describe(executionArn=execution))


def run(aws: LocalAws, name: str, states: dict[str, Any], payload: Any = None) -> dict[str, Any]:
    return finished(aws, start(aws, create_state_machine(aws, name, states), payload))


def lambda_task(function: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        **more,
    }


def batch_task(definition: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::batch:submitJob.sync",
        "Parameters": {"JobName": "from-states", "JobQueue": QUEUE, "JobDefinition": definition},
        **more,
    }


def jobs_of(aws: LocalAws, definition: str, number: int) -> list[str]:
    """Ids of the jobs of a definition, as soon as there are so many."""
    list_jobs = aws.client("batch").list_jobs

    def look() -> list[str]:
        jobs = list_jobs(jobQueue=QUEUE)["jobSummaryList"]
        ids = [job["jobId"] for job in jobs if job["jobDefinition"] == definition]
        return ids if len(ids) == number else []

    return until(look)


def test_a_map_of_batch_jobs_with_retry_and_catch(aws: LocalAws) -> None:
    flaky = (
        "import pathlib\n"
        "class TooBusy(Exception): pass\n"
        "def handler(event, context):\n"
        "    tries = pathlib.Path('tries')\n"
        "    tries.write_text('x' + (tries.read_text() if tries.exists() else ''))\n"
        "    if len(tries.read_text()) < 3: raise TooBusy('not yet')\n"
        "    return {'numbers': [0, 1, 2, 3]}"
    )
    create_function(aws, "flaky", {"app.py": flaky})
    divides = register_python_job(aws, "divides", "import os; print(6 // int(os.environ['NUMBER']))")
    job = batch_task(divides, End=True)
    job["Parameters"]["ContainerOverrides"] = {
        "Environment": [{"Name": "NUMBER", "Value.$": "States.Format('{}', $.number)"}]
    }
    job["ResultSelector"] = {"name.$": "$.JobName", "status.$": "$.Status", "exit_code.$": "$.Container.ExitCode"}
    job["Catch"] = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}]
    caught = {
        "Type": "Pass",
        "Parameters": {"error.$": "$.Error", "job.$": "States.StringToJson($.Cause)"},
        "End": True,
    }
    states = {
        "Numbers": lambda_task(
            "flaky",
            Retry=[{"ErrorEquals": ["TooBusy"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}],
            Next="Divide",
        ),
        "Divide": {
            "Type": "Map",
            "ItemsPath": "$.numbers",
            "MaxConcurrency": 4,
            "ItemSelector": {"number.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"StartAt": "Job", "States": {"Job": job, "Caught": caught}},
            "End": True,
        },
    }
    execution = run(aws, "map", states)
    assert execution["status"] == "SUCCEEDED"
    by_zero, *others = json.loads(execution["output"])
    assert by_zero["error"] == "States.TaskFailed"
    assert by_zero["job"]["Container"]["ExitCode"] == 1
    assert others == [{"name": "from-states", "status": "SUCCEEDED", "exit_code": 0}] * 3


def test_stock_moto_cannot_submit_a_batch_job() -> None:
    with local_aws_without("stepfunctions:_translate_batch_names") as stock:
        create_queue(stock)
        execution = run(stock, "batch", {"Job": batch_task(register_python_job(stock, "done", ""), End=True)})
    assert execution["status"] == "FAILED"


def test_errors_of_functions_and_fail_states_are_named(aws: LocalAws) -> None:
    create_function(aws, "refuses", {"app.py": "def handler(event, context): raise KeyError('quarter')"})
    states = {
        "Check": lambda_task(
            "refuses", Catch=[{"ErrorEquals": ["KeyError"], "ResultPath": "$.caught", "Next": "Refused"}], End=True
        ),
        "Refused": {"Type": "Fail", "Error": "Refused", "CausePath": "$.caught.Cause"},
    }
    execution = run(aws, "refused", states, {"some": "input"})
    assert (execution["status"], execution["error"]) == ("FAILED", "Refused")
    assert json.loads(execution["cause"])["errorMessage"] == "'quarter'"


def test_two_executions_without_a_name(aws: LocalAws) -> None:
    state_machine = create_state_machine(aws, "unnamed", {"Done": {"Type": "Succeed"}})
    executions = {start(aws, state_machine) for _ in range(2)}
    assert [finished(aws, execution)["status"] for execution in executions] == ["SUCCEEDED"] * 2


def test_stock_moto_refuses_a_second_execution_without_a_name() -> None:
    with local_aws_without("stepfunctions:_name_executions") as stock:
        state_machine = create_state_machine(stock, "unnamed", {"Done": {"Type": "Succeed"}})
        finished(stock, start(stock, state_machine))
        with pytest.raises(stock.client("stepfunctions").exceptions.ClientError, match="Execution Already Exists"):
            start(stock, state_machine)


def start_and_stop(aws: LocalAws, name: str) -> str:
    """Stop an execution while its job runs; return the job's id."""
    definition = register_python_job(aws, name, SLEEP)
    execution = start(aws, create_state_machine(aws, name, {"Job": batch_task(definition, End=True)}))
    (job_id,) = jobs_of(aws, definition, 1)
    job_in(aws, job_id, "RUNNING")
    aws.client("stepfunctions").stop_execution(executionArn=execution)
    assert finished(aws, execution)["status"] == "ABORTED"
    return job_id


def test_a_stopped_execution_takes_its_job_with_it(aws: LocalAws) -> None:
    job = finished_job(aws, start_and_stop(aws, "stopped"))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Step Functions execution ended")
    assert not any(is_running(int(pid)) for pid in printed(aws, job))


def stop_in_map(aws: LocalAws, name: str) -> tuple[str, list[str]]:
    """Stop an execution while a Map runs six jobs; return its status and those of the jobs."""
    definition = register_python_job(aws, name, SLEEP)
    job = {"StartAt": "Job", "States": {"Job": batch_task(definition, End=True)}}
    states = {"Each": {"Type": "Map", "ItemsPath": "$", "MaxConcurrency": 6, "ItemProcessor": job, "End": True}}
    execution = start(aws, create_state_machine(aws, name, states), list(range(6)))
    jobs = jobs_of(aws, definition, 6)  # four run, two wait for a slot
    until(lambda: [describe_job(aws, job)["status"] for job in jobs].count("RUNNING") >= 2)
    aws.client("stepfunctions").stop_execution(executionArn=execution)
    status: str = finished(aws, execution)["status"]
    return status, [finished_job(aws, job)["status"] for job in jobs]


def test_stopping_an_execution_aborts_the_jobs_of_its_map(aws: LocalAws) -> None:
    assert stop_in_map(aws, "stopped-map") == ("ABORTED", ["FAILED"] * 6)


def test_stock_moto_fails_an_execution_stopped_in_a_map() -> None:
    with local_aws_without("stepfunctions:_stay_stopped") as stock:
        create_queue(stock)
        assert stop_in_map(stock, "stopped-map")[0] == "FAILED"


def test_stock_moto_leaves_the_job_of_a_stopped_execution_running() -> None:
    with local_aws_without("stepfunctions:_end_job_with_its_task") as stock:
        create_queue(stock)
        job_id = start_and_stop(stock, "stopped")
        # Moto looks at a job every half second: a job of a second gives it the time to end this one.
        run_python_job(stock, "short", "import time; time.sleep(1)")
        assert describe_job(stock, job_id)["status"] == "RUNNING"


def test_a_task_that_times_out_ends_its_job(aws: LocalAws) -> None:
    definition = register_python_job(aws, "timed-out", SLEEP)
    task = batch_task(
        definition, TimeoutSeconds=2, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Late"}], End=True
    )
    execution = run(aws, "timed-out", {"Job": task, "Late": {"Type": "Pass", "Result": {"late": True}, "End": True}})
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", '{"late": true}')
    (job_id,) = jobs_of(aws, definition, 1)
    assert finished_job(aws, job_id)["status"] == "FAILED"


def test_an_unknown_image_is_given_as_the_reason(aws: LocalAws) -> None:
    log = {"logDriver": "awslogs", "options": {"awslogs-group": JOB_LOG_GROUP}}
    container = {"image": "somebody/else:2", "logConfiguration": log}
    definition = register_python_job(aws, "unknown-image", "", container)
    execution = start(aws, create_state_machine(aws, "unknown", {"Job": batch_task(definition, End=True)}))
    assert finished(aws, execution)["status"] == "FAILED"
    title, *log_lines = failed_job_log(aws, Execution(aws, execution, "bucket", "2023Q1"), QUEUE, lambda _job: True)
    assert title.startswith("job from-states failed (CannotPullContainerError: no image somebody/else:2;")
    assert log_lines == ["  it never started"]


# --- EventBridge ------------------------------------------------------------------------------

WRITE_DOWN = """
import json
from pathlib import Path

def handler(event, _):
    Path({path!r}).write_text(json.dumps(event))
"""


def fail_under_a_rule(aws: LocalAws, path: Path) -> str:
    """The ARN of an execution that has failed, about which a rule tells a function that writes its event down."""
    function = create_function(aws, "write-down", {"app.py": WRITE_DOWN.format(path=str(path))})
    pattern = {"source": ["aws.states"], "detail": {"status": ["FAILED", "ABORTED"]}}
    aws.client("events").put_rule(Name="ended", EventPattern=json.dumps(pattern))
    aws.client("events").put_targets(Rule="ended", Targets=[{"Id": "1", "Arn": function}])
    good, bad = ({"Type": "Succeed"}, {"Type": "Fail", "Error": "Wanted"})
    run(aws, "good", {"End": good})
    return str(run(aws, "bad", {"End": bad}, {"quarter": "2023Q1"})["executionArn"])


def test_a_rule_is_told_how_an_execution_has_ended(aws: LocalAws, tmp_path: Path) -> None:
    execution = fail_under_a_rule(aws, tmp_path / "event")

    event = json.loads(until(lambda: (tmp_path / "event").is_file() and (tmp_path / "event").read_text()) or "{}")
    assert (event["detail"]["executionArn"], event["detail"]["status"]) == (execution, "FAILED")
    assert json.loads(event["detail"]["input"]) == {"quarter": "2023Q1"}


def test_stock_moto_tells_no_rule(tmp_path: Path) -> None:
    with local_aws_without("stepfunctions:_tell_event_bridge") as stock:
        fail_under_a_rule(stock, tmp_path / "event")
        time.sleep(1)
    assert not (tmp_path / "event").exists()


# --- clients ----------------------------------------------------------------------------------

Clients = list[tuple[str, Any]]  # of which service, and the client


def record_clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    """What moto's engine is given, in this process, whenever it asks for a client."""
    given: Clients = []
    for module in (lambda_eval_utils, state_task_service_batch):
        monkeypatch.setattr(module, "boto_client_for", recording(module.boto_client_for, given))
    return given


def recording(client_for: Callable[..., Any], given: Clients) -> Callable[..., Any]:
    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        client = client_for(region=region, service=service, state_credentials=state_credentials)
        given.append((service, client))
        return client

    return boto_client_for


class MotoInThisProcess(LocalAws):
    def client(self, service: str) -> Any:
        session: Any = boto3.session.Session(region_name=self.region)  # typed for the literal names of services
        return session.client(service)


def run_twice_in_this_process() -> None:
    """Two executions that invoke a function and submit a job, which are not there: moto has asked for clients then."""
    states = {"Function": lambda_task("none", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Job"}], End=True)}
    states["Job"] = batch_task("none", End=True)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        moto = MotoInThisProcess(Endpoint.with_new_keys(""))
        state_machine = create_state_machine(moto, "in-process", states)
        for name in ("first", "second"):  # moto cannot name them by itself
            start_execution = moto.client("stepfunctions").start_execution
            execution = start_execution(stateMachineArn=state_machine, name=name)["executionArn"]
            assert finished(moto, execution)["status"] == "FAILED"


def test_clients_are_made_once(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto_client, "boto3", boto3)  # so that it is put back
    _share_clients(Host(aws.endpoint, Path(), {}, threading.Semaphore(1)))
    given = record_clients(monkeypatch)
    run_twice_in_this_process()
    assert given == [(service, local_client(aws.endpoint, service)) for service in ("lambda", "batch")] * 2


def test_stock_moto_makes_a_client_for_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    given = record_clients(monkeypatch)
    run_twice_in_this_process()
    assert [service for service, _ in given] == ["lambda", "batch"] * 2
    assert len({id(client) for _, client in given}) == 4
