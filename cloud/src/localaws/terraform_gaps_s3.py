"""S3: what Terraform's bucket policy needs and moto lacks."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from cloud.src.localaws.patching import patch


def install() -> None:
    allow_requests_without_tls()


def allow_requests_without_tls() -> None:
    """Stock moto overlooks conditions, so that a policy that denies requests without TLS denies every request."""

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        policy["Statement"] = [statement for statement in policy["Statement"] if not _is_about_tls(statement)]
        return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)

    patch(FakeBucket, "get_permission", get_permission)


def _is_about_tls(statement: dict[str, Any]) -> bool:
    conditions = statement.get("Condition", {}).values()
    return any("aws:SecureTransport" in condition for condition in conditions)
