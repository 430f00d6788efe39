"""ECS services: their tasks are only counted here, but seen as on AWS, by the load balancer and in their log."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.models import FakeAutoScalingGroup, autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.ecs.models import EC2ContainerServiceBackend, Service, ecs_backends
from moto.elbv2.models import FakeTargetGroup, elbv2_backends
from moto.logs.models import logs_backends

from cloud.src.localaws.batch.process import LogStream
from cloud.src.localaws.moto_gaps.patching import patch

STARTED = (
    "the local AWS runs no container: the LLM that `ftm local up` was given or has started answers in place "
    "of {image}; its address is the LLM_BASE_URL in /aws/batch/ftm"
)
ENDED = "the service has been scaled down, or its instance has gone"


def install() -> None:
    """Stock moto runs as many tasks as a service wants, without an instance, a target or a log."""

    def update_service(self: EC2ContainerServiceBackend, properties: dict[str, Any]) -> Any:
        updated = stock_update(self, properties)
        _place_tasks(self.account_id, self.region_name)
        return updated

    def set_desired_capacity(self: FakeAutoScalingGroup, new_capacity: int | None) -> None:
        stock_set(self, new_capacity)
        _place_tasks(self.account_id, self.region)

    stock_update = patch(EC2ContainerServiceBackend, "update_service", update_service)
    stock_set = patch(FakeAutoScalingGroup, "set_desired_capacity", set_desired_capacity)


def _place_tasks(account: str, region: str) -> None:
    """One task per instance: every instance of a scaling group is taken to be in the service's cluster."""
    groups = list(autoscaling_backends[account][region].autoscaling_groups.values())
    running = {one.id for one in ec2_backends[account][region].all_running_instances()}
    instances = [state.instance.id for group in groups for state in group.active_instances()]
    there = [instance for instance in instances if instance in running]
    for service in list(ecs_backends[account][region].services.values()):
        if service.status == "ACTIVE":
            _place(service, there[: service.desired_count], account, region)


def _place(service: Service, instances: list[str], account: str, region: str) -> None:
    before = vars(service).get("instances", [])
    vars(service)["instances"] = instances
    service.running_count, service.pending_count = len(instances), service.desired_count - len(instances)
    target_groups = elbv2_backends[account][region].target_groups
    for balancer in service.load_balancers:
        if group := target_groups.get(balancer.get("targetGroupArn", "")):
            _register(group, before, instances)
    for _ in range(len(instances) - len(before)):
        _say(service, STARTED, account, region)
    for _ in range(len(before) - len(instances)):
        _say(service, ENDED, account, region)


def _register(group: FakeTargetGroup, before: list[str], instances: list[str]) -> None:
    group.deregister([{"Id": one} for one in before if one not in instances and one in group.targets])
    group.register([{"Id": one} for one in instances if one not in group.targets])


def _say(service: Service, what: str, account: str, region: str) -> None:
    """Write a line into the log of each of the task's containers that has one."""
    task = ecs_backends[account][region].describe_task_definition(service.task_definition or "")
    containers: list[Any] = task.container_definitions
    for container in containers:
        options = (container.get("logConfiguration") or {}).get("options") or {}
        if "awslogs-group" in options:
            prefix = options.get("awslogs-stream-prefix", service.name)
            stream = f"{prefix}/{container['name']}/{uuid.uuid4().hex}"
            log = LogStream(logs_backends[account][region], options["awslogs-group"], stream)
            log.create()
            log.put(what.format(image=container["image"]))
