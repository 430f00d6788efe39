"""AWS and a language model on this machine, set up for FTM: what a run needs around it.

Either this process starts both and stops them with itself, or it uses those that ``ftm local up`` runs elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli import network, version, vllm
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.llm import local_server, packaged_models, xai_client
from cloud.src.llm.xai_client import LlmClient
from cloud.src.localaws.containers import check as check_containers
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import FIRM_PROCESSOR, WORKER_IMAGE, provision

Announce = Callable[[str], None]

# Makes everything FTM needs in a local AWS, given the jobs' environment and the key of the LLM, if it has one.
SetUp = Callable[[LocalAws, dict[str, str], str | None], object]

CORES = os.cpu_count() or 1
LLM_READY_TIMEOUT_S = 20

# Variables of the jobs that speak of this machine's files: an image has its own, and states its own commit.
_OF_THIS_MACHINE = {"FTM_COMMIT", "FTM_MODEL_CACHE", "SSL_CERT_DIR", "SSL_CERT_FILE"}

# Among the jobs' variables for us, when we find an environment that another ftm has started.
_LOCAL_LLM = "FTM_LOCAL_LLM"

_PARAMETERS = ["/ftm/storage/bucket", "/ftm/batch/job_queue_arn", "/ftm/stepfunctions/state_machine_arn"]


@dataclass(frozen=True)
class Llm:
    """The language model that names topics and themes."""

    base_url: str
    model: str
    local: bool  # the small one that comes with FTM, on this machine

    def cost(self) -> str:
        """What it costs while it runs, in one line."""
        if self.local:
            return "LLM: local small model, $0.00 an hour"
        return f"LLM: {self.model} at {self.base_url}, its cost is not known to FTM"


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
        return f"{self.llm.cost()}; {vllm.status(self.aws)}"


@contextmanager
def open_environment(
    announce: Announce, jobs: int | None, llm_url: str | None, containers: bool = False
) -> Iterator[LocalEnvironment]:
    """Use the local AWS that AWS_ENDPOINT_URL names, or else start one until the block ends.

    Raises InvalidInput when AWS_ENDPOINT_URL is not on this machine or another argument is given for it, FtmError when
    nothing answers there.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        with start_environment(announce, jobs, llm_url, containers=containers) as started:
            yield started
        return
    _check_loopback(endpoint)
    for option, value in (("--jobs", jobs), ("--llm-url", llm_url), ("--containers", containers or None)):
        if value is not None:
            raise InvalidInput(f"the local AWS at {endpoint} is set up: give {option} to `ftm local up` instead")
    environment = _running_environment(endpoint)
    announce(f"using the local AWS at {endpoint} (AWS_ENDPOINT_URL), bucket {environment.bucket}")
    yield environment


@contextmanager
def start_environment(
    announce: Announce,
    jobs: int | None,
    llm_url: str | None,
    port: int | None = None,
    set_up: SetUp = provision,
    containers: bool = False,
) -> Iterator[LocalEnvironment]:
    """Start AWS and, unless ``llm_url`` names another, the small language model; stop both when the block ends.

    ``jobs``: how many Batch jobs run at the same time, one a core when None. ``port``: of the local AWS, a free one
    when None. ``set_up``: how the local AWS gets what FTM needs. ``containers``: the jobs run in the worker's image.

    Raises InvalidInput when a container is asked for and there is no engine or no image.
    """
    jobs = jobs or CORES
    if containers:
        check_containers(WORKER_IMAGE)
    with local_aws(port, jobs, containers=containers) as aws, _llm(announce, llm_url) as llm:
        job_environment = _job_environment(llm, jobs)
        if containers:
            job_environment = {name: job_environment[name] for name in job_environment.keys() - _OF_THIS_MACHINE}
        else:
            packaged_models.ensure(packaged_models.EMBEDDING, announce)
        api_key = None if llm.local else os.environ.get("LLM_API_KEY")
        set_up(aws, job_environment, api_key)
        yield LocalEnvironment(aws, *_published(aws), llm)


