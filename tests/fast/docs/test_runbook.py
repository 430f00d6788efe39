"""The runbook's table of the doctor's checks is what the doctor checks."""

from __future__ import annotations

from cloud.src.cli.aws.doctor.checks import CHECKS
from tests.fast.docs.repository import ROOT

RUNBOOK = (ROOT / "docs/operations/runbook.md").read_text(encoding="utf-8")
HEADER = "| Check | Looks at | Fix |\n|---|---|---|\n"


def test_the_doctors_checks_are_those_of_the_runbook() -> None:
    rows = "".join(f"| {check.name} | {check.looks_at} | {check.fix} |\n" for check in CHECKS)

    assert f"{HEADER}{rows}\n" in RUNBOOK


def test_a_check_has_a_name_of_its_own() -> None:
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))
