"""What the functions say of documents in S3 that are damaged: one line that names the object and what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from cloud.src.contract.errors import InvalidInput
from tests.component.conftest import BUCKET
from tests.component.lambdas.damaged import (
    BATCHES,
    DOCUMENTS,
    PREFETCHED,
    PROGRESS,
    READERS,
    damaged_body,
    event_for,
    put,
)

SEED = 14
N_OF_EACH = 60


@pytest.mark.parametrize(
    ("key", "body", "said"),
    [
        (PREFETCHED, b"", "is not a prefetch manifest (not JSON: Expecting value"),
        (PREFETCHED, b'{"firms": "\xff"}', "is not a prefetch manifest (not JSON: 'utf-8' codec can't decode"),
        (PREFETCHED, b"[" * 100_000, "is not a prefetch manifest (not JSON: "),
        (
            PREFETCHED,
            b"[]",
            "is not a prefetch manifest (what should have fields is [], not an object): prefetch again",
        ),
        (PREFETCHED, b"{}", "is not a prefetch manifest (it has no firms): prefetch again"),
        (PREFETCHED, b'{"firms": [["1", "a"]]}', "is not a prefetch manifest (firms is [['1', 'a']], not an object)"),
        (PREFETCHED, b'{"firms": {"1": null}}', "is not a prefetch manifest (the chunk of firm '1' is None, not text)"),
        (BATCHES, b'{"batch_id": 1, "firm_ids": []}', "is not a batch manifest (batch_id is 1, not text)"),
        (BATCHES, b'{"batch_id": "x", "firm_ids": "12"}', "is not a batch manifest (firm_ids is '12', not a list)"),
        (
            BATCHES,
            b'{"batch_id": "x", "firm_ids": ["1"]}',
            "lists other batches than those that ran: start the quarter again",
        ),
        (PROGRESS, b"null", "is not the progress of a batch (it is None, not an object): start the quarter again"),
        (PROGRESS, b'{"manifest_key": "x"}', "is not the progress of a batch (it has no done)"),
    ],
)
def test_a_damaged_document_is_named_with_what_is_wrong(s3: Any, key: str, body: bytes, said: str) -> None:
    put(s3, key, body)
    for function in READERS[key]:
        with pytest.raises(InvalidInput) as error:
            function(event_for(key), None)
        assert str(error.value).startswith(f"s3://{BUCKET}/{key} {said}")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", DOCUMENTS)
def test_damage_is_refused_in_one_line_or_harmless(s3: Any, key: str) -> None:
    print(f"seed {SEED}")
    refusals: list[str] = []
    chance = random.Random(SEED)
    for _ in range(N_OF_EACH):
        put(s3, key, damaged_body(DOCUMENTS[key], chance))
        for function in READERS[key]:
            refusals += refusal(function, key)
    assert len(refusals) > N_OF_EACH / 2
    assert [refusal for refusal in refusals if "\n" in refusal or key not in refusal] == []


def refusal(function: Callable[[dict[str, Any], object], Any], key: str) -> list[str]:
    """What the function says; nothing when it can do its work all the same. Any other error is the test's failure."""
    try:
        function(event_for(key), None)
    except InvalidInput as error:
        return [str(error)]
    return []
