"""What the jobs are told about the LLM and the topics, what another ``ftm`` finds out about a local AWS that runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openai
import pytest

from cloud.src.cli.environment.local_environment import LocalEnvironment, open_environment, start_environment
from cloud.src.cli.environment.run_llm import NAMES_PER_SECOND, NO_LLM, LlmChoice
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.models import packaged_models
from tests.integration.fake_llm import fake_llm, says

ANSWER = says("Hello")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "LLM_API_KEY", "EMBEDDING_MODEL", "MIN_TOPICS", "MAX_TOPICS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # the code under test changes them: put back after the test


def ignore(line: str) -> None:
    """Nobody reads what is announced."""


def export(monkeypatch: pytest.MonkeyPatch, aws: LocalAws) -> None:
    for name, value in aws.endpoint.variables(aws.region).items():
        monkeypatch.setenv(name, value)


def job_environment(environment: LocalEnvironment) -> dict[str, Any]:
    (job,) = environment.aws.client("batch").describe_job_definitions(jobDefinitionName="ftm-firm-processor")[
        "jobDefinitions"
    ]
    return {pair["name"]: pair["value"] for pair in job["containerProperties"]["environment"]}


def test_a_users_server_is_never_taken_for_the_local_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LLM_MODEL_NAME", packaged_models.LLM)
    with fake_llm(ANSWER) as llm, start_environment(ignore, 1, LlmChoice(url=llm.base_url)) as started:
        export(monkeypatch, started.aws)
        with open_environment(ignore, None, LlmChoice()) as found:
            for environment in (started, found):
                assert not environment.llm.local
                told = job_environment(environment)
                assert told["FTM_COMMIT"] == told["DEPLOYED_COMMIT"]
                assert "$0.00" not in environment.llm.cost()


def test_the_small_model_is_known_as_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with start_environment(ignore, 1, LlmChoice()) as started:
        export(monkeypatch, started.aws)
        with open_environment(ignore, None, LlmChoice()) as found:
            assert found.llm == started.llm
    assert found.llm.local


def test_a_users_model_runs_here_under_its_file_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "My-Model.Q4.gguf"
    file.symlink_to(packaged_models.ensure(packaged_models.LLM) / "model.gguf")
    with start_environment(ignore, 1, LlmChoice(model=file)) as started:
        export(monkeypatch, started.aws)
        with open_environment(ignore, None, LlmChoice()) as found:
            assert found.llm == started.llm
        told = job_environment(started)
        models = openai.OpenAI(base_url=started.llm.base_url, api_key=started.llm.api_key).models.list().data
    [served] = [model.id for model in models]
    assert re.fullmatch(r"My-Model\.Q4\.gguf@[0-9a-f]{12}", served)
    assert told["LLM_MODEL_NAME"] == started.llm.model == served
    assert started.llm.names_per_second == pytest.approx(NAMES_PER_SECOND)  # as large as the packaged one
    assert f"{served} on this machine, $0.00 an hour" in started.llm.cost()
    assert started.llm.advice() is None


def test_without_an_llm_none_is_started_or_passed_to_jobs() -> None:
    with start_environment(ignore, 1, LlmChoice(none=True)) as started:
        told = job_environment(started)
    assert started.llm == NO_LLM
    assert "LLM_BASE_URL" not in told
    assert "LLM_MODEL_NAME" not in told


def test_the_jobs_use_the_users_model_and_bounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own").symlink_to(packaged_models.ensure(packaged_models.EMBEDDING))
    monkeypatch.chdir(tmp_path)  # the jobs run in other folders
    for name, value in {"EMBEDDING_MODEL": "own", "MIN_TOPICS": "5", "MAX_TOPICS": "30"}.items():
        monkeypatch.setenv(name, value)
    with start_environment(ignore, 1, LlmChoice(none=True)) as started:
        told = job_environment(started)
    wanted = {"EMBEDDING_MODEL": str(tmp_path / "own"), "MIN_TOPICS": "5", "MAX_TOPICS": "30"}
    assert {name: told[name] for name in wanted} == wanted


def test_jobs_use_the_packaged_embedding_model_by_default() -> None:
    with start_environment(ignore, 1, LlmChoice(none=True)) as started:
        told = job_environment(started)
    assert told["EMBEDDING_MODEL"] == packaged_models.EMBEDDING
    assert not {"MIN_TOPICS", "MAX_TOPICS"} & set(told)


def test_an_invalid_embedding_model_is_refused_before_any_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMBEDDING_MODEL", str(tmp_path))
    with (
        pytest.raises(InvalidInput, match="EMBEDDING_MODEL .* has no .*model.onnx"),
        start_environment(ignore, 1, LlmChoice(none=True)),
    ):
        pass


@pytest.mark.parametrize("choice", [{"url": "http://127.0.0.1:9/v1"}, {"model": "file"}])
def test_a_running_local_aws_refuses_another_llm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, choice: dict[str, Any]
) -> None:
    (tmp_path / "file").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    [(name, value)] = choice.items()
    llm = LlmChoice(url=value) if name == "url" else LlmChoice(model=Path(value))
    said = f"give --llm-{name} to `ftm local up` instead"
    with pytest.raises(InvalidInput, match=said), open_environment(ignore, None, llm):
        pass


def test_ftm_and_its_jobs_reach_the_llm_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_llm(ANSWER) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        with start_environment(ignore, 1, LlmChoice(url="http://llm.invalid/v1")) as started:
            told = job_environment(started)
    assert {request.path for request in proxy.probes} == {
        "http://llm.invalid/health",
        "http://llm.invalid/v1/models",
        "http://llm.invalid/v1/chat/completions",
    }
    assert told["HTTP_PROXY"] + "/v1" == proxy.base_url
    assert told["NO_PROXY"] == told["no_proxy"] == "127.0.0.1,localhost"


def test_an_llm_on_this_machine_is_reached_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # the discard port: nothing answers there
    with fake_llm(ANSWER) as llm, start_environment(ignore, 1, LlmChoice(url=llm.base_url)):
        assert "/v1/models" in [request.path for request in llm.probes]


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@host/v1",
        "user:secret@host/v1",
        "https://secret@host/v1",
        "https://host/v1?api_key=secret",
        "https://host/v1#secret",
    ],
)
def test_a_key_in_the_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InvalidInput, match="as LLM_API_KEY") as refused:
        LlmChoice(url=url)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "host:8000/v1", "ftp://host/v1", "http://[::1/v1", "http://host:99999/v1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="is not a URL"):
        LlmChoice(url=url)


def test_a_local_aws_that_is_set_up_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_aws() as aws:
        for name in ("storage/bucket", "batch/job_queue_arn", "stepfunctions/state_machine_arn"):
            aws.client("ssm").put_parameter(Name=f"/ftm/{name}", Value="x", Type="String")
        export(monkeypatch, aws)
        said = f"no local AWS set up for FTM answers at {re.escape(aws.endpoint_url)}"
        with pytest.raises(FtmError, match=said), open_environment(ignore, None, LlmChoice()):
            pass
