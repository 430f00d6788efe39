"""Batch jobs in the local AWS, and whether moto still needs its patches."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.batch.models import BatchBackend

from cloud.src.localaws.batch.job import describe_jobs
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import RETRY_STRATEGY
from tests.integration.localaws_helpers import (
    LOG_GROUP,
    PYTHON_IMAGE,
    QUEUE,
    create_queue,
    describe_job,
    finished_job,
    is_running,
    job_in,
    local_aws_without,
    printed,
    register_python_job,
    run_python_job,
    submit,
    until,
)

PRINT_ENVIRONMENT = "import os\nfor name in sorted(os.environ): print(name, os.environ[name], sep='=')"
PRINT_ATTEMPT_AND_FAIL = "import os, sys; print(os.environ['AWS_BATCH_JOB_ATTEMPT']); sys.exit(3)"
SLEEP = "import time; print('asleep', flush=True); time.sleep(600)"
UNKNOWN_IMAGE = "CannotPullContainerError: no image somebody/else:2; the local AWS knows ftm-worker, python"
WAIT_FOR_FILE = "import pathlib, time\nwhile not pathlib.Path({path!r}).exists(): time.sleep(0.01)"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(job_slots=2, images=PYTHON_IMAGE) as aws:
        create_queue(aws)
        yield aws


@pytest.fixture(scope="module")
def stock() -> Iterator[LocalAws]:
    """Jobs run as processes, but describe, terminate and the rest are moto's own."""
    methods = ("describe", "terminate", "_get_container_property")
    patches = [f"batch.job:ProcessJob.{method}" for method in methods]
    with local_aws_without(*patches, "batch.job:_keep_retry_strategy") as aws:
        create_queue(aws)
        yield aws


def test_a_job_runs_and_its_output_is_in_cloudwatch_logs(aws: LocalAws) -> None:
    job = run_python_job(aws, "prints", "print('first'); print(); print('second \N{SNOWMAN}')")
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert printed(aws, job) == ["first", "second \N{SNOWMAN}"]


def test_stock_moto_runs_jobs_in_docker_only() -> None:
    with local_aws_without("batch.job:install") as stock:
        create_queue(stock)
        assert run_python_job(stock, "prints", "print('first')")["status"] == "FAILED"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("raise SystemExit(3)", 3),
        ("raise ValueError('no')", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
def test_a_job_that_fails_has_its_exit_code(aws: LocalAws, code: str, exit_code: int) -> None:
    job = run_python_job(aws, "fails", code)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Essential container in task exited")
    assert job["container"]["exitCode"] == job["attempts"][0]["container"]["exitCode"] == exit_code


def test_a_killed_job_looks_like_one_on_a_reclaimed_host(aws: LocalAws) -> None:
    job = run_python_job(aws, "killed-at-once", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 137)
    assert job["statusReason"] == job["attempts"][0]["statusReason"]
    assert job["statusReason"].startswith("Host EC2 (instance i-")


def test_stock_moto_leaves_out_the_exit_code(stock: LocalAws) -> None:
    assert "exitCode" not in run_python_job(stock, "fails", "raise SystemExit(3)")["container"]


def test_an_unknown_image_fails_the_job_and_says_why(aws: LocalAws) -> None:
    job = run_python_job(aws, "unknown-image", "", container={"image": "somebody/else:2"})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"] == UNKNOWN_IMAGE
    assert "exitCode" not in job["container"]


class JobThatIsNotAlone:
    """While it is described, another job arrives."""

    arn = "arn:aws:batch:us-east-1:666938415731:job/one"

    def __init__(self, jobs: dict[str, Any]) -> None:
        self._jobs = jobs

    def describe(self) -> dict[str, str]:
        self._jobs["two"] = self
        return {"jobId": "one"}


@pytest.fixture
def backend() -> BatchBackend:
    backend = BatchBackend("us-east-1", "666938415731")
    jobs: dict[str, Any] = backend._jobs
    jobs["one"] = JobThatIsNotAlone(jobs)
    return backend


@pytest.mark.parametrize("job", ["one", JobThatIsNotAlone.arn])
def test_jobs_are_described_while_others_arrive(backend: BatchBackend, job: str) -> None:
    assert describe_jobs(backend, [job, "unknown"]) == [{"jobId": "one"}]


def test_stock_moto_cannot_describe_jobs_while_others_arrive(backend: BatchBackend) -> None:
    with pytest.raises(RuntimeError, match="changed size during iteration"):
        backend.describe_jobs(["one"])


# --- retries ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "attempts"),
    [({"attempts": 3}, ["1", "2", "3"]), (RETRY_STRATEGY, ["1"])],
    ids=["any failure", "only when killed"],
)
def test_a_job_is_retried_as_its_definition_says(aws: LocalAws, strategy: Any, attempts: list[str]) -> None:
    job = run_python_job(aws, "retried", PRINT_ATTEMPT_AND_FAIL, retryStrategy=strategy)
    assert job["status"] == "FAILED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [3] * len(attempts)
    streams = [attempt["container"]["logStreamName"] for attempt in job["attempts"]]
    get_log_events = aws.client("logs").get_log_events
    events = [get_log_events(logGroupName=LOG_GROUP, logStreamName=name)["events"] for name in streams]
    assert [event["message"] for stream in events for event in stream] == attempts


