"""The names and S3 keys of the contract, and the checks of what they are made from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError, InvalidInput

BATCH = "2023Q1_batch_0000"


@pytest.mark.parametrize("quarter", ["2023Q1", "2020Q4", "1999Q2"])
def test_a_quarter_is_returned_as_it_is(quarter: str) -> None:
    assert keys.check_quarter(quarter) == quarter


@pytest.mark.parametrize(
    "quarter",
    [
        "",
        "2023",
        "2023Q0",
        "2023Q5",
        "2023q1",
        "23Q1",
        " 2023Q1",
        "2023Q1\n",
        "2023Q11",
        "../2023Q1",
        "2023-Q1",
        20231,
    ],
)
def test_anything_else_is_not_a_quarter(quarter: object) -> None:
    with pytest.raises(InvalidInput, match="is not a quarter: write it like 2023Q1"):
        keys.check_quarter(quarter)


@pytest.mark.parametrize("bucket", ["ftm-pipeline-78ea68c8", "abc", "a.b.c", "1bucket", "a" * 63])
def test_a_bucket_name_is_returned_as_it_is(bucket: str) -> None:
    assert keys.check_bucket(bucket) == bucket


def test_input_without_quarter_or_bucket_is_told_so() -> None:
    with pytest.raises(InvalidInput, match="the input has no quarter: write it like 2023Q1"):
        keys.check_quarter(None)
    with pytest.raises(InvalidInput, match="the input has no bucket"):
        keys.check_bucket(None)


@pytest.mark.parametrize(
    "bucket",
    [
        "",
        "ab",
        "a" * 64,
        "Bucket",
        "a_b",
        "-abc",
        "abc-",
        "a..b",
        ".abc",
        "abc.",
        "192.168.1.1",
        "a/b",
        "abc\n",
        123,
    ],
)
def test_anything_else_is_not_a_bucket_name(bucket: object) -> None:
    with pytest.raises(InvalidInput, match="is not a valid S3 bucket name"):
        keys.check_bucket(bucket)


@pytest.mark.parametrize("batch_size", [1, keys.DEFAULT_BATCH_SIZE, 5000])
def test_a_batch_size_is_returned_as_it_is(batch_size: int) -> None:
    assert keys.check_batch_size(batch_size) == batch_size


@pytest.mark.parametrize("batch_size", [0, -1, 5001, 1.5, 50.0, "50", True, None, [50]])
def test_anything_else_is_not_a_batch_size(batch_size: object) -> None:
    with pytest.raises(InvalidInput, match="is not a whole number from 1 to 5000"):
        keys.check_batch_size(batch_size)


@pytest.mark.parametrize("wrong", ["x\ny", "x" * 10])
def test_a_refusal_is_one_line_for_the_user(wrong: str) -> None:
    with pytest.raises(FtmError) as refused:
        keys.check_quarter(wrong)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (keys.prefetch_prefix("2023Q1"), "prefetch/transcripts/quarter=2023Q1/"),
        (keys.prefetch_chunk("2023Q1", 0), "prefetch/transcripts/quarter=2023Q1/chunk_0000.parquet"),
        (keys.prefetch_chunk("2023Q1", 12), "prefetch/transcripts/quarter=2023Q1/chunk_0012.parquet"),
        (keys.prefetch_manifest("2023Q1"), "prefetch/transcripts/quarter=2023Q1/manifest.json"),
        (keys.prefetch_checkpoint("2023Q1"), "prefetch/transcripts/quarter=2023Q1/_checkpoint.json"),
        (keys.batch_id("2023Q1", 0), BATCH),
        (keys.batch_manifests_prefix("2023Q1"), "manifests/2023Q1/"),
        (keys.progress_prefix("2023Q1"), "progress/2023Q1/"),
        (keys.progress("2023Q1", BATCH), "progress/2023Q1/2023Q1_batch_0000.json"),
        (keys.themes_progress("2023Q1"), "progress/2023Q1/_themes.json"),
        (keys.topics_parts_prefix("2023Q1"), "intermediate/firm-topics/quarter=2023Q1/"),
        (keys.sentences_parts_prefix("2023Q1"), "intermediate/firm-sentences/quarter=2023Q1/"),
        (keys.topics_part("2023Q1", "p"), "intermediate/firm-topics/quarter=2023Q1/p.parquet"),
        (keys.sentences_part("2023Q1", "p"), "intermediate/firm-sentences/quarter=2023Q1/p.parquet"),
        (keys.llm_answers("2023Q1", "p"), "intermediate/llm-answers/quarter=2023Q1/p.json"),
        (keys.firms("2023Q1"), "processed/firms/quarter=2023Q1/firms.parquet"),
        (keys.sentences("2023Q1", BATCH, 0), "processed/sentences/quarter=2023Q1/2023Q1_batch_0000_part_00.parquet"),
        (keys.topics("2023Q1"), "processed/topics/quarter=2023Q1/topics.parquet"),
        (keys.themes_prefix("2023Q1"), "processed/themes/quarter=2023Q1/"),
        (keys.themes("2023Q1"), "processed/themes/quarter=2023Q1/themes.parquet"),
        (
            keys.theme_contributions("2023Q1"),
            "processed/theme_contributions/quarter=2023Q1/theme_contributions.parquet",
        ),
        (keys.calls("2023Q1"), "processed/calls/quarter=2023Q1/calls.parquet"),
        (keys.exposures("2023Q1"), "processed/exposures/quarter=2023Q1/exposures.parquet"),
        (keys.evidence("2023Q1", BATCH, 0), "processed/evidence/quarter=2023Q1/2023Q1_batch_0000_part_00.parquet"),
        (keys.themes_for_sentiment("2023Q1"), "sentiment-ready/quarter=2023Q1/themes_for_sentiment.parquet"),
        (keys.report("2023Q1"), "reports/quarter=2023Q1/index.html"),
        (keys.folder_of(keys.report("2023Q1")), "reports/quarter=2023Q1/"),
    ],
)
def test_a_key_has_the_shape_of_the_contract(key: str, expected: str) -> None:
    assert key == expected


def test_a_part_is_named_by_its_batch_and_its_firms() -> None:
    name = keys.part_name(BATCH, 7, ["101", "102"])
    assert name.startswith(f"{BATCH}_part_07_")
    assert name == keys.part_name(BATCH, 7, ["101", "102"])
    others = [keys.part_name(BATCH, 7, firms) for firms in (["101"], ["102", "101"], ["1011", "02"], ["101", "103"])]
    assert len({name, *others}) == 5
    assert keys.part_of(keys.topics_part("2023Q1", name)) == keys.part_of(keys.sentences_part("2023Q1", name)) == name


def test_a_batch_manifest_is_named_by_its_time() -> None:
    key = keys.batch_manifest("2023Q1", datetime(2023, 5, 1, 9, 30, 15, 42, tzinfo=UTC))
    assert key == "manifests/2023Q1/manifest_20230501T093015000042Z.jsonl"


def test_later_batch_manifests_sort_behind_earlier_ones() -> None:
    moments = [
        datetime(2023, 5, 1, 9, tzinfo=UTC),
        datetime(2023, 5, 1, 10, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
    ]
    manifests = [keys.batch_manifest("2023Q1", moment) for moment in moments]
    assert manifests == sorted(manifests)


@pytest.mark.parametrize(
    ("key", "is_batch"), [(keys.progress("2023Q1", BATCH), True), (keys.themes_progress("2023Q1"), False)]
)
def test_only_files_of_batches_count_as_such(key: str, is_batch: bool) -> None:
    assert keys.is_batch_progress(key) == is_batch
