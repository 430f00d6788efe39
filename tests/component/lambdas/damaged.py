"""The documents that the Lambda functions read in S3, and ways in which they may be damaged."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

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
OTHERS: tuple[Any, ...] = (None, True, -1, 1.5, "text", [], ["x"], [None], {}, {"x": []}, float("nan"))


def put(s3: Any, damaged: str = "", body: bytes = b"") -> None:
    """Write all documents, one of them as this body."""
    for key, document in DOCUMENTS.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body if key == damaged else json.dumps(document).encode())


def event_for(key: str) -> dict[str, Any]:
    """The input of the functions that read a document."""
    return EVENT if key != PREFETCHED else {name: EVENT[name] for name in ("quarter", "bucket")}


def damaged_body(document: Any, chance: random.Random) -> bytes:
    """The document with some value another or missing, or with bytes missing or others."""
    changed = copy.deepcopy(document)
    place, name = chance.choice(list(places(changed)))
    if chance.random() < 0.2:
        del place[name]
    else:
        place[name] = chance.choice(OTHERS)
    body = json.dumps(changed).encode()
    if chance.random() < 0.2:
        body = body[: chance.randrange(len(body))]
    if chance.random() < 0.2 and body:
        at = chance.randrange(len(body))
        body = body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
    return body


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value within a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for name, element in list(inner):
        yield value, name
        yield from places(element)
