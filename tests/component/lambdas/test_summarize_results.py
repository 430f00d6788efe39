from __future__ import annotations

import json
from typing import Any

import pytest

from cloud.src.lambdas import summarize_results

BUCKET = "ftm-pipeline-test"
MANIFEST_KEY = "manifests/2023Q1/manifest_20230501T120000000000Z.jsonl"
EARLIER_MANIFEST_KEY = "manifests/2023Q1/manifest_20230430T120000000000Z.jsonl"


@pytest.fixture(autouse=True)
def new_client() -> None:
    summarize_results._s3.cache_clear()


def put_manifest(s3: Any, firms_of_batch: dict[str, list[str]]) -> None:
    lines = [json.dumps({"batch_id": batch, "firm_ids": firms}) for batch, firms in firms_of_batch.items()]
    s3.put_object(Bucket=BUCKET, Key=MANIFEST_KEY, Body="".join(f"{line}\n" for line in lines))


def put_progress(
    s3: Any,
    batch_id: str,
    done: list[str],
    skipped: list[str] | None = None,
    failed: list[str] | None = None,
    manifest_key: str = MANIFEST_KEY,
    **image: Any,
) -> None:
    progress = {
        "quarter": "2023Q1",
        "batch_id": batch_id,
        "manifest_key": manifest_key,
        "status": "running",
        "done": done,
        "skipped": [{"firm_id": firm, "reason": "no sentences"} for firm in skipped or []],
        "failed": [{"firm_id": firm, "reason": "unreadable"} for firm in failed or []],
        **image,
    }
    s3.put_object(Bucket=BUCKET, Key=f"progress/2023Q1/{batch_id}.json", Body=json.dumps(progress))


def summarize(results: Any) -> dict[str, Any]:
    event = {"quarter": "2023Q1", "bucket": BUCKET, "manifest_key": MANIFEST_KEY, "results": results}
    return summarize_results.handler(event, None)


def succeeded(batch_id: str) -> dict[str, str]:
    return {"batch_id": batch_id, "status": "SUCCEEDED"}


def failed(batch_id: str) -> dict[str, str]:
    return {"batch_id": batch_id, "status": "FAILED", "error": "States.TaskFailed"}


def test_all_batches_succeeded(s3: Any) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1", "2"], "2023Q1_batch_0001": ["3"]})
    put_progress(s3, "2023Q1_batch_0000", done=["2", "1"])
    put_progress(s3, "2023Q1_batch_0001", done=["3"])

    assert summarize([succeeded("2023Q1_batch_0000"), succeeded("2023Q1_batch_0001")]) == {
        "quarter": "2023Q1",
        "bucket": BUCKET,
        "manifest_key": MANIFEST_KEY,
        "theme_naming": "llm",
        "succeeded": 2,
        "failed": 0,
        "failed_batches": [],
        "reason": "",
        "firms_total": 3,
        "firms_succeeded": 3,
        "firms_skipped": 0,
        "firms_failed": 0,
        "has_failures": False,
        "naming": {"by_llm": 0, "by_keywords": {}},
        "naming_took": {"prompt_tokens": 0, "answer_tokens": 0, "waited_s": 0},
        "commits": ["unknown"],
        "deployed_commits": ["unknown"],
        "stale_image": False,
    }


