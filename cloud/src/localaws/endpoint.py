"""Where a local AWS is, and the keys by which it knows its own: made for each run, and valid for no other."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloud.src.contract.errors import InvalidInput

_KEY_CHARACTERS = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class Endpoint:
    """A local AWS for those who may use it. Whoever has the keys can run programs as its user."""

    url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def with_new_keys(cls, url: str) -> Endpoint:
        """Keys of the length that AWS gives them, which moto expects."""
        access_key_id = "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(20))
        return cls(url, access_key_id, secrets.token_hex(20))

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Endpoint:
        """The one that AWS_ENDPOINT_URL and the keys beside it name; raises InvalidInput when one is missing."""
        names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        for name in names:
            if not variables.get(name):
                raise InvalidInput(f"{name} is not set: export all that `ftm local up` prints")
        url, access_key_id, secret_access_key = (variables[name] for name in names)
        return cls(url, access_key_id, secret_access_key)

    @classmethod
    def of_exports(cls, text: str) -> Endpoint:
        """The one that a local AWS has printed."""
        return cls.of(dict(word.split("=", 1) for word in text.split() if "=" in word))

    def variables(self, region: str) -> dict[str, str]:
        """What makes boto3, Terraform and the ``aws`` command find this local AWS, and no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def exports(self, region: str) -> str:
        """What somebody has to export in a shell, in one line."""
        names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        variables = self.variables(region)
        return " ".join(["export", *(f"{name}={variables[name]}" for name in names)])
