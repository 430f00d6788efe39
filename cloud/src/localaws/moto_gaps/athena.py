"""Athena: what Terraform needs and moto lacks."""

from __future__ import annotations

from typing import Any

from moto.athena.responses import AthenaResponse

from cloud.src.localaws.moto_gaps.patching import add

_REMOVE = "Remove"  # RemoveOutputLocation: true removes OutputLocation


def install() -> None:
    """Let moto update workgroups."""
    update_work_groups()


def update_work_groups() -> None:
    """Stock moto cannot change a workgroup; the provider does, even when only ``force_destroy`` has changed."""

    def update_work_group(self: AthenaResponse) -> str:
        group = self.athena_backend.work_groups[self._get_param("WorkGroup")]
        group.description = self._get_param("Description") or group.description
        group.state = self._get_param("State") or group.state
        updates = dict(self._get_param("ConfigurationUpdates") or {})
        results = updates.pop("ResultConfigurationUpdates", {})
        group.configuration = _changed(group.configuration, updates)
        if results:
            group.configuration["ResultConfiguration"] = _changed(
                group.configuration.get("ResultConfiguration", {}), results
            )
        return "{}"

    add(AthenaResponse, update_work_group)


def _changed(settings: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    removed = {name.removeprefix(_REMOVE) for name, value in updates.items() if name.startswith(_REMOVE) and value}
    set_now = {name: value for name, value in updates.items() if not name.startswith(_REMOVE)}
    return {name: value for name, value in {**settings, **set_now}.items() if name not in removed}
