"""Write the table of locked packages into locked.md: ./pants run docs/packages/list_locked.py

Licences are what each package's own metadata says. A test holds names, versions and uses against the lockfile.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_name("locked.md")
LOCKFILE = ROOT / "3rdparty/python/product.lock"
REQUIREMENTS = ROOT / "3rdparty/python/requirements.txt"
HEADING = "| Package | Version | Licence | For |\n|---|---|---|---|\n"
_TESTS_ONLY = "# Tests and benchmarks only"
_TYPES_ONLY = "# Types only"


@dataclass(frozen=True)
class Locked:
    """A package of the lockfile; ``use`` says what it is for, or which packages bring it along."""

    name: str
    version: str
    use: str


def locked_packages() -> list[Locked]:
    """All packages of the product's lockfile, by name."""
    requirements = _locked_requirements()
    uses = _stated_uses()
    brought_by = _needed_by(requirements, with_extras=True) | _needed_by(requirements, with_extras=False)
    return [
        Locked(name, each["version"], uses.get(name) or "needed by " + ", ".join(sorted(brought_by[name])))
        for each in sorted(requirements, key=lambda each: _canonical(each["project_name"]))
        for name in [_canonical(each["project_name"])]
    ]


def without_sha256() -> list[str]:
    """Packages of which a file has no sha256 in the lockfile."""
    return [
        each["project_name"]
        for each in _locked_requirements()
        if any(artifact["algorithm"] != "sha256" for artifact in each["artifacts"])
    ]


def row(package: Locked, licence: str) -> str:
    """A line of the table."""
    return f"| {package.name} | {package.version} | {licence} | {package.use} |"


def licence_of(name: str) -> str:
    """What a package's metadata says its licence is. Raises PackageNotFoundError."""
    said = metadata(name)
    if "License-Expression" in said:
        return said["License-Expression"]
    kinds = [kind.split(" :: ")[-1] for kind in said.get_all("Classifier") or [] if kind.startswith("License ::")]
    return " / ".join(kinds) or (said["License"].splitlines()[0] if "License" in said else "not said")


def _locked_requirements() -> list[dict[str, Any]]:
    lines = LOCKFILE.read_text(encoding="utf-8").splitlines()
    document = json.loads("\n".join(line for line in lines if not line.startswith("//")))
    return [each for resolve in document["locked_resolves"] for each in resolve["locked_requirements"]]


def _needed_by(requirements: list[dict[str, Any]], with_extras: bool) -> dict[str, list[str]]:
    """Package -> those that need it; with extras, also those of which only an extra needs it (moto[server])."""
    needed_by: dict[str, list[str]] = {}
    for each in requirements:
        lines = [line for line in each["requires_dists"] if with_extras or "extra ==" not in line]
        for needed in {_canonical(line) for line in lines}:
            needed_by.setdefault(needed, []).append(_canonical(each["project_name"]))
    return needed_by


def _stated_uses() -> dict[str, str]:
    """Package -> the comment behind its requirement."""
    uses: dict[str, str] = {}
    only = ""
    for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith((_TESTS_ONLY, _TYPES_ONLY)):
            only = "tests: " if line.startswith(_TESTS_ONLY) else "types: "
        elif line and not line.startswith("#"):
            _, _, comment = line.partition("  # ")
            uses[_canonical(line)] = only + (comment or "read by mypy")
    return uses


def _canonical(requirement: str) -> str:
    """ "Typing_Extensions>=4; ..." is "typing-extensions" (PEP 503)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def main() -> None:
    introduction, _, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    rows = [row(package, licence_of(package.name)) for package in locked_packages()]
    PAGE.write_text(introduction + HEADING + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
