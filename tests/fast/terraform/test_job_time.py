"""A map job of the default size, on its worst assumptions, takes at most half of the time that Batch gives it."""

from __future__ import annotations

import re
from pathlib import Path

from cloud.src.contract import keys
from cloud.src.naming.ask import SMALL_MODELS_ANSWERS_PER_NAME
from tests.fast.docs.repository import read
from tests.fast.terraform.terraform_files import ROOTS
from tests.fast.terraform.terraform_values import defaults

COSTS = read(Path("docs/measurements/costs.md"))


def stated(pattern: str) -> float:
    """The number that docs/measurements/costs.md states."""
    found = re.search(pattern, re.sub(r"\s+", " ", COSTS))
    assert found, pattern
    return float(found[1])


TOPICS_PER_FIRM = stated(r"topics \((\d+) per firm\)")
NAMES_PER_S = stated(r"(\d+) names per second from one g5.xlarge")
SENTENCES_PER_S = stated(r"for 165 and for (\d+) sentences per second")
SENTENCES_PER_FIRM = 500  # ADR-005


def timeout_s(job: str) -> int:
    """The default of ``timeout_seconds`` in the type of a job's variable."""
    block = (ROOTS / "batch/variables.tf").read_text().split(f'variable "{job}"')[1].split("default = {}")[0]
    return int(re.findall(r"timeout_seconds = optional\(number, (\d+)\)", block)[0])


def slots() -> int:
    """How many map jobs run at a time and share the LLM: as many as Spot has room for."""
    block = (ROOTS / "batch/variables.tf").read_text().split('variable "map_job"')[1]
    vcpus = int(re.findall(r"vcpus += optional\(number, (\d+)\)", block)[0])
    return int(defaults("batch")["max_vcpus_spot"]) // vcpus


def longest_job_s(answers_per_name: float) -> float:
    """One batch while every slot has one, the LLM answers for all of them, and goes away once."""
    names = keys.DEFAULT_BATCH_SIZE * TOPICS_PER_FIRM * slots()
    embedding = keys.DEFAULT_BATCH_SIZE * SENTENCES_PER_FIRM / SENTENCES_PER_S
    outage = float(defaults("batch")["llm_outage_limit_seconds"])
    return embedding + names * answers_per_name / NAMES_PER_S + outage


def test_a_default_job_needs_at_most_half_of_its_time() -> None:
    assert longest_job_s(answers_per_name=1) < longest_job_s(SMALL_MODELS_ANSWERS_PER_NAME) <= timeout_s("map_job") / 2


def test_the_state_machine_waits_for_capacity_and_a_whole_attempt() -> None:
    wait = float(defaults("batch")["capacity_wait_seconds"])
    assert wait + timeout_s("map_job") <= defaults("stepfunctions")["map_timeout_seconds"]


def test_no_more_jobs_are_submitted_than_spot_has_room_for() -> None:
    assert defaults("stepfunctions")["max_concurrency"] == slots()
