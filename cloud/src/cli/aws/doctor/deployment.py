"""Whether what the jobs need is there: parameters, images, a prefetched quarter."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from cloud.src.cli import version
from cloud.src.cli.aws import quarters
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.doctor.finding import Check, Patient, Seen, failed, not_checked, passed, verdict
from cloud.src.contract import parameters
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.vllm import CLUSTER, SERVICE
from cloud.src.worker.image_commit import is_stale

PARAMETERS = (
    parameters.BUCKET,
    parameters.ALERTS_TOPIC_ARN,
    parameters.LLM_BASE_URL,
    parameters.ALB_SECURITY_GROUP_ID,
    parameters.JOB_QUEUE_ARN,
    parameters.FIRM_PROCESSOR_ARN,
    parameters.THEME_AGGREGATOR_ARN,
    parameters.PANEL_AGGREGATOR_ARN,
    parameters.STATE_MACHINE_ARN,
)
OWN_REGISTRY = ".dkr.ecr."


def _parameters(patient: Patient) -> Seen:
    answer = patient.account.client("ssm").get_parameters(Names=list(PARAMETERS))
    return verdict([f"{name} is missing" for name in answer["InvalidParameters"]], f"all {len(PARAMETERS)} are there")


def _worker_image(patient: Patient) -> Seen:
    arn = patient.account.parameter(parameters.FIRM_PROCESSOR_ARN)
    name = arn.rpartition("/")[2].partition(":")[0]  # the jobs take its latest revision
    client = patient.account.client("batch")
    found = client.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    if not found:
        return failed(f"there is no job definition {name}")
    image = max(found, key=lambda one: one["revision"])["containerProperties"]["image"]
    if OWN_REGISTRY not in image:
        return not_checked(f"{image} is not in an AWS registry")
    tag, commit = image.rpartition(":")[2], version.commit()
    problems = [] if _is_in_registry(patient.account, image) else [f"{image} is not in the registry"]
    if is_stale(commit, tag):
        problems.append(f"{tag} is deployed, this checkout is of {commit}")
    return verdict(problems, f"{image} is there; this checkout is of {commit}")


def _vllm_image(patient: Patient) -> Seen:
    ecs = patient.account.client("ecs")
    services = ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    if not services:
        return not_checked(f"there is no service {SERVICE}: apply the root ecs")
    task = ecs.describe_task_definition(taskDefinition=services[0]["taskDefinition"])["taskDefinition"]
    image = task["containerDefinitions"][0]["image"]
    if OWN_REGISTRY not in image:
        return not_checked(f"{image} is not in an AWS registry")
    there = _is_in_registry(patient.account, image)
    return passed(f"{image} is there") if there else failed(f"{image} is not in the registry")


def _is_in_registry(account: Account, image: str) -> bool:
    """``image``: <account>.dkr.ecr.<region>.<suffix>/<repository>, then :<tag> or @<digest>."""
    name = image.partition("/")[2]
    repository, at, digest = name.partition("@")
    wanted: dict[str, Any] = {"imageDigest": digest}
    if not at:
        repository, _, tag = name.partition(":")
        wanted = {"imageTag": tag}
    try:
        account.client("ecr").describe_images(repositoryName=repository, imageIds=[wanted])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return False
        raise
    return True


def _prefetch(patient: Patient) -> Seen:
    if patient.quarter is None:
        return not_checked("no quarter was given")
    patient.account.bucket()  # without it nothing can be said of the quarter
    try:
        estimate = quarters.estimate(patient.account, patient.quarter)
    except InvalidInput as error:
        return failed(str(error))
    return passed(f"{patient.quarter}: {estimate.n_firms:,} firms")


CHECKS = (
    Check(
        "parameters",
        "the SSM parameters by which the roots find each other",
        "apply the roots in their order: storage, ecs, batch, stepfunctions (guide, sections 2 to 6)",
        _parameters,
    ),
    Check(
        "worker's image",
        "whether the jobs' image is in ECR and of this checkout's commit",
        "build and push it, and apply batch (guide, sections 3 and 13)",
        _worker_image,
    ),
    Check(
        "vLLM's image",
        "whether vLLM's image is in ECR, where it is not Docker Hub's",
        "build and push it, and apply ecs with its TF_VAR_vllm_image_digest (guide, section 3)",
        _vllm_image,
    ),
    Check(
        "prefetch", "the quarter's prefetch manifest", "ftm prefetch QUARTER --from wrds (guide, section 8)", _prefetch
    ),
)
