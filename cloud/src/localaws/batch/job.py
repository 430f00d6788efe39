"""Batch jobs as processes or containers, with the states, retries, time limits and logs they have in AWS."""

from __future__ import annotations

import logging
import signal
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import moto.batch.models
from moto.batch.exceptions import ClientException
from moto.batch.models import BatchBackend, Job
from moto.batch.responses import BatchResponse
from moto.batch.utils import JobStatus

from cloud.src.localaws.batch import containers
from cloud.src.localaws.batch.environment import attempt_environment, declared_environment
from cloud.src.localaws.batch.process import Ending, JobProcess, LogStream
from cloud.src.localaws.batch.retry import FailedAttempt, gets_another_attempt
from cloud.src.localaws.child_environment import full_python_path, minimal_environment
from cloud.src.localaws.host import CannotPullContainer, Host
from cloud.src.localaws.moto_gaps.patching import patch

_log = logging.getLogger(__name__)

_EXITED = "Essential container in task exited"
_NOT_STARTED = "Task failed to start"
_TIMED_OUT = "Job attempt duration exceeded timeout"
_HOST_GONE = "Host EC2 (instance i-00000000000000000) terminated."
_KILLED = 128 + signal.SIGKILL
_FINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED)

_submitted = threading.local()  # the fields that moto drops from the SubmitJob request that this thread is answering


def install(host: Host) -> None:
    """Patch moto's Batch; each function below says what stock moto lacks."""
    ProcessJob.host = host
    # Stock jobs run in Docker, have no retries, and are not killed but asked to stop every half second.
    patch(moto.batch.models, "Job", ProcessJob)
    _keep_retry_strategy()
    _refuse_jobs_of_disabled_queues()
    patch(BatchBackend, "describe_jobs", describe_jobs)


def _keep_retry_strategy() -> None:
    """Stock moto ignores the retryStrategy of SubmitJob."""

    def submitjob(self: BatchResponse) -> Any:
        _submitted.retry_strategy = self._get_param("retryStrategy")
        return stock_submit_job(self)

    stock_submit_job = patch(BatchResponse, "submitjob", submitjob)


def _refuse_jobs_of_disabled_queues() -> None:
    """Stock moto runs jobs whose queue is disabled; AWS takes none."""

    def submit_job(
        self: BatchBackend, job_name: str, job_def_id: str, job_queue: str, *args: Any, **kwargs: Any
    ) -> Any:
        queue = self.get_job_queue(job_queue)
        if queue is not None and queue.state == "DISABLED":
            raise ClientException(f"Job queue {queue.name} is disabled")
        return stock_submit_job(self, job_name, job_def_id, job_queue, *args, **kwargs)

    stock_submit_job = patch(BatchBackend, "submit_job", submit_job)


def describe_jobs(backend: BatchBackend, jobs: list[str] | None) -> list[dict[str, Any]]:
    """Stock moto iterates over all jobs, and fails if another thread submits one meanwhile."""
    ids = [job.rsplit("/", 1)[-1] for job in jobs or []]
    return [backend._jobs[job_id].describe() for job_id in ids if job_id in backend._jobs]


