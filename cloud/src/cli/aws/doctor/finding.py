"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cloud.src.cli.aws.account import Account


class State(StrEnum):
    """``NOT_CHECKED`` is not good news: what was to be checked is missing or may not be read."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Seen:
    """``evidence``: what AWS reports, or why it could not be asked, on one line."""

    state: State
    evidence: str


@dataclass(frozen=True)
class Patient:
    """The account being checked; ``quarter``: the one about to run, if any."""

    account: Account
    quarter: str | None = None


@dataclass(frozen=True)
class Check:
    """A check; ``looks_at`` and ``fix`` also appear in the runbook."""

    name: str
    looks_at: str
    fix: str
    look: Callable[[Patient], Seen]


@dataclass(frozen=True)
class Finding:
    """The result of a check; ``fix`` is empty unless it failed."""

    check: str
    state: State
    evidence: str
    fix: str


def passed(evidence: str) -> Seen:
    """The check passed."""
    return Seen(State.PASSED, evidence)


def failed(evidence: str) -> Seen:
    """The check failed."""
    return Seen(State.FAILED, evidence)


def not_checked(why: str) -> Seen:
    """The check could not be made."""
    return Seen(State.NOT_CHECKED, why)


def verdict(problems: list[str], evidence: str) -> Seen:
    """Failed if there are problems, otherwise passed with the evidence."""
    return failed("; ".join(problems)) if problems else passed(evidence)
