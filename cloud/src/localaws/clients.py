"""boto3 clients for the local AWS."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from cloud.src.localaws.endpoint import Endpoint

REGION = "us-east-1"
ACCOUNT = "666938415731"  # what the documents of the system's operators have in their ARNs

# Nothing of the user's own AWS configuration, least of all a profile that may not exist.
_NO_USER_CONFIGURATION = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}

_creating = threading.Lock()


def local_client(endpoint: Endpoint, service: str, region: str = REGION) -> Any:
    """A client that any thread may use. Creating one is not thread-safe in boto3, using one is."""
    with _creating:
        return _client(endpoint, service, region)


@cache
def _client(endpoint: Endpoint, service: str, region: str) -> Any:
    config = Config(
        # A Lambda function may run 15 minutes before it answers, and must not be started a second time meanwhile.
        read_timeout=960,
        retries={"total_max_attempts": 1} if service == "lambda" else {},
        max_pool_connections=64,
        proxies={},  # never ask the user's proxy for 127.0.0.1
        s3={"addressing_style": "path"},
    )
    session: Any = boto3.session.Session(  # typed for the literal names of services
        botocore_session=botocore.session.Session(session_vars=_NO_USER_CONFIGURATION)
    )
    return session.client(
        service,
        region_name=region,
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=endpoint.secret_access_key,
        config=config,
    )
