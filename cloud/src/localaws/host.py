"""What the parts of the local AWS share: where it listens, where it works, and which processes it has started."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.process_groups import ProcessGroups

# A container image is known by the name of its repository; here its entry point is a command on this machine.
IMAGES: Mapping[str, Sequence[str]] = {"ftm-worker": (sys.executable, "-P", "-m", "cloud.src.worker")}


class CannotPullContainer(Exception):
    """Nobody knows the image of a job, which is then a failed attempt; the text is the reason that Batch gives."""

    def __init__(self, why: str) -> None:
        super().__init__(f"CannotPullContainerError: {why}")


@dataclass(frozen=True)
class Host:
    """This machine, in the role of AWS."""

    endpoint: Endpoint
    work_folder: Path
    images: Mapping[str, Sequence[str]]
    job_slots: threading.Semaphore  # how many Batch jobs run at the same time
    containers: bool = False  # Batch jobs run in the Docker engine's images instead
    processes: ProcessGroups = field(default_factory=ProcessGroups)

    def entry_point(self, image: str) -> Sequence[str]:
        """The command a container of ``image`` starts with; raises CannotPullContainer when it is unknown."""
        repository = image.rsplit("/", 1)[-1].split("@")[0].split(":")[0]
        if repository not in self.images:
            known = ", ".join(sorted(self.images))
            raise CannotPullContainer(f"no image {image}; the local AWS knows {known}")
        return self.images[repository]
