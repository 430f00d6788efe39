"""Batch: what Terraform needs and moto lacks."""

from __future__ import annotations

from typing import Any

from moto.batch.models import BatchBackend

from cloud.src.localaws.patching import patch


def install() -> None:
    resize_compute_environments()


def resize_compute_environments() -> None:
    """Stock moto ignores an update of the compute resources, so that the next plan wants to make it again."""

    def update_compute_environment(
        self: BatchBackend, compute_environment_name: str, state: Any, compute_resources: Any, service_role: Any
    ) -> Any:
        updated = stock_update(self, compute_environment_name, state, compute_resources, service_role)
        environment = self.get_compute_environment(compute_environment_name)
        if compute_resources and environment and environment.compute_resources:
            environment.compute_resources.update(compute_resources)
        return updated

    stock_update = patch(BatchBackend, "update_compute_environment", update_compute_environment)
