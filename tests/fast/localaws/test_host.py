"""Which command a container image stands for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.host import IMAGES, CannotPullContainer, Host

ENDPOINT = Endpoint("http://127.0.0.1:1", "KEY", "secret")
HOST = Host(ENDPOINT, Path(), {**IMAGES, "other": ("run",)}, threading.Semaphore(1))


@pytest.mark.parametrize(
    "image",
    [
        "ftm-worker",
        "ftm-worker:local",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/ftm-worker:0.1.0",
        "localhost:5000/team/ftm-worker",
        "registry.example.com/ftm-worker@sha256:0123",
        "registry.example.com/ftm-worker:1@sha256:0123",
    ],
)
def test_an_image_is_known_by_its_repository(image: str) -> None:
    assert list(HOST.entry_point(image))[-2:] == ["-m", "cloud.src.worker"]


@pytest.mark.parametrize("image", ["ftm-worker-2", "ftm-worker/other:1-x/third", "", "OTHER"])
def test_an_unknown_image_is_named_with_the_known_ones(image: str) -> None:
    with pytest.raises(CannotPullContainer, match="the local AWS knows ftm-worker, other$"):
        HOST.entry_point(image)
