"""The environment variables of a Batch job, and where each comes from."""

from __future__ import annotations

import json
from typing import Any, Protocol

from cloud.src.localaws.clients import local_client
from cloud.src.localaws.host import Host


class Job(Protocol):
    """What is read of a Batch job: moto's job, with the host that runs it."""

    job_id: str
    job_definition: Any
    job_queue: Any
    container_overrides: dict[str, Any]
    array_properties: dict[str, Any]
    backend: Any

    @property
    def host(self) -> Host:
        """The machine that runs the job."""


def declared_environment(job: Job) -> dict[str, str]:
    """What the job definition says, overridden by what SubmitJob says."""
    definition = job.job_definition.container_properties or {}
    pairs = [*definition.get("environment", []), *job.container_overrides.get("environment", [])]
    return {pair["name"]: pair.get("value", "") for pair in pairs}


def attempt_environment(job: Job, attempt: int) -> dict[str, str]:
    """What one attempt is told, wherever it runs; what Batch itself sets cannot be overridden."""
    batch = {
        "AWS_BATCH_JOB_ID": job.job_id,
        "AWS_BATCH_JOB_ATTEMPT": str(attempt),
        "AWS_BATCH_JQ_NAME": job.job_queue.name,
        "AWS_BATCH_CE_NAME": job.job_queue.environments[0].name,
    }
    if "index" in job.array_properties:
        batch["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.array_properties["index"])
    return {
        **job.host.endpoint.variables(job.backend.region_name),
        **declared_environment(job),
        **_secret_environment(job),
        **batch,
    }


def _secret_environment(job: Job) -> dict[str, str]:
    secrets = (job.job_definition.container_properties or {}).get("secrets", [])
    return {secret["name"]: _secret_value(job, secret["valueFrom"]) for secret in secrets}


def _secret_value(job: Job, source: str) -> str:
    """The value behind the ARN of a secret (``...:secret:NAME[:JSON_KEY::]``) or the ARN or name of a parameter.

    https://docs.aws.amazon.com/batch/latest/userguide/specifying-sensitive-data-secrets.html
    """
    region = job.backend.region_name
    if ":secretsmanager:" not in source:
        name = source.split(":parameter", 1)[-1]
        ssm = local_client(job.host.endpoint, "ssm", region)
        return str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    parts = source.split(":")
    arn, json_key = ":".join(parts[:7]), "".join(parts[7:8])
    secret = local_client(job.host.endpoint, "secretsmanager", region).get_secret_value(SecretId=arn)
    value = str(secret["SecretString"])
    return str(json.loads(value)[json_key]) if json_key else value
