"""Where ``ftm prefetch`` writes to: the bucket that Terraform made, another one, or a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from cloud.src.cli.run.execution import Aws
from cloud.src.contract import parameters
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.keys import check_bucket
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws
from cloud.src.prefetch.storage import FolderStorage, S3Storage, Storage

_S3 = "s3://"


@dataclass(frozen=True)
class Target:
    """A place with the layout of the bucket."""

    storage: Storage
    name: str  # for the screen
    bucket: str | None = None


def open_target(to: str | None) -> Target:
    """Return the place that ``--to`` names; without it, the bucket of the Terraform root ``storage``.

    Raises InvalidInput when there can be no such place.
    """
    if to is None:
        return _bucket(_bucket_of_terraform())
    if to.startswith(_S3):
        bucket, _, rest = to.removeprefix(_S3).partition("/")
        if rest:
            raise InvalidInput(f"--to {to}: give the bucket alone, as s3://{bucket}; the folders in it are fixed")
        return _bucket(check_bucket(bucket))
    if "://" in to:
        raise InvalidInput(f"--to {to} is neither s3://bucket nor a folder")
    folder = Path(to)
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"--to {to} is a file: give a folder or s3://bucket")
    return Target(FolderStorage(folder), f"folder {folder}")


def aws() -> Aws:
    """AWS of the user's environment or profile, or the local one."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        return LocalAws(Endpoint.of(os.environ))
    session: Any = boto3.Session()  # typed for the literal names of services
    aws: Aws = session
    return aws


def _bucket(name: str) -> Target:
    return Target(S3Storage(aws().client("s3"), name), f"bucket {name}", name)


def _bucket_of_terraform() -> str:
    try:
        return str(aws().client("ssm").get_parameter(Name=parameters.BUCKET)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        raise InvalidInput(
            f"there is no parameter {parameters.BUCKET} in this account and region: apply the Terraform root storage "
            "first, or set AWS_PROFILE and AWS_DEFAULT_REGION to where it is"
        ) from error
