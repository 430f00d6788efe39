"""Start the local AWS for as long as it is needed: ``with local_aws() as aws: aws.client("s3")...``."""

from __future__ import annotations

import select
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.localaws.batch.containers import engine_environment
from cloud.src.localaws.child_environment import full_python_path, minimal_environment
from cloud.src.localaws.clients import REGION, local_client
from cloud.src.localaws.endpoint import Endpoint

_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 10


class LocalAwsError(FtmError):
    """The local AWS did not start, or ended by itself."""


@dataclass(frozen=True)
class LocalAws:
    """A running local AWS."""

    endpoint: Endpoint
    region: str = REGION
    job_slots: int = 2  # how many Batch jobs run at the same time
    work_folder: Path | None = None  # deleted when it ends, however it ends; None when another process has started it

    @property
    def endpoint_url(self) -> str:
        """For example ``http://127.0.0.1:43210``."""
        return self.endpoint.url

    def client(self, service: str) -> Any:
        """A boto3 client; any thread may use it."""
        return local_client(self.endpoint, service, self.region)


@contextmanager
def local_aws(
    port: int | None = None,
    job_slots: int = 2,
    images: Mapping[str, Sequence[str]] | None = None,
    containers: bool = False,
) -> Iterator[LocalAws]:
    """A local AWS on ``port`` of 127.0.0.1 (None: any free one) that runs ``job_slots`` Batch jobs at a time.

    ``images`` adds container images: repository name to the command such a container starts with. With ``containers``
    Batch jobs run as containers of the Docker engine instead.
    It is stopped at the end, and ends by itself when this process dies; none of its processes is left behind.
    Raises InvalidInput when the port cannot be used, LocalAwsError when the server fails.
    """
    work_folder = Path(tempfile.mkdtemp(prefix="ftm-local-aws-"))
    log = work_folder / "server.log"
    options = [f"--port={port or 0}", f"--job-slots={job_slots}", *(["--containers"] if containers else [])]
    options += [f"--image={name}={shlex.join(entry_point)}" for name, entry_point in (images or {}).items()]
    server = _start(options, work_folder, log)
    try:
        endpoint = _wait_until_ready(server, work_folder, log)
        with _own_end_explained(server, log):
            yield LocalAws(endpoint, job_slots=job_slots, work_folder=work_folder)
    finally:
        if _stop(server) == 0:
            shutil.rmtree(work_folder, ignore_errors=True)


def _start(options: Sequence[str], work_folder: Path, log: Path) -> subprocess.Popen[str]:
    """Start the server in a session of its own: Ctrl-C is for this process, which then stops the server in order."""
    command = [sys.executable, "-P", "-m", "cloud.src.localaws", "--watch-stdin", f"--work-folder={work_folder}"]
    environment = {**minimal_environment(full_python_path()), **engine_environment(), "TMPDIR": str(work_folder)}
    with log.open("w") as log_file:
        return subprocess.Popen(
            [*command, *options],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            start_new_session=True,
        )


def _wait_until_ready(server: subprocess.Popen[str], work_folder: Path, log: Path) -> Endpoint:
    """The endpoint, which the server prints when it listens: to a pipe, which nobody else can read."""
    assert server.stdout is not None
    ready, _, _ = select.select([server.stdout], [], [], _START_TIMEOUT_S)
    if not ready:
        server.kill()  # not stopped in order, which would take its log away
        raise LocalAwsError(f"the local AWS was not ready within {_START_TIMEOUT_S} s: see {log}")
    printed = server.stdout.readline()
    if printed:
        return Endpoint.of_exports(printed)
    if server.wait() == 2:
        message = log.read_text().strip()
        shutil.rmtree(work_folder)
        raise InvalidInput(message)
    raise LocalAwsError(f"the local AWS did not start, exit code {server.returncode}: see {log}")


@contextmanager
def _own_end_explained(server: subprocess.Popen[str], log: Path) -> Iterator[None]:
    """When the server has died, say so instead of letting some failed connection be the error."""
    try:
        yield
    except Exception as error:
        exit_code = _exit_code(server)
        if exit_code is None:
            raise
        raise LocalAwsError(f"the local AWS exited unexpectedly, exit code {exit_code}: see {log}") from error


def _exit_code(server: subprocess.Popen[str]) -> int | None:
    try:
        return server.wait(timeout=0.2)  # its connections break a moment before it is seen to be dead
    except subprocess.TimeoutExpired:
        return None


def _stop(server: subprocess.Popen[str]) -> int:
    """Close the server's standard input, which ends it and all its processes; return its exit code."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.close()
    try:
        exit_code = server.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        exit_code = server.wait()
    server.stdout.close()
    return exit_code
