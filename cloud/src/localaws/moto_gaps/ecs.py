"""ECS: what Terraform needs and moto lacks."""

from __future__ import annotations

from typing import Any

from moto.ecs.models import Service
from moto.ecs.responses import EC2ContainerServiceResponse

from cloud.src.localaws.moto_gaps.patching import patch

# Settings of a service that stock moto forgets: name in the request, attribute of the service.
_FORGOTTEN = {
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "deploymentConfiguration": "deployment_configuration",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
    "placementConstraints": "placement_constraints",
}


def install() -> None:
    """Let moto describe a service as Terraform expects it."""
    leave_out_missing_network()
    keep_service_settings()


def leave_out_missing_network() -> None:
    """Stock moto answers {} for the network of a service in host mode, which crashes Terraform's provider."""

    def init(self: Service, *args: Any, **kwargs: Any) -> None:
        stock_init(self, *args, **kwargs)
        if not self.network_configuration:
            del self.network_configuration

    stock_init = patch(Service, "__init__", init)


def keep_service_settings() -> None:
    """Stock moto forgets some settings of a service, so the next plan shows them again."""

    def create_service(self: EC2ContainerServiceResponse) -> Any:
        answer = stock_create_service(self)
        service = answer.result["service"]
        for name, attribute in _FORGOTTEN.items():
            if self._get_param(name) is not None:
                setattr(service, attribute, self._get_param(name))
        return answer

    stock_create_service = patch(EC2ContainerServiceResponse, "create_service", create_service)
