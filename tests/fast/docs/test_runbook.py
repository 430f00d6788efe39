"""The runbook's table of the doctor's checks is what the doctor checks, that of rights what the commands call."""

from __future__ import annotations

import re

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


CALL = re.compile(
    r"""\.get_paginator\("(\w+)"\)|\.((?:describe|list|get|start|stop|submit|terminate|set|update)_\w+)\("""
)
OF_ANOTHER_NAME = {
    "list_objects_v2": "ListBucket",
    "get_caller_identity": "GetCallerIdentity",
    "describe_budget": "ViewBudget",
}


def test_the_rights_are_those_that_the_commands_need() -> None:
    sources = [*(ROOT / "cloud/src/cli/aws").rglob("*.py"), ROOT / "cloud/src/cli/run/execution.py"]
    calls = {page or call for source in sources for page, call in CALL.findall(source.read_text(encoding="utf-8"))}
    needed = {OF_ANOTHER_NAME.get(call, call.replace("_", "")).lower() for call in calls}
    section = RUNBOOK.partition("## Rights\n")[2].partition("\n## ")[0]
    stated = {action.lower() for action in re.findall(r"`\w+:(\w+)`", section)}
    of_the_prefetch = {"putobject", "deleteobject", "getsecretvalue"}
    of_the_aws_cli = {"invokefunction"}  # what docs/operations/commands.md types

    assert stated - of_the_prefetch - of_the_aws_cli == needed
