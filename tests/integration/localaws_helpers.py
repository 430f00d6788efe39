"""What the tests of the local AWS have in common: stand-in jobs and functions, and waiting for what happens to them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from cloud.src.localaws.child_environment import full_python_path, minimal_environment
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws
from tests.integration import localaws_without

T = TypeVar("T")

QUEUE = "test-queue"
LOG_GROUP = "/test/jobs"
PYTHON_IMAGE = {"python": [sys.executable]}  # a container of this image runs Python


def until(look: Callable[[], T], timeout_s: float = 60) -> T:
    """Look until there is something to see; raises tenacity.RetryError after ``timeout_s``."""
    return Retrying(
        stop=stop_after_delay(timeout_s), wait=wait_fixed(0.05), retry=retry_if_result(lambda seen: not seen)
    )(look)


# --- processes --------------------------------------------------------------------------------


def is_running(pid: int) -> bool:
    """Whether a process runs; one that is dead and only not yet waited for does not."""
    return _stat(pid)[:1] not in ([], ["Z"])


def parent_of(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """State, parent and so on of a process; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


# --- Batch ------------------------------------------------------------------------------------


def create_role(aws: LocalAws, name: str) -> str:
    return str(aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"])


def create_queue(aws: LocalAws) -> None:
    batch = aws.client("batch")
    batch.create_compute_environment(
        computeEnvironmentName="test-compute", type="UNMANAGED", serviceRole=create_role(aws, "batch"), state="ENABLED"
    )
    batch.create_job_queue(
        jobQueueName=QUEUE,
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "test-compute"}],
    )


def register_python_job(aws: LocalAws, name: str, code: str, container: Any = None, **definition: Any) -> str:
    """Register a job that runs Python code; return the ARN of its definition."""
    properties = {
        "image": "example.com/tests/python:1.0",
        "command": ["-c", code],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": LOG_GROUP}},
        **(container or {}),
    }
    registered = aws.client("batch").register_job_definition(
        jobDefinitionName=name, type="container", containerProperties=properties, **definition
    )
    return str(registered["jobDefinitionArn"])


def submit(aws: LocalAws, definition: str, **request: Any) -> str:
    """Submit a job; return its id."""
    batch = aws.client("batch")
    return str(batch.submit_job(jobName="test-job", jobQueue=QUEUE, jobDefinition=definition, **request)["jobId"])


def run_python_job(aws: LocalAws, name: str, code: str, container: Any = None, **definition: Any) -> dict[str, Any]:
    """Register a job, run it, and describe how it ended."""
    return finished_job(aws, submit(aws, register_python_job(aws, name, code, container, **definition)))


def describe_job(aws: LocalAws, job_id: str) -> dict[str, Any]:
    return dict(aws.client("batch").describe_jobs(jobs=[job_id])["jobs"][0])


def job_in(aws: LocalAws, job_id: str, *statuses: str) -> dict[str, Any]:
    """Wait until the job has one of the statuses, and describe it."""
    until(lambda: describe_job(aws, job_id)["status"] in statuses)
    return describe_job(aws, job_id)


def finished_job(aws: LocalAws, job_id: str) -> dict[str, Any]:
    return job_in(aws, job_id, "SUCCEEDED", "FAILED")


def printed(aws: LocalAws, job: dict[str, Any]) -> list[str]:
    """What the last attempt of a job printed."""
    events = aws.client("logs").get_log_events(
        logGroupName=LOG_GROUP, logStreamName=job["container"]["logStreamName"], startFromHead=True
    )["events"]
    return [event["message"] for event in events]


# --- Lambda -----------------------------------------------------------------------------------


def create_function(aws: LocalAws, name: str, files: dict[str, str], handler: str = "app.handler", **spec: Any) -> str:
    """Create a function from files; return its ARN."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    created = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=create_role(aws, f"role-of-{name}"),
        Handler=handler,
        Code={"ZipFile": content.getvalue()},
        **{"Timeout": 30, **spec},
    )
    return str(created["FunctionArn"])


def invoke(aws: LocalAws, name: str, event: Any = None) -> dict[str, Any]:
    """Invoke a function: its payload, its kind of error if there was one, and the end of its log."""
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    return {
        "payload": json.loads(answer["Payload"].read()),
        "error": answer.get("FunctionError"),
        "log": answer.get("LogResult", ""),
    }


# --- stock moto -------------------------------------------------------------------------------


@contextmanager
def local_aws_without(*patches: str) -> Iterator[LocalAws]:
    """A local AWS that lacks some of its patches, to see whether moto still needs them.

    ``patches``: for example ``batch.job:install`` (a function) or ``batch.job:ProcessJob.describe`` (a method).
    """
    launcher = [sys.executable, "-P", "-m", localaws_without.__name__, ",".join(patches)]
    environment = minimal_environment(full_python_path())
    environment["DOCKER_HOST"] = "unix:///nonexistent"  # no Docker, even where there is one
    server = subprocess.Popen(
        [*launcher, "--watch-stdin", f"--image=python={sys.executable}"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        printed = server.stdout.readline()
        assert printed, "the server did not start"
        yield LocalAws(Endpoint.of_exports(printed))
        server.stdin.close()
