"""``ftm aws check`` leaves no job behind, whatever ends its waiting."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.src.cli.aws import llm_check_job
from cloud.src.contract.errors import FtmError


class Batch:
    """Batch with a job that waits for an instance, or that it no longer knows."""

    def __init__(self, jobs: list[dict[str, str]]) -> None:
        self.jobs = jobs
        self.terminated: list[str] = []

    def submit_job(self, **_: Any) -> dict[str, str]:
        return {"jobId": "1"}

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        assert jobs == ["1"]
        return {"jobs": self.jobs}

    def terminate_job(self, jobId: str, reason: str) -> None:  # noqa: N803
        assert reason
        self.terminated.append(jobId)


class Account:
    """An account of which only Batch and parameters are asked for."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def client(self, service: str) -> Batch:
        assert service == "batch"
        return self._batch

    def parameter(self, name: str) -> str:
        return name


def test_ctrl_c_ends_the_job() -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    batch = Batch([{"status": "RUNNABLE"}])
    with pytest.raises(KeyboardInterrupt):
        llm_check_job.check(Account(batch), 120, lambda _: None, interrupted)  # type: ignore[arg-type]

    assert batch.terminated == ["1"]


def test_a_job_that_aws_no_longer_knows_is_one_line() -> None:
    with pytest.raises(FtmError, match="AWS no longer knows the job 1"):
        llm_check_job.check(Account(Batch([])), 120, lambda _: None)  # type: ignore[arg-type]
