"""Looks at AWS that have to end in time for the mail: a service that does not answer must not cost it."""

from __future__ import annotations

import time
from typing import Any

import boto3
from botocore.config import Config

# How long all looks of one call may take together, and then the last request that was sent in time. The mail's own
# request, sent twice if need be, comes after them: all of it fits into the function's timeout (lambdas.tf).
ALL_LOOKS_S = 75.0
CONNECT_S, ANSWER_S = 3.0, 5.0
LOOK = Config(connect_timeout=CONNECT_S, read_timeout=ANSWER_S, retries={"total_max_attempts": 3})
MAIL_ATTEMPTS = 2
MAIL = Config(connect_timeout=CONNECT_S, read_timeout=ANSWER_S, retries={"total_max_attempts": MAIL_ATTEMPTS})


class Looks:
    """Gives clients that send no request, nor repeat one, when the time for all looks is over."""

    def __init__(self, seconds: float = ALL_LOOKS_S) -> None:
        self._end = time.monotonic() + seconds

    def client(self, service: str, at_most_s: float = ALL_LOOKS_S) -> Any:
        """A boto3 client for up to ``at_most_s`` from now; its requests raise TimeoutError after that."""
        end = min(self._end, time.monotonic() + at_most_s)

        def check(**_: Any) -> None:
            if time.monotonic() >= end:
                raise TimeoutError(f"no time is left to ask {service}")

        clients: Any = boto3  # typed for the literal names of services
        client = clients.client(service, config=LOOK)
        client.meta.events.register("request-created", check)  # before each attempt
        return client
