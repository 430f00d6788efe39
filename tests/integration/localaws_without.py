"""The local AWS without some of its patches: ``python -m tests.integration.localaws_without PATCH,... ARGUMENTS``."""

from __future__ import annotations

import sys
from importlib import import_module

from cloud.src.localaws.__main__ import main


def leave_out(patch: str) -> None:
    """Make a function of ``cloud.src.localaws`` do nothing, or take a method away that overrides moto's."""
    module, _, attributes = patch.partition(":")
    *path, name = attributes.split(".")
    owner = import_module(f"cloud.src.localaws.{module}")
    for attribute in path:
        owner = getattr(owner, attribute)
    if isinstance(owner, type):
        delattr(owner, name)
    else:
        getattr(owner, name)  # it must be there to be left out
        setattr(owner, name, lambda *_: None)


if __name__ == "__main__":
    for patch in sys.argv.pop(1).split(","):
        leave_out(patch)
    sys.exit(main())
