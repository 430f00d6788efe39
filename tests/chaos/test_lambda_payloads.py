"""Whatever the Lambda functions are given, or find in S3, they do their work or refuse it in one line."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.lambdas import create_batch_manifest, prefetch_check, summarize_results
from tests.chaos.campaign import campaign
from tests.component.conftest import BUCKET
from tests.component.lambdas.damaged import DOCUMENTS, OTHERS, PREFETCHED, READERS, damaged_body, event_for, put

# Those whose input is a person's; what the others get was made by these.
BY_A_PERSON = (prefetch_check, create_batch_manifest)
QUARTERS = ("2023Q1", "2023q1", "2023Q5", " 2023Q1", "2023Q1\n", "\u0662\u0660\u0662\u0663Q1", "../2023Q1", "", 20231)
BUCKETS = (BUCKET, "", "UPPER", "a/b", "s3://bucket", "x" * 64, "..")
BATCH_SIZES = (1, 50, 5000, 0, -1, 5001, 1.5, "50", True, 10**30)


@pytest.fixture(autouse=True)
def own_clients() -> Iterator[None]:
    """The functions keep their client of S3; another test's would be of a server that is gone."""
    for function in (*BY_A_PERSON, summarize_results):
        function._s3.cache_clear()
    yield
    for function in (*BY_A_PERSON, summarize_results):
        function._s3.cache_clear()


def test_any_payload_is_answered_or_refused_in_one_line(s3: Any) -> None:
    def attempt(chance: random.Random) -> str:
        put(s3)
        return outcome(chance.choice(BY_A_PERSON).handler, payload(chance))

    outcomes = campaign("payloads of functions", attempt)
    assert set(outcomes) <= {"answered", "refused"}


def test_damage_in_s3_is_one_line_or_harmless(s3: Any) -> None:
    def attempt(chance: random.Random) -> str:
        key = chance.choice(list(DOCUMENTS))
        put(s3, key, damaged_body(DOCUMENTS[key], chance))
        return outcome(chance.choice(READERS[key]), event_for(key), key)

    campaign("damaged documents", attempt)


def outcome(function: Any, event: Any, named: str = "") -> str:
    """Any error but a refusal in one line, with the name of what is wrong, is the test's failure."""
    try:
        function(event, None)
        return "answered"
    except InvalidInput as error:
        said = str(error)
    assert "\n" not in said, event
    assert named in said
    assert len(said) < 1_000
    return "refused"


def payload(chance: random.Random) -> Any:
    """The input of an execution with some values others, some missing and some too many, or no object at all."""
    event: dict[str, Any] = copy.deepcopy(event_for(PREFETCHED))
    if chance.random() < 0.1:
        return chance.choice([*OTHERS, [event], str(event)])
    for name, values in (("quarter", QUARTERS), ("bucket", BUCKETS), ("batch_size", BATCH_SIZES)):
        if chance.random() < 0.4:
            event[name] = chance.choice(values if chance.random() < 0.7 else OTHERS)
    if chance.random() < 0.2:
        event.pop(chance.choice(list(event)))
    if chance.random() < 0.1:
        event[chance.choice(["Quarter", "batchsize", "", "\n"])] = chance.choice(OTHERS)
    return event
