"""Who runs in the containers: the users of the images, whom the instances keep from their role, and never root."""

from __future__ import annotations

import re

import pytest

from tests.fast.terraform.terraform_files import ROOTS, local_values


@pytest.mark.parametrize(
    ("root", "template", "container", "image"),
    [
        ("ecs", "asg.tf", "service.tf", "llm/vllm/Dockerfile"),
        ("batch", "compute.tf", "job_definitions.tf", "worker/Dockerfile"),
    ],
)
def test_the_user_kept_from_the_role_is_the_containers(root: str, template: str, container: str, image: str) -> None:
    user = local_values(root)["container_user"]
    (of_image,) = re.findall(r"^USER (.+)$", (ROOTS.parent / "src" / image).read_text(), flags=re.MULTILINE)
    assert user == of_image
    assert not user.startswith("0")
    assert 'container_user_id = split(":", local.container_user)[0]' in (ROOTS / root / template).read_text()
    assert re.search(r"^ +user += local.container_user$", (ROOTS / root / container).read_text(), flags=re.MULTILINE)
