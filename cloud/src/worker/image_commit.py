"""Whether a job runs in the image that was deployed, by the git commits that image and deployment state."""

from __future__ import annotations

import re

_COMMIT = re.compile(r"([0-9a-f]{7,40})(-dirty)?")


def is_stale(commit: str, deployed_commit: str) -> bool:
    """Whether both are git commits, and not the same one.

    A short hash is the same as a long one that begins with it. A commit and its ``-dirty`` state are not the same code.
    What is no commit (``unknown`` without git, an image tag such as ``v1``) tells nothing.
    """
    image, deployed = _COMMIT.fullmatch(commit), _COMMIT.fullmatch(deployed_commit)
    if not image or not deployed:
        return False
    length = min(len(image[1]), len(deployed[1]))
    return (image[1][:length], image[2]) != (deployed[1][:length], deployed[2])


def warning(commit: str, deployed_commit: str) -> str:
    """What a stale image is, and what to do about it, in one line."""
    return (
        f"stale image: it was built from commit {commit}, but commit {deployed_commit} was deployed: build the image "
        "again from the commit that is to run, and deploy it (image_tag of cloud/terraform/batch)"
    )
