"""All checks, in the order an operator wants them, and how they are run."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table
from rich.text import Text

from cloud.src.cli.aws.doctor import billing, deployment, guards, jobs, network, quotas, serving
from cloud.src.cli.aws.doctor.finding import Check, Finding, Patient, Seen, State, not_checked
from cloud.src.cli.screen import one_line
from cloud.src.contract.errors import FtmError

CHECKS = (
    *deployment.CHECKS,
    *jobs.CHECKS,
    *quotas.CHECKS,
    *network.CHECKS,
    *serving.CHECKS,
    *guards.CHECKS,
    *billing.CHECKS,
)
LONGEST_EVIDENCE = 300
STYLES = {State.PASSED: "green", State.FAILED: "bold red", State.NOT_CHECKED: "yellow"}


def examine(patient: Patient) -> Iterator[Finding]:
    """Run the checks in order; one that AWS gives no answer to is reported as not checked."""
    for check in CHECKS:
        seen = _look(check, patient)
        evidence = one_line(seen.evidence, LONGEST_EVIDENCE)
        yield Finding(check.name, seen.state, evidence, check.fix if seen.state is State.FAILED else "")


def table(findings: list[Finding]) -> Table:
    """One row per check."""
    found = Table(show_lines=True)
    for header in ("Check", "State", "Evidence", "Fix"):
        found.add_column(header, overflow="fold")
    for one in findings:
        found.add_row(one.check, Text(one.state, STYLES[one.state]), Text(one.evidence), Text(one.fix))
    return found


def counts(findings: list[Finding]) -> str:
    """For example ``12 passed, 1 failed, 3 not checked``."""
    return ", ".join(f"{sum(one.state is state for one in findings)} {state}" for state in State)


def _look(check: Check, patient: Patient) -> Seen:
    try:
        return check.look(patient)
    except (ClientError, BotoCoreError, FtmError) as error:  # not allowed, not reached, not published
        return not_checked(str(error))
