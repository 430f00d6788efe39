"""Batch jobs of the local AWS in containers: made as their definition says, ended as processes are, never left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.localaws.batch.containers import check, engine_environment
from cloud.src.localaws.child_environment import full_python_path, minimal_environment
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws, local_aws
from tests.docker.docker_command import WORKER, containers, docker, needs_docker
from tests.integration.localaws_helpers import (
    create_queue,
    describe_job,
    finished_job,
    job_in,
    printed,
    register_python_job,
    run_python_job,
    submit,
    until,
)

pytestmark = needs_docker

IMAGE = "ftm-test-python:local"
# Named as in AWS: with a registry that it was never pushed to.
IN_REGISTRY = {"image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{IMAGE}"}
AS_DEPLOYED: dict[str, Any] = {
    **IN_REGISTRY,
    "readonlyRootFilesystem": True,
    "linuxParameters": {
        "initProcessEnabled": True,
        "tmpfs": [{"containerPath": "/tmp", "size": 64, "mountOptions": ["rw", "nosuid", "nodev", "noexec"]}],
    },
}
SLEEP = "import time; print('asleep', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    docker("build", "--tag", IMAGE, "-", text=f'FROM {WORKER}\nENTRYPOINT ["/ftm/bin/python"]\n')
    before = containers()
    with local_aws(job_slots=2, containers=True) as aws:
        create_queue(aws)
        yield aws
    until(lambda: containers() <= before)
    docker("image", "rm", IMAGE)


def test_a_job_succeeds_with_a_log_and_leaves_nothing(aws: LocalAws) -> None:
    before = containers()
    job = run_python_job(
        aws, "good", "import sys; print('to stdout'); print('to stderr', file=sys.stderr)", IN_REGISTRY
    )
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert sorted(printed(aws, job)) == ["to stderr", "to stdout"]
    assert containers() == before


def test_a_job_fails_with_its_exit_code_and_is_retried(aws: LocalAws) -> None:
    code = "import os, sys; sys.exit(3 if os.environ['AWS_BATCH_JOB_ATTEMPT'] == '1' else 4)"
    job = run_python_job(aws, "bad", code, IN_REGISTRY, retryStrategy={"attempts": 2})
    assert job["status"] == "FAILED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [3, 4]


def test_an_overlong_job_is_removed_and_not_retried(aws: LocalAws) -> None:
    before = containers()
    limits: dict[str, Any] = {"timeout": {"attemptDurationSeconds": 5}, "retryStrategy": {"attempts": 3}}
    job = run_python_job(aws, "too-long", SLEEP, IN_REGISTRY, **limits)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1
    assert containers() == before


def test_a_terminated_job_is_removed(aws: LocalAws) -> None:
    before = containers()
    job_id = submit(aws, register_python_job(aws, "sleeps", SLEEP, IN_REGISTRY, retryStrategy={"attempts": 3}))
    until(lambda: printed_so_far(aws, job_id) == ["asleep"])
    assert len(containers() - before) == 1
    aws.client("batch").terminate_job(jobId=job_id, reason="not needed any more")
    job = finished_job(aws, job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "not needed any more")
    assert containers() == before


def test_a_container_is_made_as_its_definition_says(aws: LocalAws) -> None:
    before = containers()
    job_id = submit(aws, register_python_job(aws, "as-deployed", SLEEP, AS_DEPLOYED))
    until(lambda: printed_so_far(aws, job_id) == ["asleep"])
    (container,) = containers() - before
    seen = docker(
        "inspect",
        container,
        "--format",
        "{{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Init}} {{.HostConfig.Memory}} "
        "{{.HostConfig.MemorySwap}} {{.HostConfig.Privileged}} {{.HostConfig.Tmpfs}}",
    )
    assert seen.strip() == f"host true true {512 * 2**20} {512 * 2**20} false map[/tmp:size=64m,rw,nosuid,nodev,noexec]"
    aws.client("batch").terminate_job(jobId=job_id, reason="seen")
    finished_job(aws, job_id)


def test_a_job_sees_only_its_own_variables(aws: LocalAws) -> None:
    aws.client("ssm").put_parameter(Name="/ftm/key", Value="the key", Type="SecureString")
    container = {
        **IN_REGISTRY,
        "environment": [{"name": "TWO_LINES", "value": "first\nsecond"}],
        "secrets": [{"name": "KEY", "valueFrom": "/ftm/key"}],
    }
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    (line,) = printed(aws, run_python_job(aws, "environment", code, container))
    in_image = docker("inspect", IMAGE, "--format", "{{range .Config.Env}}{{println .}}{{end}}").split("\n")
    seen = json.loads(line)
    expected = {"TWO_LINES": "first\nsecond", "KEY": "the key", "AWS_ENDPOINT_URL": aws.endpoint_url, "HOME": "/tmp"}
    assert {name: seen.get(name) for name in expected} == expected
    others = {name for name in seen if not name.startswith("AWS_")} - set(expected)
    assert others <= {variable.partition("=")[0] for variable in in_image} | {"HOSTNAME", "LC_CTYPE"}


def test_a_missing_image_fails_the_job_and_is_named(aws: LocalAws) -> None:
    job = run_python_job(aws, "no-image", "", {"image": "example.com/no-such-image:1"})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith(
        "CannotPullContainerError: the Docker engine has no image example.com/no-such"
    )


@pytest.mark.parametrize("whom", ["server", "guard", "job", "all"])
def test_no_container_outlives_who_runs_it(aws: LocalAws, whom: str) -> None:
    """kill -9 of the server, the guard, the job's own process, or all of them at once."""
    before = containers()
    command = [sys.executable, "-P", "-m", "cloud.src.localaws", "--containers"]
    environment = {**minimal_environment(full_python_path()), **engine_environment()}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            own = LocalAws(Endpoint.of_exports(server.stdout.readline()))
            create_queue(own)
            job_id = submit(own, register_python_job(own, "sleeps", SLEEP, IN_REGISTRY))
            until(lambda: printed_so_far(own, job_id) == ["asleep"])
            assert len(containers() - before) == 1
            guard = child_of(server.pid, "job_guard.py")
            pids = {"server": server.pid, "guard": guard, "job": child_of(guard, "container_job.py")}
            for pid in pids.values() if whom == "all" else [pids[whom]]:
                os.kill(pid, signal.SIGKILL)
            until(lambda: containers() <= before)
        finally:
            server.kill()


@pytest.mark.parametrize(
    ("host", "image", "message"),
    [
        ("unix:///nonexistent.sock", WORKER, "no Docker engine answers, which --containers needs: start one, or run"),
        (None, "ftm-worker:no-such-tag", "the Docker engine has no image ftm-worker:no-such-tag, which --containers"),
    ],
)
def test_what_is_missing_is_one_line(
    monkeypatch: pytest.MonkeyPatch, host: str | None, image: str, message: str
) -> None:
    if host:
        monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(InvalidInput) as error:
        check(image)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def printed_so_far(aws: LocalAws, job_id: str) -> list[str]:
    job_in(aws, job_id, "RUNNING")
    return printed(aws, describe_job(aws, job_id))


def child_of(pid: int, script: str) -> int:
    """The process that ``pid`` has started to run this script."""
    found = subprocess.run(
        ["pgrep", "--parent", str(pid), "--full", script], capture_output=True, text=True, check=False
    )
    (child,) = found.stdout.split()
    return int(child)
