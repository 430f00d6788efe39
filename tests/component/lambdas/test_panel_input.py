"""What ftm-prefetch-check says of the input of ftm-panel-processor."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.lambdas import prefetch_check

BUCKET = "ftm-pipeline-test"
QUARTERS = ["2023Q1", "2022Q4"]
INPUT: dict[str, Any] = {"quarters": QUARTERS, "bucket": BUCKET, "name": "spring"}


@pytest.fixture(autouse=True)
def new_client() -> None:
    prefetch_check._s3.cache_clear()


@pytest.fixture
def run_quarters(s3: Any) -> Any:
    """A bucket in which both quarters, and one before them, have been run."""
    for quarter in [*QUARTERS, "2022Q3"]:
        progress = json.dumps({"manifest_key": f"manifests/{quarter}/m.jsonl", "run": "1234"})
        s3.put_object(Bucket=BUCKET, Key=keys.themes_progress(quarter), Body=progress)
    return s3


def check(panel: object) -> dict[str, Any]:
    return prefetch_check.handler({"panel": panel}, None)


@pytest.mark.parametrize(
    ("more", "themes_from"),
    [({}, "joint"), ({"themes_from": None}, "joint"), ({"themes_from": "2022Q3"}, "2022Q3")],
)
def test_what_the_job_is_told(run_quarters: Any, more: dict[str, Any], themes_from: str) -> None:
    assert check({**INPUT, **more}) == {"quarters": "2022Q4 2023Q1", "themes_from": themes_from}


@pytest.mark.parametrize("missing", [*QUARTERS, "2022Q3"])
def test_a_quarter_that_has_not_been_run_is_named(run_quarters: Any, missing: str) -> None:
    run_quarters.delete_object(Bucket=BUCKET, Key=keys.themes_progress(missing))

    with pytest.raises(
        InvalidInput, match=f"^{missing} has no themes yet .s3://{BUCKET}/progress/{missing}/_themes.json"
    ):
        check({**INPUT, "themes_from": "2022Q3"})


def test_a_quarter_without_finished_tables_is_named(run_quarters: Any) -> None:
    begun = json.dumps({"manifest_key": "manifests/2022Q4/m.jsonl", "run": None})
    run_quarters.put_object(Bucket=BUCKET, Key=keys.themes_progress("2022Q4"), Body=begun)

    with pytest.raises(InvalidInput, match="^2022Q4 has no themes yet .* of a run that has not ended"):
        check(INPUT)


def test_damaged_progress_is_named(run_quarters: Any) -> None:
    run_quarters.put_object(Bucket=BUCKET, Key=keys.themes_progress("2022Q4"), Body=b"{half")

    with pytest.raises(InvalidInput, match="progress/2022Q4/_themes.json is not the progress of the themes"):
        check(INPUT)


def test_a_bucket_that_is_not_there_is_named(s3: Any) -> None:
    with pytest.raises(InvalidInput, match="bucket 'ftm-no-such-bucket' does not exist"):
        check({**INPUT, "bucket": "ftm-no-such-bucket"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"quarter": "2023Q1"}, "unknown field 'quarter': did you mean 'quarters'?"),
        ({"level": "theme"}, "unknown field 'level': the fields are quarters, bucket, name, themes_from"),
        ({"bucket": "Bad_Bucket"}, "bucket 'Bad_Bucket' is not a valid S3 bucket name"),
        ({"name": "a/b"}, "panel 'a/b' is not a name"),
        ({"name": None}, "name None is not a text"),
        ({"quarters": []}, "quarters [] is not a list of quarters"),
        ({"quarters": "2023Q1"}, "quarters '2023Q1' is not a list of quarters"),
        ({"quarters": ["2023Q5"]}, "quarter '2023Q5' is not a quarter"),
        ({"quarters": [20231]}, "quarter 20231 is not a quarter"),
        ({"quarters": ["2023Q1", "2023Q1"]}, "2023Q1 is given twice"),
        ({"themes_from": "joint"}, "quarter 'joint' is not a quarter"),
        ({"themes_from": "2023Q1"}, "the themes of 2023Q1 are known only after 2022Q4"),
    ],
)
def test_bad_input_is_one_clear_line_before_any_call(no_aws: None, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check({**INPUT, **given})

    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_quarters_input_is_not_taken_for_a_panels(no_aws: None) -> None:
    with pytest.raises(InvalidInput, match="unknown field 'panel'"):
        prefetch_check.handler({"panel": INPUT, "quarter": "2023Q1", "bucket": BUCKET}, None)