def test_a_job_that_is_killed_gets_another_attempt(aws: LocalAws) -> None:
    """kill -9 of the process that has the pid the job prints."""
    first_attempt_sleeps = (
        "import os, time\n"
        "if os.environ['AWS_BATCH_JOB_ATTEMPT'] == '1':\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(600)"
    )
    definition = register_python_job(aws, "killed", first_attempt_sleeps, retryStrategy=RETRY_STRATEGY)
    job_id = submit(aws, definition)
    job_in(aws, job_id, "RUNNING")
    os.kill(int(until(lambda: printed(aws, describe_job(aws, job_id)))[0]), signal.SIGKILL)
    job = finished_job(aws, job_id)
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [137, 0]


def test_submit_job_overrides_the_retry_strategy(aws: LocalAws) -> None:
    definition = register_python_job(aws, "overridden", PRINT_ATTEMPT_AND_FAIL)
    job = finished_job(aws, submit(aws, definition, retryStrategy={"attempts": 2}))
    assert len(job["attempts"]) == 2


def test_stock_moto_ignores_the_retry_strategy_of_submit_job(stock: LocalAws) -> None:
    definition = register_python_job(stock, "overridden", PRINT_ATTEMPT_AND_FAIL)
    job = finished_job(stock, submit(stock, definition, retryStrategy={"attempts": 2}))
    assert len(job["attempts"]) == 1


CANNOT_PULL_IS_RETRIED = [
    {"onReason": "CannotPullContainer*", "action": "RETRY"},
    {"onReason": "*", "action": "EXIT"},
]


@pytest.mark.parametrize(
    ("conditions", "attempts"),
    [(CANNOT_PULL_IS_RETRIED, 3), (CANNOT_PULL_IS_RETRIED[1:], 1)],
    ids=["cannot pull", "never"],
)
def test_an_image_that_cannot_be_pulled_is_a_failed_attempt(aws: LocalAws, conditions: Any, attempts: int) -> None:
    strategy = {"attempts": 3, "evaluateOnExit": conditions}
    job = run_python_job(aws, "pulled-again", "", container={"image": "somebody/else:2"}, retryStrategy=strategy)
    assert job["status"] == "FAILED"
    assert [attempt["container"]["reason"] for attempt in job["attempts"]] == [UNKNOWN_IMAGE] * attempts
    assert [attempt["statusReason"] for attempt in job["attempts"]] == ["Task failed to start"] * attempts


# --- time limits and termination --------------------------------------------------------------


def test_an_overlong_job_is_killed_and_not_retried(aws: LocalAws) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    limits: dict[str, Any] = {"timeout": {"attemptDurationSeconds": 2}, "retryStrategy": {"attempts": 3}}
    job = run_python_job(aws, "too-long", code, **limits)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1
    assert not is_running(int(printed(aws, job)[0]))


def test_a_terminated_job_ends_with_all_it_started(aws: LocalAws) -> None:
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(os.getpid(), child.pid, flush=True)\n"
        "child.wait()"
    )
    job_id = submit(aws, register_python_job(aws, "terminated", code, retryStrategy={"attempts": 3}))
    job_in(aws, job_id, "RUNNING")
    pids = [int(pid) for pid in until(lambda: printed(aws, describe_job(aws, job_id)))[0].split()]
    assert all(map(is_running, pids))

    aws.client("batch").terminate_job(jobId=job_id, reason="not needed any more")
    job = finished_job(aws, job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "not needed any more")
    assert len(job["attempts"]) == 1
    assert not any(map(is_running, pids))


