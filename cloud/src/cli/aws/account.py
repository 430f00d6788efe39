"""The AWS account that ``ftm aws`` works in: of a profile, or a local one named by AWS_ENDPOINT_URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from cloud.src.contract import parameters
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.lambdas.ended_execution import PANEL_MACHINE

ELSEWHERE = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})


@dataclass(frozen=True)
class Account:
    """Clients of one account in one region; ``endpoint`` is empty for AWS itself."""

    session: Any
    endpoint: str

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client for this service; one for another region does not wait long, as a network may block it."""
        if region is None:
            return self.session.client(service)
        return self.session.client(service, region_name=region, config=ELSEWHERE)

    def banner(self) -> str:
        """Where a command works; commands that change something print it first."""
        account = self.client("sts").get_caller_identity()["Account"]
        where = f"local AWS at {self.endpoint}" if self.endpoint else "AWS"
        return f"account {account}, region {self.session.region_name}, {where}"

    def is_local(self) -> bool:
        """Whether this is a local AWS, which counts ECS tasks but has none to show."""
        return bool(self.endpoint)

    def parameter(self, name: str) -> str:
        """What a Terraform root has published; raises InvalidInput when it is not there."""
        try:
            return str(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            raise InvalidInput(
                f"there is no parameter {name} in this account and region: apply the Terraform roots, or give "
                "--profile and --region"
            ) from error

    def bucket(self) -> str:
        """The pipeline's bucket."""
        return self.parameter(parameters.BUCKET)

    def state_machine_arn(self) -> str:
        """The state machine that runs a quarter."""
        return self.parameter(parameters.STATE_MACHINE_ARN)

    def panel_machine_arn(self) -> str:
        """The state machine that makes a panel; it is beside that of quarters and has a fixed name."""
        return f"{self.state_machine_arn().rpartition(':')[0]}:{PANEL_MACHINE}"


def connect(profile: str | None, region: str | None) -> Account:
    """The account of this profile and region; raises InvalidInput when there is no such profile, or no region."""
    try:
        session: Any = boto3.Session(profile_name=profile, region_name=region)
    except ProfileNotFound as error:
        raise InvalidInput(f"--profile: {error}") from error
    if not session.region_name:
        raise InvalidInput("no region: give --region, or set AWS_DEFAULT_REGION")
    return Account(session, os.environ.get("AWS_ENDPOINT_URL", ""))


@contextmanager
def aws_errors_explained() -> Iterator[None]:
    """Turn a refusal by AWS in the block, or failure to reach it, into an FtmError of one line."""
    try:
        yield
    except ClientError as error:
        raise FtmError(f"AWS: {error}") from error
    except BotoCoreError as error:  # no credentials, no network
        raise FtmError(f"AWS cannot be used: {error} (choose the account with --profile and --region)") from error
