"""Values in the Terraform roots, with references to variables (their defaults) and locals replaced."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from tests.fast.terraform.terraform_files import ROOTS, local_values, read

_REFERENCE = re.compile(r"\$\{(?:tostring\()?(var|local)\.(\w+)\)?\}")


def value(root: str, written: Any) -> Any:
    """What ``written`` is when the root is applied with its defaults; other expressions stay as they are."""
    if isinstance(written, dict):
        return {name: value(root, inner) for name, inner in written.items()}
    if isinstance(written, list):
        return [value(root, inner) for inner in written]
    reference = _REFERENCE.fullmatch(written) if isinstance(written, str) else None
    if not reference:
        return written
    kind, name = reference.groups()
    return value(root, defaults(root)[name] if kind == "var" else _locals(root)[name])


@cache
def _locals(root: str) -> dict[str, Any]:
    return local_values(root)


@cache
def defaults(root: str) -> dict[str, Any]:
    """Variable -> default, of those that have one."""
    blocks = read(ROOTS / root / "variables.tf")["variable"]
    return {name: body["default"] for block in blocks for name, body in block.items() if "default" in body}