def test_what_a_finished_job_started_does_not_outlive_it(aws: LocalAws) -> None:
    code = (
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)"
    )
    job = run_python_job(aws, "leaves-a-child", code)
    assert job["status"] == "SUCCEEDED"
    assert not is_running(int(printed(aws, job)[0]))


def test_a_job_that_waits_for_a_slot_can_be_terminated(aws: LocalAws) -> None:
    definition = register_python_job(aws, "sleeps", SLEEP)
    running = [submit(aws, definition) for _ in range(2)]
    for job_id in running:
        job_in(aws, job_id, "RUNNING")
    waiting = submit(aws, definition)
    job_in(aws, waiting, "RUNNABLE")
    for job_id in (waiting, *running):
        aws.client("batch").terminate_job(jobId=job_id, reason="enough")
    assert [finished_job(aws, job_id)["statusReason"] for job_id in (waiting, *running)] == ["enough"] * 3
    assert not describe_job(aws, waiting)["attempts"]


def test_to_terminate_a_finished_job_changes_nothing(aws: LocalAws) -> None:
    job = run_python_job(aws, "done", "")
    aws.client("batch").terminate_job(jobId=job["jobId"], reason="too late")
    assert describe_job(aws, job["jobId"])["statusReason"] == job["statusReason"]


def test_stock_moto_rewrites_why_a_job_ended(stock: LocalAws) -> None:
    job = run_python_job(stock, "done", "")
    stock.client("batch").terminate_job(jobId=job["jobId"], reason="too late")
    assert describe_job(stock, job["jobId"])["statusReason"] == "too late"


# --- environment ------------------------------------------------------------------------------


def test_environment_submitted_over_declared_and_batch_over_both(aws: LocalAws) -> None:
    declared = {"FROM_DEFINITION": "definition", "IN_BOTH": "definition", "AWS_BATCH_JOB_ATTEMPT": "9"}
    submitted = {"FROM_SUBMIT": "submit", "IN_BOTH": "submit"}
    definition = register_python_job(aws, "environment", PRINT_ENVIRONMENT, container={"environment": _pairs(declared)})
    job = finished_job(aws, submit(aws, definition, containerOverrides={"environment": _pairs(submitted)}))
    seen = dict(line.split("=", 1) for line in printed(aws, job))
    expected = {
        "FROM_DEFINITION": "definition",
        "FROM_SUBMIT": "submit",
        "IN_BOTH": "submit",
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JOB_ID": job["jobId"],
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": "us-east-1",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert job["container"]["environment"] == _pairs({**declared, **submitted})


def test_the_users_own_environment_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = {
        "AWS_PROFILE": "mine",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_SESSION_TOKEN": "mine",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "LLM_API_KEY": "mine",
    }
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    with local_aws(images=PYTHON_IMAGE) as aws:
        create_queue(aws)
        job = run_python_job(aws, "environment", PRINT_ENVIRONMENT)
        seen = dict(line.split("=", 1) for line in printed(aws, job))
    assert seen["AWS_ENDPOINT_URL"] == aws.endpoint_url
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "LLM_API_KEY"} & set(seen)


def test_stock_moto_grows_the_environment_at_each_look(stock: LocalAws) -> None:
    definition = register_python_job(stock, "environment", "")
    job_id = submit(stock, definition, containerOverrides={"environment": _pairs({"A": "B"})})
    before, after = (len(finished_job(stock, job_id)["container"]["environment"]) for _ in range(2))
    assert after > before


def test_secrets_from_secrets_manager_and_parameter_store(aws: LocalAws) -> None:
    secrets_manager, ssm = aws.client("secretsmanager"), aws.client("ssm")
    plain = secrets_manager.create_secret(Name="ftm/plain", SecretString="one")["ARN"]
    keyed = secrets_manager.create_secret(Name="ftm/keyed", SecretString='{"user": "two", "password": "three"}')["ARN"]
    ssm.put_parameter(Name="/ftm/four", Value="four", Type="SecureString")
    parameter_arn = ssm.get_parameter(Name="/ftm/four")["Parameter"]["ARN"]
    sources = {"PLAIN": plain, "KEY": f"{keyed}:password::", "NAME": "/ftm/four", "ARN": parameter_arn}
    secrets = [{"name": name, "valueFrom": source} for name, source in sources.items()]
    code = "import os; print(*(os.environ[name] for name in ('PLAIN', 'KEY', 'NAME', 'ARN')))"
    job = run_python_job(aws, "secrets", code, container={"secrets": secrets})
    assert printed(aws, job) == ["one three four four"]
    assert job["container"]["environment"] == []  # a description shows no secret


