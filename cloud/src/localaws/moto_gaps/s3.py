"""S3: what Terraform needs for the bucket and moto lacks."""

from __future__ import annotations

import json
import threading
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, FakeDeleteMarker
from moto.s3.responses import S3Response

from cloud.src.localaws.moto_gaps.patching import add, patch


def install() -> None:
    """Let moto ignore the rule against requests without TLS, delete what has a delete marker, write one at a time."""
    allow_requests_without_tls()
    delete_what_has_a_delete_marker()
    write_one_object_at_a_time()


def allow_requests_without_tls() -> None:
    """Stock moto ignores conditions, so a policy that denies requests without TLS denies every request."""

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        policy["Statement"] = [statement for statement in policy["Statement"] if not _is_about_tls(statement)]
        return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)

    patch(FakeBucket, "get_permission", get_permission)


def delete_what_has_a_delete_marker() -> None:
    """Stock moto treats a delete marker as a file, and fails when its key is deleted with versioning suspended."""

    def dispose(_self: FakeDeleteMarker) -> None:
        """A marker holds no file."""

    add(FakeDeleteMarker, dispose)


def write_one_object_at_a_time() -> None:
    """Stock moto looks and then writes, so that two conditional writes at once may both be taken; S3 takes one."""
    lock = threading.RLock()

    def put_object(self: S3Response) -> Any:
        with lock:
            return stock(self)

    stock = patch(S3Response, "put_object", put_object)


def _is_about_tls(statement: dict[str, Any]) -> bool:
    conditions = statement.get("Condition", {}).values()
    return any("aws:SecureTransport" in condition for condition in conditions)
