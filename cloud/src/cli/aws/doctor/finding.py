"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cloud.src.cli.aws.account import Account


class State(StrEnum):
    """``NOT_CHECKED`` is no good news: what is looked at is not there, or may not be read."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Seen:
    """``evidence``: what AWS says, or why it could not be asked, in one line."""

    state: State
    evidence: str


@dataclass(frozen=True)
class Patient:
    """The account that is looked at; ``quarter``: the one that is to run, if any."""

    account: Account
    quarter: str | None = None


@dataclass(frozen=True)
class Check:
    """``looks_at`` and ``fix`` are what the runbook says of it, too."""

    name: str
    looks_at: str
    fix: str
    look: Callable[[Patient], Seen]


@dataclass(frozen=True)
class Finding:
    """What a check has found; ``fix`` is empty where it has not failed."""

    check: str
    state: State
    evidence: str
    fix: str


def passed(evidence: str) -> Seen:
    """All is well."""
    return Seen(State.PASSED, evidence)


def failed(evidence: str) -> Seen:
    """Something is wrong."""
    return Seen(State.FAILED, evidence)


def not_checked(why: str) -> Seen:
    """Nothing can be said."""
    return Seen(State.NOT_CHECKED, why)


def verdict(problems: list[str], evidence: str) -> Seen:
    """Failed with the problems, or passed with the evidence where there are none."""
    return failed("; ".join(problems)) if problems else passed(evidence)
