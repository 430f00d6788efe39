"""What the functions say of documents in S3 that are damaged: one line that names the object and what is wrong."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.lambdas import create_batch_manifest, prefetch_check, summarize_results
from tests.component.conftest import BUCKET

PREFETCHED = "prefetch/transcripts/quarter=2023Q1/manifest.json"
BATCHES = "manifests/2023Q1/manifest_20230501T120000000000Z.jsonl"
PROGRESS = "progress/2023Q1/2023Q1_batch_0000.json"

DOCUMENTS: dict[str, Any] = {
    PREFETCHED: {"firms": {"1": "chunk_0000.parquet", "2": "chunk_0001.parquet"}},
    BATCHES: {"batch_id": "2023Q1_batch_0000", "firm_ids": ["1", "2"]},
    PROGRESS: {
        "manifest_key": BATCHES,
        "done": ["1"],
        "skipped": [{"firm_id": "2", "reason": "no sentences"}],
        "naming": {"named by the LLM": 3},
        "commit": "0123456",
        "deployed_commit": "0123456",
    },
}
EVENT = {
    "quarter": "2023Q1",
    "bucket": BUCKET,
    "manifest_key": BATCHES,
    "results": [{"batch_id": "2023Q1_batch_0000", "status": "SUCCEEDED"}],
}
READERS = {
    PREFETCHED: (prefetch_check.handler, create_batch_manifest.handler),
    BATCHES: (summarize_results.handler,),
    PROGRESS: (summarize_results.handler,),
}
SEED = 14
N_OF_EACH = 60


def put(s3: Any, damaged: str = "", body: bytes = b"") -> None:
    for key, document in DOCUMENTS.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body if key == damaged else json.dumps(document).encode())


def handle(function: Callable[[dict[str, Any], object], Any], key: str) -> Any:
    event = EVENT if key != PREFETCHED else {name: EVENT[name] for name in ("quarter", "bucket")}
    return function(event, None)


@pytest.mark.parametrize(
    ("key", "body", "said"),
    [
        (PREFETCHED, b"", "is not a prefetch manifest (not JSON: Expecting value"),
        (PREFETCHED, b'{"firms": "\xff"}', "is not a prefetch manifest (not JSON: 'utf-8' codec can't decode"),
        (PREFETCHED, b"[" * 100_000, "is not a prefetch manifest (not JSON: "),
        (PREFETCHED, b"[]", "is not a prefetch manifest (what should have fields is [], no object): prefetch again"),
        (PREFETCHED, b"{}", "is not a prefetch manifest (it has no firms): prefetch again"),
        (PREFETCHED, b'{"firms": [["1", "a"]]}', "is not a prefetch manifest (firms is [['1', 'a']], no object)"),
        (PREFETCHED, b'{"firms": {"1": null}}', "is not a prefetch manifest (the chunk of firm '1' is None, no text)"),
        (BATCHES, b'{"batch_id": 1, "firm_ids": []}', "is not a batch manifest (batch_id is 1, no text)"),
        (BATCHES, b'{"batch_id": "x", "firm_ids": "12"}', "is not a batch manifest (firm_ids is '12', no list)"),
        (BATCHES, b'{"batch_id": "x", "firm_ids": ["1"]}', "has other batches than have run: start the quarter again"),
        (PROGRESS, b"null", "is not the progress of a batch (it is None, no object): start the quarter again"),
        (PROGRESS, b'{"manifest_key": "x"}', "is not the progress of a batch (it has no done)"),
    ],
)
def test_a_damaged_document_is_named_with_what_is_wrong(s3: Any, key: str, body: bytes, said: str) -> None:
    put(s3, key, body)
    for function in READERS[key]:
        with pytest.raises(InvalidInput) as error:
            handle(function, key)
        assert str(error.value).startswith(f"s3://{BUCKET}/{key} {said}")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", DOCUMENTS)
def test_whatever_is_damaged_is_refused_in_one_line_or_does_not_matter(s3: Any, key: str) -> None:
    print(f"seed {SEED}")
    refusals: list[str] = []
    for body in damaged_bodies(DOCUMENTS[key], random.Random(SEED)):
        put(s3, key, body)
        for function in READERS[key]:
            refusals += refusal(function, key)
    assert len(refusals) > N_OF_EACH / 2
    assert [refusal for refusal in refusals if "\n" in refusal or key not in refusal] == []


def refusal(function: Callable[[dict[str, Any], object], Any], key: str) -> list[str]:
    """What the function says; nothing when it can do its work all the same. Any other error is the test's failure."""
    try:
        handle(function, key)
    except InvalidInput as error:
        return [str(error)]
    return []


def damaged_bodies(document: Any, chance: random.Random) -> Iterator[bytes]:
    """Documents in which some value is another, is missing, or of which bytes are missing or others."""
    others: list[Any] = [None, True, -1, 1.5, "text", [], ["x"], [None], {}, {"x": []}, float("nan")]
    for _ in range(N_OF_EACH):
        changed = copy.deepcopy(document)
        place, name = chance.choice(list(places(changed)))
        if chance.random() < 0.2:
            del place[name]
        else:
            place[name] = chance.choice(others)
        body = json.dumps(changed).encode()
        if chance.random() < 0.2:
            body = body[: chance.randrange(len(body))]
        if chance.random() < 0.2 and body:
            at = chance.randrange(len(body))
            body = body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
        yield body


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value within a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for name, element in list(inner):
        yield value, name
        yield from places(element)