@contextmanager
def _llm(announce: Announce, llm_url: str | None) -> Iterator[Llm]:
    if llm_url is not None:
        llm = Llm(_check_url(llm_url), os.environ.get("LLM_MODEL_NAME") or xai_client.DEFAULT_MODEL, local=False)
        os.environ.update(network.environment())  # as in the jobs: what answers here answers there
        # Now, not after the first firms have been analysed for nothing.
        LlmClient(llm.base_url, llm.model, os.environ.get("LLM_API_KEY")).wait_until_ready(LLM_READY_TIMEOUT_S)
        yield llm
        return
    packaged_models.ensure(packaged_models.LLM, announce)
    with local_server.local_llm() as base_url:
        yield Llm(base_url, packaged_models.LLM, local=True)


def _job_environment(llm: Llm, jobs: int) -> dict[str, str]:
    """What the map and reduce jobs are told besides their task."""
    environment = {
        "LLM_BASE_URL": llm.base_url,
        "LLM_MODEL_NAME": llm.model,
        "EMBEDDING_MODEL": packaged_models.EMBEDDING,
        "EMBEDDING_THREADS": str(max(1, CORES // jobs)),
        "FTM_MODEL_CACHE": str(packaged_models.cache_folder()),
        "FTM_COMMIT": version.commit(),  # of this source code, which the jobs run
        "DEPLOYED_COMMIT": version.commit(),
        "CHECKPOINT_INTERVAL": "10",  # firms: an interrupted run loses a minute, not the batch
    }
    if llm.local:
        environment |= {_LOCAL_LLM: "true", "LLM_MAX_CONCURRENT": "1"}  # it answers one prompt at a time
    else:
        environment |= network.environment()
    user_settings = ("LLM_MAX_CONCURRENT", "CHECKPOINT_INTERVAL", "LOG_LEVEL")
    return environment | {name: os.environ[name] for name in user_settings if name in os.environ}


def _running_environment(endpoint: str) -> LocalEnvironment:
    """What somebody else has started and set up at ``endpoint``."""
    aws = LocalAws(endpoint)
    try:
        bucket, job_queue, state_machine = _published(aws)
        definitions = aws.client("batch").describe_job_definitions(jobDefinitionName=FIRM_PROCESSOR, status="ACTIVE")
        latest = sorted(definitions["jobDefinitions"], key=lambda definition: definition["revision"])[-1]
        environment = latest["containerProperties"]["environment"]
        told = {pair["name"]: pair["value"] for pair in environment}
        llm = Llm(told["LLM_BASE_URL"], told["LLM_MODEL_NAME"], local=_LOCAL_LLM in told)
    except (BotoCoreError, ClientError, LookupError) as error:
        raise FtmError(
            f"no local AWS set up for FTM answers at {endpoint} (AWS_ENDPOINT_URL): start one with `ftm local up`, "
            f"or unset AWS_ENDPOINT_URL, then ftm starts its own ({error})"
        ) from error
    return LocalEnvironment(aws, bucket, job_queue, state_machine, llm)


def _published(aws: LocalAws) -> tuple[str, str, str]:
    """Bucket, job queue and state machine, wherever they come from."""
    parameters = aws.client("ssm").get_parameters(Names=_PARAMETERS)["Parameters"]
    values = {parameter["Name"]: str(parameter["Value"]) for parameter in parameters}
    bucket, job_queue, state_machine = (values[name] for name in _PARAMETERS)
    return bucket, job_queue, state_machine


def _check_loopback(endpoint: str) -> None:
    try:
        host = urlsplit(endpoint).hostname or ""
        on_this_machine = host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # the name of a host, or no URL
        on_this_machine = False
    if not on_this_machine:
        raise InvalidInput(
            f"AWS_ENDPOINT_URL {endpoint} is not on this machine, and this version runs quarters on this machine only: "
            "unset AWS_ENDPOINT_URL"
        )


def _check_url(llm_url: str) -> str:
    if any(mark in llm_url for mark in "@?#"):  # not shown, and never in a log or a job definition
        raise InvalidInput(
            "--llm-url has a user name, a key or a query (?...) in it: write it like http://host:8000/v1, "
            "and give a key as LLM_API_KEY in the environment"
        )
    try:
        parts = urlsplit(llm_url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise InvalidInput(f"LLM server {llm_url!r} is not a URL: write it like http://host:8000/v1")
    return llm_url.rstrip("/")
