"""``ftm prefetch``: brings a quarter's transcripts, as sentences, into the bucket of the AWS that is deployed."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli.execution import Aws
from cloud.src.cli.progress import Screen
from cloud.src.cli.run_quarter import prefetch
from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.localaws.environment import LocalAws
from cloud.src.prefetch.files import FileTranscripts
from cloud.src.prefetch.storage import S3Storage

_BUCKET_PARAMETER = "/ftm/storage/bucket"


def upload(screen: Screen, quarter: str, source: Path) -> None:
    """Write the quarter's sentences to the bucket that the Terraform root ``storage`` made.

    AWS is that of the user's environment or profile. Raises InvalidInput for a quarter or transcripts that are not
    usable, FtmError where AWS is not set up for it; then nothing has been written.
    """
    keys.check_quarter(quarter)
    transcripts = FileTranscripts(source, quarter)
    try:
        aws = _aws()
        bucket = _bucket(aws)
        screen.line(f"to bucket {bucket}")
        prefetch(S3Storage(aws.client("s3"), bucket), quarter, transcripts, screen, force=False)
    except BotoCoreError as error:  # no credentials, no region, no network
        raise FtmError(f"AWS cannot be used: {error} (which one: AWS_PROFILE and AWS_DEFAULT_REGION)") from error
    print(f"s3://{bucket}/{keys.prefetch_manifest(quarter)}")


def _aws() -> Aws:
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    return LocalAws(endpoint) if endpoint else boto3.Session()


def _bucket(aws: Aws) -> str:
    try:
        return str(aws.client("ssm").get_parameter(Name=_BUCKET_PARAMETER)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        raise InvalidInput(
            f"there is no parameter {_BUCKET_PARAMETER} in this account and region: apply the Terraform root storage "
            "first, or set AWS_PROFILE and AWS_DEFAULT_REGION to where it is"
        ) from error
