"""Reads the Terraform roots as they are written: blocks as dictionaries, expressions as their text."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

ROOTS = Path(__file__).parents[3] / "cloud/terraform"
ORDER = ["storage", "ecs", "batch", "stepfunctions"]


def blocks(root: str, kind: str, resource_type: str) -> dict[str, dict[str, Any]]:
    """Blocks of ``kind`` ("resource", "data") and type in a root's files, by name."""
    return {
        name: body
        for file in sorted((ROOTS / root).glob("*.tf"))
        for block in read(file).get(kind, [])
        for name, body in block.get(resource_type, {}).items()
    }


def local_values(root: str) -> dict[str, Any]:
    files = sorted((ROOTS / root).glob("*.tf"))
    return {name: value for file in files for block in read(file).get("locals", []) for name, value in block.items()}


@cache  # the parser takes a second for a large file
def read(file: Path) -> dict[str, Any]:
    with file.open() as opened:
        return dict(plain(hcl2.load(opened)))


def plain(value: Any) -> Any:
    """Without the quotation marks that the parser keeps around names and texts."""
    if isinstance(value, dict):
        return {unquoted(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return unquoted(value) if isinstance(value, str) else value


def unquoted(text: str) -> str:
    return re.sub(r'^"(.*)"$', r"\1", text, flags=re.DOTALL)
