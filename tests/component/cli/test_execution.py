"""How far an execution is, by the files that its jobs write."""

from __future__ import annotations

import json
from typing import Any

from cloud.src.cli.run.execution import Execution, ReduceProgress
from cloud.src.contract import keys
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
MANIFEST = "manifests/2023Q1/manifest_20230502T093000000000Z.jsonl"
MAP_JOB = {"manifest_key": MANIFEST, "analysed": 3, "failed": [], "reused_firms": 1, "naming": {"named by llm": 5}}


class StateMachine:
    """A running execution that has made its batches."""

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803: boto3's name
        return {"status": "RUNNING"}

    def get_paginator(self, name: str) -> StateMachine:
        return self

    def paginate(self, executionArn: str) -> list[dict[str, Any]]:  # noqa: N803: boto3's name
        made = {"batches": {"manifest_key": MANIFEST, "batch_ids": [keys.batch_id(QUARTER, 0)]}}
        details = {"name": "CreateBatchManifest", "output": json.dumps(made)}
        return [{"events": [{"type": "TaskStateExited", "stateExitedEventDetails": details}]}]


class Aws:
    def __init__(self, s3: Any) -> None:
        self._clients = {"s3": s3, "stepfunctions": StateMachine()}

    def client(self, service: str) -> Any:
        return self._clients[service]


def put(s3: Any, key: str, document: dict[str, Any]) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())


def test_the_themes_file_is_not_taken_for_a_batch(s3: Any) -> None:
    put(s3, keys.progress(QUARTER, keys.batch_id(QUARTER, 0)), MAP_JOB)
    put(s3, keys.themes_progress(QUARTER), {"manifest_key": MANIFEST, "step": "naming themes", "n_named": 2})
    execution = Execution(Aws(s3), "arn", BUCKET, QUARTER)

    assert execution.progress().firms_done == 3
    assert execution.naming() == {"named by llm": 5}


def test_reduce_tells_its_step_and_its_names(s3: Any) -> None:
    execution = Execution(Aws(s3), "arn", BUCKET, QUARTER)
    assert execution.reduce_progress() == ReduceProgress()

    told = {"manifest_key": MANIFEST, "step": "naming themes", "n_named": 2, "n_themes": 13}
    put(s3, keys.themes_progress(QUARTER), told)
    assert execution.reduce_progress() == ReduceProgress("naming themes", 2, 13)


def test_what_an_earlier_execution_has_told_does_not_count(s3: Any) -> None:
    told = {"manifest_key": "manifests/2023Q1/earlier.jsonl", "step": "writing tables", "n_named": 9, "n_themes": 9}
    put(s3, keys.themes_progress(QUARTER), told)

    assert Execution(Aws(s3), "arn", BUCKET, QUARTER).reduce_progress() == ReduceProgress()


def test_names_and_firms_are_counted(s3: Any) -> None:
    batches = [{"batch_id": keys.batch_id(QUARTER, number), "firm_ids": ["a", "b", "c"]} for number in range(2)]
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body="\n".join(map(json.dumps, batches)).encode())
    naming = {"named by llm": 5, "named by keywords: outage": 2, "named by keywords: not asked by plan": 9}
    put(s3, keys.progress(QUARTER, keys.batch_id(QUARTER, 0)), {**MAP_JOB, "naming": naming})
    execution = Execution(Aws(s3), "arn", BUCKET, QUARTER)

    now = execution.progress()

    assert (now.topics_named, now.topics_asked, execution.n_firms()) == (5, 7, 6)