class ProcessJob(Job):
    """A Batch job: a process, perhaps in a container. The thread that moto starts for a job runs its attempts."""

    host: ClassVar[Host]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.retry_strategy = getattr(_submitted, "retry_strategy", None) or self.job_definition.retry_strategy or {}
        self._reason = ""  # why the last attempt could not start
        self._process: JobProcess | None = None
        self._process_lock = threading.Lock()

    def run(self) -> None:
        """Run the job's attempts once the jobs it depends on have succeeded, and record how it ended."""
        if self.depends_on:
            self.status = JobStatus.PENDING
            if not self._wait_for_dependencies():
                return
        try:
            succeeded = self._run_attempts()
        except Exception as error:
            _log.exception("job %s could not be run", self.job_id)
            self.job_stopped_reason = str(error)
            succeeded = False
        self._mark_stopped(success=succeeded)

    def terminate(self, reason: str) -> None:
        """Stock moto stops even a job that has ended, and overwrites the reason why it ended."""
        with self._process_lock:
            if self.stop or self.status in _FINAL:
                return
            self.stop = True
            self.job_stopped_reason = reason
            if self._process:
                self._process.kill()

    def describe(self) -> dict[str, Any]:
        """Stock moto leaves out how the container ended, and when an array with a failed job ended."""
        description = super().describe()
        description["retryStrategy"] = self.retry_strategy
        if self.exit_code is not None and "container" in description:
            description["container"]["exitCode"] = self.exit_code
        if self._reason and "container" in description:
            description["container"]["reason"] = self._reason
        if self._child_jobs and all(job.status in _FINAL for job in self._child_jobs):
            failed = any(job.status == JobStatus.FAILED for job in self._child_jobs)
            description["status"] = self.status = JobStatus.FAILED if failed else JobStatus.SUCCEEDED
        return description

    def _get_container_property(self, p: str, default: Any) -> Any:
        """Stock moto adds to the declared environment each time it is read."""
        if p != "environment":
            return super()._get_container_property(p, default)
        return [{"name": name, "value": value} for name, value in declared_environment(self).items()]

    def _run_attempts(self) -> bool:
        """Run attempts until one succeeds or none is left; return whether one succeeded."""
        attempt = 0
        while True:
            attempt += 1
            self.status = JobStatus.RUNNABLE
            with self._job_slot():
                if self.stop:
                    return False
                ending = self._run_attempt(attempt)
            if self.stop or ending.timed_out:  # neither is retried
                return False
            failed = FailedAttempt(attempt, ending.exit_code, ending.reason, self._status_reason(ending))
            if ending.exit_code == 0 or not gets_another_attempt(self.retry_strategy, failed):
                return ending.exit_code == 0

    @contextmanager
    def _job_slot(self) -> Iterator[None]:
        """Wait until the machine has room for one more job, or the job should stop."""
        while not self.host.job_slots.acquire(timeout=0.1):
            if self.stop:
                yield
                return
        try:
            yield
        finally:
            self.host.job_slots.release()

    def _run_attempt(self, attempt: int) -> Ending:
        self.status = JobStatus.STARTING
        log = self._new_log_stream()
        self.job_started_at = datetime.now()  # noqa: DTZ005  # moto takes it for local time
        self._start_attempt()
        # A folder of its own, as in a container; removing it also removes what a killed job leaves behind.
        with tempfile.TemporaryDirectory(prefix="job-", dir=self.host.work_folder) as folder:
            try:
                process = self._start_process(attempt, Path(folder), log)
            except CannotPullContainer as error:
                ending = Ending(exit_code=None, reason=str(error))
            else:
                self.status = JobStatus.RUNNING
                ending = process.wait(self._get_attempt_duration())
        self._end_attempt(ending)
        return ending

    def _start_process(self, attempt: int, folder: Path, log: LogStream) -> JobProcess:
        variables = attempt_environment(self, attempt)
        if self.host.containers:
            command = self._container(attempt, variables)
            environment = {**minimal_environment([]), **containers.engine_environment(), **variables}
        else:
            image = (self.job_definition.container_properties or {})["image"]
            command = [*self.host.entry_point(image), *self._command()]
            environment = {**minimal_environment(full_python_path()), **variables, "TMPDIR": str(folder)}
        with self._process_lock:
            self._process = JobProcess(self.host.processes, command, environment, folder, log)
            if self.stop:  # terminated between two attempts
                self._process.kill()
            return self._process

    def _container(self, attempt: int, variables: dict[str, str]) -> list[str]:
        """The command that runs an attempt in a container."""
        return containers.job_command(
            containers.Container(
                name=f"ftm-{self.job_id.replace(':', '-')}-{attempt}",
                properties=self.job_definition.container_properties or {},
                memory_mib=int(self._get_container_property("memory", 512)),
                command=self._command(),
                variables=variables,
            )
        )

    def _command(self) -> list[str]:
        """The arguments of the image's entry point."""
        return list(self._add_parameters_to_command(self._get_container_property("command", [])))

    def _new_log_stream(self) -> LogStream:
        properties = self.job_definition.container_properties or {}
        options = (properties.get("logConfiguration") or {}).get("options") or {}
        prefix = options.get("awslogs-stream-prefix", self.job_definition.name)
        self.log_stream_name = f"{prefix}/default/{uuid.uuid4().hex}"
        log = LogStream(self._log_backend, options.get("awslogs-group", self._log_group), self.log_stream_name)
        log.create()
        return log

    def _end_attempt(self, ending: Ending) -> None:
        status_reason = self._status_reason(ending)
        self.exit_code, self._reason = ending.exit_code, ending.reason
        if not self.stop:
            self.job_stopped_reason = status_reason
        self.job_stopped_at = datetime.now()  # noqa: DTZ005  # moto takes it for local time
        self._stop_attempt()
        if self.latest_attempt:
            self.latest_attempt["statusReason"] = status_reason
            if ending.exit_code is not None:
                self.latest_attempt["container"]["exitCode"] = ending.exit_code
            if ending.reason:
                self.latest_attempt["container"]["reason"] = ending.reason

    def _status_reason(self, ending: Ending) -> str:
        """A job whose process is killed ends like one whose Spot host is reclaimed: it is not the job's fault.

        A container is different: one that runs out of memory ends with the same exit code, and AWS does not retry it.
        """
        if ending.timed_out:
            return _TIMED_OUT
        if ending.exit_code is None:
            return _NOT_STARTED
        killed = ending.exit_code == _KILLED and not self.stop and not self.host.containers
        return _HOST_GONE if killed else _EXITED