def test_who_names_the_themes_is_passed_on(s3: Any) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1"]})
    event = {"quarter": "2023Q1", "bucket": BUCKET, "manifest_key": MANIFEST_KEY, "theme_naming": "keywords"}

    summary = summarize_results.handler({**event, "results": [succeeded("2023Q1_batch_0000")]}, None)

    assert summary["theme_naming"] == "keywords"


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        pytest.param({"done": ["1", "2"]}, (2, 0, 2), id="failed half way: the rest of its firms count as failed"),
        pytest.param({"done": ["1"], "skipped": ["2"]}, (1, 1, 2), id="skipped firms are no failures"),
        pytest.param({"done": ["1"], "failed": ["2", "3", "4"]}, (1, 0, 3), id="failed firms"),
        pytest.param({"done": ["1"], "skipped": ["1"]}, (1, 0, 3), id="a firm counts once"),
        pytest.param({"done": ["1", "1"]}, (1, 0, 3), id="even when it is listed twice"),
        pytest.param({"done": ["1", "99"]}, (1, 0, 3), id="firms of no batch are not counted"),
        pytest.param({"done": []}, (0, 0, 4), id="nothing done"),
        pytest.param(None, (0, 0, 4), id="failed before its first progress"),
        pytest.param(
            {"done": ["1", "2"], "manifest_key": EARLIER_MANIFEST_KEY}, (0, 0, 4), id="progress of an earlier execution"
        ),
    ],
)
def test_firms_of_a_failed_batch(s3: Any, progress: dict[str, Any] | None, expected: tuple[int, int, int]) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1", "2", "3", "4"]})
    if progress is not None:
        put_progress(s3, "2023Q1_batch_0000", **progress)

    counts = summarize([failed("2023Q1_batch_0000")])

    assert (counts["firms_succeeded"], counts["firms_skipped"], counts["firms_failed"]) == expected
    assert counts["firms_total"] == 4
    assert (counts["succeeded"], counts["failed"], counts["has_failures"]) == (0, 1, True)


def test_a_failed_firm_is_counted_and_its_batch_has_succeeded(s3: Any) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1", "2"]})
    put_progress(s3, "2023Q1_batch_0000", done=["1"], failed=["2"])

    counts = summarize([succeeded("2023Q1_batch_0000")])

    assert (counts["firms_succeeded"], counts["firms_failed"], counts["has_failures"]) == (1, 1, False)


@pytest.mark.parametrize("manifest_key", [None, EARLIER_MANIFEST_KEY])
def test_job_that_succeeded_without_progress_counts_as_failed(s3: Any, manifest_key: str | None) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1", "2"]})
    if manifest_key:
        put_progress(s3, "2023Q1_batch_0000", done=["1", "2"], manifest_key=manifest_key)

    counts = summarize([succeeded("2023Q1_batch_0000")])

    assert (counts["failed_batches"], counts["has_failures"]) == (["2023Q1_batch_0000"], True)
    assert (counts["firms_succeeded"], counts["firms_failed"]) == (0, 2)


def test_many_batches_list_the_first_20_that_failed(s3: Any) -> None:
    batch_ids = [f"2023Q1_batch_{number:04d}" for number in range(60)]
    put_manifest(s3, {batch_id: [f"{batch_id}-firm"] for batch_id in batch_ids})
    for batch_id in batch_ids[25:]:
        put_progress(s3, batch_id, done=[f"{batch_id}-firm"])

    counts = summarize([failed(batch) for batch in batch_ids[:25]] + [succeeded(batch) for batch in batch_ids[25:]])

    assert (counts["succeeded"], counts["failed"]) == (35, 25)
    assert (counts["firms_succeeded"], counts["firms_failed"]) == (35, 25)
    assert counts["failed_batches"] == batch_ids[:20]


AS_DEPLOYED = {"commit": "aaaaaaa", "deployed_commit": "aaaaaaa", "stale_image": False}
STALE = {"commit": "aaaaaaa", "deployed_commit": "bbbbbbb", "stale_image": True}


