"""``ftm aws check`` on a local AWS: the job definition of map jobs, and a server that names or refuses."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from cloud.src.cli.aws import llm_check_job
from cloud.src.cli.aws.account import Account
from cloud.src.contract.errors import FtmError
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import provision
from tests.integration.fake_llm import FakeLlm, fails, fake_llm, says
from tests.integration.localaws_helpers import until

NAMED = says('{"title": "Wildfire Claims"}')


@pytest.fixture(scope="module")
def llm() -> Iterator[FakeLlm]:
    with fake_llm(NAMED) as llm:
        yield llm


@pytest.fixture(scope="module")
def aws(llm: FakeLlm) -> Iterator[LocalAws]:
    with local_aws() as aws:
        provision(aws, {"LLM_BASE_URL": llm.base_url})
        yield aws


@pytest.fixture
def account(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in aws.endpoint.variables(aws.region).items():
        monkeypatch.setenv(name, value)
    return Account(boto3.Session(region_name=aws.region), aws.endpoint_url)


def test_the_job_asks_from_where_map_jobs_run(account: Account, llm: FakeLlm) -> None:
    said: list[str] = []

    llm_check_job.check(account, 120, said.append)

    assert llm.requests
    log = [line for line in said if line.startswith("  ")]
    assert f"LLM_BASE_URL={llm.base_url}, model Qwen/Qwen3-8B" in log[0]
    assert "it names a topic 'Wildfire Claims' after " in log[-1]
    assert said[-1].startswith("ftm-check: ")
    assert said[-1].endswith(" s to ask")


def test_a_refused_key_fails_with_the_jobs_log(account: Account, llm: FakeLlm) -> None:
    llm.failure = fails(401)
    said: list[str] = []
    try:
        with pytest.raises(FtmError, match="the jobs get no names from the LLM: .*; its log says why"):
            llm_check_job.check(account, 120, said.append)
    finally:
        llm.failure = None

    assert any("LlmMisconfigured" in line and "it answers 401" in line for line in said)


def test_a_job_that_gets_no_instance_is_ended(account: Account, aws: LocalAws) -> None:
    with pytest.raises(FtmError, match=r"ftm-check is \w+ after 0 s.*: does the queue get an instance\?"):
        llm_check_job.check(account, 0, lambda _: None, lambda _: None)

    batch = aws.client("batch")

    def reasons() -> list[str]:
        failed = batch.list_jobs(jobQueue="ftm-queue-main", jobStatus="FAILED")["jobSummaryList"]
        jobs = batch.describe_jobs(jobs=[job["jobId"] for job in failed])["jobs"] if failed else []
        return [job.get("statusReason", "") for job in jobs]

    until(lambda: "ftm aws check no longer waits for it" in reasons())