def test_a_missing_secret_fails_the_job_and_is_named(aws: LocalAws) -> None:
    secrets = [{"name": "X", "valueFrom": "/ftm/not/there"}]
    job = run_python_job(aws, "no-secret", "", container={"secrets": secrets})
    assert job["status"] == "FAILED"
    assert "/ftm/not/there" in job["statusReason"]


def test_parameters_are_put_into_the_command(aws: LocalAws) -> None:
    container = {"command": ["-c", "import sys; print(sys.argv[1])", "Ref::what"]}
    definition = register_python_job(aws, "parameters", "", container, parameters={"what": "default"})
    job = finished_job(aws, submit(aws, definition, parameters={"what": "given"}))
    assert printed(aws, job) == ["given"]


def test_a_job_has_a_folder_until_it_ends(aws: LocalAws) -> None:
    code = "import os, pathlib, tempfile; pathlib.Path('x').touch(); print(os.getcwd(), tempfile.gettempdir())"
    folder, temporary = printed(aws, run_python_job(aws, "folder", code))[0].split()
    assert folder == temporary
    assert not Path(folder).exists()


# --- dependencies and arrays ------------------------------------------------------------------


def test_a_job_waits_for_the_job_it_depends_on(aws: LocalAws, tmp_path: Path) -> None:
    may_end = tmp_path / "may-end"
    first = submit(aws, register_python_job(aws, "first", WAIT_FOR_FILE.format(path=str(may_end))))
    second = submit(aws, register_python_job(aws, "second", ""), dependsOn=[{"jobId": first}])
    failed = submit(aws, register_python_job(aws, "third", "raise SystemExit(1)"), dependsOn=[{"jobId": second}])
    never = submit(aws, register_python_job(aws, "fourth", ""), dependsOn=[{"jobId": failed}])
    job_in(aws, first, "RUNNING")
    job_in(aws, second, "PENDING")
    may_end.touch()
    assert finished_job(aws, second)["startedAt"] >= finished_job(aws, first)["stoppedAt"]
    assert finished_job(aws, never)["status"] == "FAILED"
    assert not describe_job(aws, never)["attempts"]


FAIL_SECOND = "import os, sys; sys.exit(int(os.environ['AWS_BATCH_JOB_ARRAY_INDEX']) == 1)"


def test_an_array_fails_when_one_of_its_jobs_does(aws: LocalAws) -> None:
    job = finished_job(aws, submit(aws, register_python_job(aws, "array", FAIL_SECOND), arrayProperties={"size": 3}))
    assert job["status"] == "FAILED"
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 2


def test_stock_moto_never_ends_an_array_with_a_failed_job(stock: LocalAws) -> None:
    job_id = submit(stock, register_python_job(stock, "array", FAIL_SECOND), arrayProperties={"size": 3})
    children = [finished_job(stock, f"{job_id}:{index}")["status"] for index in range(3)]
    assert sorted(children) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert describe_job(stock, job_id)["status"] not in ("FAILED", "SUCCEEDED")


def _pairs(variables: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def test_a_disabled_queue_takes_no_jobs(aws: LocalAws) -> None:
    batch = aws.client("batch")
    definition = register_python_job(aws, "not-taken", "print('runs')")
    batch.update_job_queue(jobQueue=QUEUE, state="DISABLED")
    try:
        with pytest.raises(batch.exceptions.ClientException, match=f"Job queue {QUEUE} is disabled"):
            submit(aws, definition)
    finally:
        batch.update_job_queue(jobQueue=QUEUE, state="ENABLED")
    assert finished_job(aws, submit(aws, definition))["status"] == "SUCCEEDED"


def test_stock_moto_runs_jobs_of_a_disabled_queue() -> None:
    with local_aws_without("batch.job:_refuse_jobs_of_disabled_queues") as stock:
        create_queue(stock)
        definition = register_python_job(stock, "taken", "print('runs')")
        stock.client("batch").update_job_queue(jobQueue=QUEUE, state="DISABLED")
        assert finished_job(stock, submit(stock, definition))["status"] == "SUCCEEDED"
