"""Batch: what Terraform needs and moto lacks."""

from __future__ import annotations

from typing import Any

from moto.batch.models import BatchBackend, JobDefinition, JobQueue
from moto.batch.responses import BatchResponse

from cloud.src.localaws.moto_gaps.patching import patch


def install() -> None:
    """Let moto resize compute environments, keep time limits and find the latest revision."""
    resize_compute_environments()
    keep_time_limits()
    find_latest_revision()


def resize_compute_environments() -> None:
    """Stock moto ignores an update of the compute resources, so the next plan shows it again."""

    def update_compute_environment(
        self: BatchBackend, compute_environment_name: str, state: Any, compute_resources: Any, service_role: Any
    ) -> Any:
        updated = stock_update(self, compute_environment_name, state, compute_resources, service_role)
        environment = self.get_compute_environment(compute_environment_name)
        if compute_resources and environment and environment.compute_resources:
            environment.compute_resources.update(compute_resources)
        return updated

    stock_update = patch(BatchBackend, "update_compute_environment", update_compute_environment)


def keep_time_limits() -> None:
    """Stock moto drops a queue's limits on waiting jobs, so the next plan shows them again."""

    def keeping(action: Any) -> Any:
        def create_or_update(self: BatchResponse) -> Any:
            answer = action(self)
            limits = self._get_param("jobStateTimeLimitActions")
            if limits is not None:
                name = self._get_param("jobQueueName") or self._get_param("jobQueue")
                vars(self.batch_backend.get_job_queue(name))["time_limits"] = limits
            return answer

        return create_or_update

    def describe(self: JobQueue) -> dict[str, Any]:
        return {**stock_describe(self), "jobStateTimeLimitActions": vars(self).get("time_limits", [])}

    patch(BatchResponse, "createjobqueue", keeping(BatchResponse.createjobqueue))
    patch(BatchResponse, "updatejobqueue", keeping(BatchResponse.updatejobqueue))
    stock_describe = patch(JobQueue, "describe", describe)


def find_latest_revision() -> None:
    """Stock moto finds the latest revision of a job definition by its name, but not by its ARN without a revision."""

    def get_job_definition(self: BatchBackend, identifier: str) -> JobDefinition | None:
        name = identifier.rpartition(":job-definition/")[2]
        found: JobDefinition | None = stock_get(self, identifier if ":" in name else name)
        return found

    stock_get = patch(BatchBackend, "get_job_definition", get_job_definition)