@pytest.mark.parametrize(
    ("first", "second", "ran"),
    [
        pytest.param(AS_DEPLOYED, AS_DEPLOYED, (["aaaaaaa"], ["aaaaaaa"], False), id="as deployed"),
        pytest.param(STALE, STALE, (["aaaaaaa"], ["bbbbbbb"], True), id="stale"),
        pytest.param(AS_DEPLOYED, STALE, (["aaaaaaa"], ["aaaaaaa", "bbbbbbb"], True), id="deployed during the run"),
        pytest.param({}, {"commit": "aaaaaaa"}, (["aaaaaaa", "unknown"], ["unknown"], False), id="by older workers"),
        pytest.param(
            {**STALE, "manifest_key": EARLIER_MANIFEST_KEY}, {}, (["unknown"], ["unknown"], False), id="earlier"
        ),
    ],
)
def test_which_commits_ran(s3: Any, first: dict[str, Any], second: dict[str, Any], ran: tuple[Any, ...]) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1"], "2023Q1_batch_0001": ["2"]})
    put_progress(s3, "2023Q1_batch_0000", done=["1"], **first)
    put_progress(s3, "2023Q1_batch_0001", done=["2"], **second)

    counts = summarize([succeeded("2023Q1_batch_0000"), failed("2023Q1_batch_0001")])

    assert (counts["commits"], counts["deployed_commits"], counts["stale_image"]) == ran


def test_no_more_than_five_commits_are_listed(s3: Any) -> None:
    batch_ids = [f"2023Q1_batch_{number:04d}" for number in range(7)]
    put_manifest(s3, {batch_id: [batch_id] for batch_id in batch_ids})
    for number, batch_id in enumerate(batch_ids):
        put_progress(s3, batch_id, done=[batch_id], commit=f"aaaaaa{number}")

    counts = summarize([succeeded(batch_id) for batch_id in batch_ids])

    assert counts["commits"] == [f"aaaaaa{number}" for number in range(5)]


def test_batches_without_progress_have_no_commit(s3: Any) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1"]})
    counts = summarize([failed("2023Q1_batch_0000")])
    assert (counts["commits"], counts["deployed_commits"], counts["stale_image"]) == ([], [], False)


def test_who_named_the_topics_and_why_not_the_llm(s3: Any) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1"], "2023Q1_batch_0001": ["2"]})
    of_first = {"requests": 50, "named by llm": 9, "named by keywords: off topic": 1}
    of_second = {"named by llm": 1, "named by keywords: outage": 12, "named by keywords: off topic": 2}
    put_progress(s3, "2023Q1_batch_0000", done=["1"], naming=of_first)
    put_progress(s3, "2023Q1_batch_0001", done=["2"], naming=of_second)

    counts = summarize([succeeded("2023Q1_batch_0000"), succeeded("2023Q1_batch_0001")])

    assert counts["naming"] == {"by_llm": 10, "by_keywords": {"outage": 12, "off topic": 3}}


def test_what_the_names_have_taken_is_added_up(s3: Any) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1"], "2023Q1_batch_0001": ["2"]})
    of_first = {"prompt tokens": 900, "answer tokens": 40}
    put_progress(s3, "2023Q1_batch_0000", done=["1"], naming=of_first, waited_s=1.5)
    put_progress(s3, "2023Q1_batch_0001", done=["2"], naming={"prompt tokens": 100}, waited_s=10)

    counts = summarize([succeeded("2023Q1_batch_0000"), succeeded("2023Q1_batch_0001")])

    assert counts["naming_took"] == {"prompt_tokens": 1000, "answer_tokens": 40, "waited_s": 11.5}


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("FtmError: chunk_0000.parquet\nis missing", "2023Q1_batch_0000: FtmError: chunk_0000.parquet is missing"),
        ("", f"2023Q1_batch_0000: {summarize_results.KILLED}"),
        ("x" * 1000, f"2023Q1_batch_0000: {'x' * 1000}"[: summarize_results.MAX_REASON_LENGTH]),
        (None, f"2023Q1_batch_0000: {summarize_results.NOT_STARTED}"),
    ],
    ids=["said", "killed", "long", "no progress"],
)
def test_the_first_failed_batch_says_why_in_one_short_line(s3: Any, reason: str | None, said: str) -> None:
    put_manifest(s3, {"2023Q1_batch_0000": ["1"], "2023Q1_batch_0001": ["2"]})
    if reason is not None:
        put_progress(s3, "2023Q1_batch_0000", done=[], reason=reason)

    counts = summarize([failed("2023Q1_batch_0000"), failed("2023Q1_batch_0001")])

    assert counts["reason"] == said
