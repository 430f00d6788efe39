"""Every way an execution can go, run by moto's Step Functions engine with answers given for its tasks."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cloud.src.contract import keys
from tests.component.terraform.asl_engine import VARIABLES, Answers, Execution, Failure, execute, lambda_answer

INPUT = {"quarter": "2023Q1", "bucket": "ftm-pipeline-test"}
MANIFEST_KEY = "manifests/2023Q1/manifest_20230501T120000000000Z.jsonl"
BATCH_IDS = ["2023Q1_batch_0000", "2023Q1_batch_0001", "2023Q1_batch_0002"]
SUMMARY = {
    **INPUT,
    "manifest_key": MANIFEST_KEY,
    "theme_naming": "llm",
    "succeeded": 3,
    "failed": 0,
    "failed_batches": [],
    "firms_total": 150,
    "firms_succeeded": 150,
    "firms_skipped": 0,
    "firms_failed": 0,
    "reason": "",
    "has_failures": False,
}
WITH_FAILURES = {
    **SUMMARY,
    "succeeded": 2,
    "failed": 1,
    "firms_succeeded": 130,
    "firms_failed": 20,
    "reason": "2023Q1_batch_0002: FtmError: chunk_0000.parquet is missing",
    "has_failures": True,
}
JOB: dict[str, Any] = {"JobId": "1"}
ALL_GO_WELL: Answers = {
    "CheckPrefetch": [lambda_answer({"exists": True, "manifest_key": "prefetch/manifest.json"})],
    "CreateBatchManifest": [lambda_answer({"manifest_key": MANIFEST_KEY, "batch_ids": BATCH_IDS})],
    "ProcessFirms": [JOB],
    "SummarizeResults": [lambda_answer(SUMMARY)],
    "AggregateThemes": [JOB],
    "NotifyCompletion": [lambda_answer({"notified": True, "names_incomplete": False, "names": ""})],
    "ReleaseQuarter": [{}],
    "ReleaseAfterError": [{}],
}
EXECUTION_ARN = "arn:aws:states:us-east-1:123456789012:execution:ftm-quarter-processor:test"
LAMBDAS = {
    "CheckPrefetch": "prefetch_check_arn",
    "CreateBatchManifest": "create_batch_manifest_arn",
    "SummarizeResults": "summarize_results_arn",
    "NotifyCompletion": "notify_completion_arn",
}


def run(changes: Answers | None = None, **more_input: Any) -> Execution:
    return execute({**INPUT, **more_input}, {**ALL_GO_WELL, **(changes or {})})


def requests(execution: Execution, variable: str) -> list[dict[str, Any]]:
    return execution.requests(str(VARIABLES[variable]))


def environment(request: dict[str, Any]) -> dict[str, str]:
    # Step Functions adds MANAGED_BY_AWS by itself, in lower case in moto.
    pairs = [pair for pair in request["ContainerOverrides"]["Environment"] if "Name" in pair]
    return {pair["Name"]: pair["Value"] for pair in pairs}


def test_all_goes_well() -> None:
    execution = run()

    assert (execution.status, execution.error) == ("SUCCEEDED", None)
    (summarize,) = requests(execution, "summarize_results_arn")
    assert summarize["Payload"] == {
        **INPUT,
        "manifest_key": MANIFEST_KEY,
        "theme_naming": "llm",
        "results": [{"batch_id": batch_id, "status": "SUCCEEDED"} for batch_id in BATCH_IDS],
    }
    (notify,) = requests(execution, "notify_completion_arn")
    assert notify["Payload"] == SUMMARY


@pytest.mark.parametrize(
    ("given", "batch_size", "topic_naming", "theme_naming"),
    [
        ({}, keys.DEFAULT_BATCH_SIZE, "llm", "llm"),
        ({"batch_size": 9}, 9, "llm", "llm"),
        ({"topic_naming": "keywords"}, keys.DEFAULT_BATCH_SIZE, "keywords", "llm"),
        ({"batch_size": 1, "topic_naming": "keywords", "theme_naming": "keywords"}, 1, "keywords", "keywords"),
    ],
)
def test_input_overrides_the_defaults(
    given: dict[str, Any], batch_size: int, topic_naming: str, theme_naming: str
) -> None:
    execution = run(**given)

    who_names = {"topic_naming": topic_naming, "theme_naming": theme_naming}
    (check,) = requests(execution, "prefetch_check_arn")
    assert check["Payload"] == {**INPUT, "batch_size": batch_size, **who_names}
    (summarize,) = requests(execution, "summarize_results_arn")
    assert summarize["Payload"]["theme_naming"] == theme_naming
    (create,) = requests(execution, "create_batch_manifest_arn")
    assert create["Payload"] == {**INPUT, "batch_size": batch_size, "execution": EXECUTION_ARN}
    assert {environment(job)["TOPIC_NAMING"] for job in requests(execution, "firm_processor_arn")} == {topic_naming}


def test_jobs_get_the_environment_of_the_contract() -> None:
    execution = run()

    common = {"QUARTER": "2023Q1", "S3_BUCKET": "ftm-pipeline-test", "MANIFEST_KEY": MANIFEST_KEY}
    map_jobs = requests(execution, "firm_processor_arn")
    by_batch = sorted((environment(job) for job in map_jobs), key=lambda job: job["BATCH_ID"])
    assert by_batch == [{**common, "BATCH_ID": batch_id, "TOPIC_NAMING": "llm"} for batch_id in BATCH_IDS]
    (reduce_job,) = requests(execution, "theme_aggregator_arn")
    assert environment(reduce_job) == {**common, "THEME_NAMING": "llm"}
    assert {job["JobQueue"] for job in [*map_jobs, reduce_job]} == {VARIABLES["job_queue_arn"]}


def test_themes_are_named_as_the_summary_passes_on() -> None:
    execution = run({"SummarizeResults": [lambda_answer({**SUMMARY, "theme_naming": "keywords"})]})

    (reduce_job,) = requests(execution, "theme_aggregator_arn")
    assert environment(reduce_job)["THEME_NAMING"] == "keywords"


def test_jobs_have_names_that_batch_accepts_and_tell_them_apart() -> None:
    execution = run()

    jobs = requests(execution, "firm_processor_arn") + requests(execution, "theme_aggregator_arn")
    names = {job["JobName"] for job in jobs}
    assert len(names) == len(jobs) == 4
    assert all(re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}", name) for name in names), names


def test_quarter_that_is_not_prefetched() -> None:
    missing = {"exists": False, "manifest_key": "prefetch/transcripts/quarter=2023Q1/manifest.json"}
    execution = run({"CheckPrefetch": [lambda_answer(missing)]})

    assert (execution.status, execution.error) == ("FAILED", "PrefetchRequiredError")
    assert execution.cause == (
        "quarter 2023Q1 is not prefetched: "
        "s3://ftm-pipeline-test/prefetch/transcripts/quarter=2023Q1/manifest.json is missing"
    )
    assert requests(execution, "create_batch_manifest_arn") == []


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("CheckPrefetch", "InvalidInput"),
        ("CreateBatchManifest", "InvalidInput"),
        ("CreateBatchManifest", "PrefetchRequiredError"),
        ("CreateBatchManifest", "QuarterRunning"),
        ("SummarizeResults", "InvalidInput"),
    ],
)
def test_user_errors_end_the_execution_under_their_own_name(state: str, error: str) -> None:
    raised = {"errorMessage": "quarter 'x' is not a quarter", "errorType": error, "stackTrace": ["line 1", "line 2"]}
    execution = run({state: [Failure(error, json.dumps(raised))]})

    assert (execution.status, execution.error) == ("FAILED", error)
    assert execution.cause == "quarter 'x' is not a quarter"
    assert len(requests(execution, LAMBDAS[state])) == 1


@pytest.mark.parametrize("state", LAMBDAS)
def test_transient_errors_of_a_lambda_are_retried(state: str) -> None:
    execution = run({state: [*[Failure("Lambda.TooManyRequestsException")] * 3, *ALL_GO_WELL[state]]})

    assert execution.status == "SUCCEEDED"
    assert len(requests(execution, LAMBDAS[state])) == 4


@pytest.mark.parametrize("state", ["CheckPrefetch", "CreateBatchManifest", "SummarizeResults"])
def test_retries_of_a_lambda_come_to_an_end(state: str) -> None:
    execution = run({state: [Failure("Lambda.ServiceException")] * 4})

    assert (execution.status, execution.error) == ("FAILED", "Lambda.ServiceException")


@pytest.mark.parametrize(("state", "retries"), [("ProcessFirms", 2), ("AggregateThemes", 3)])
def test_transient_errors_of_batch_are_retried(state: str, retries: int) -> None:
    execution = run({state: [*[Failure("Batch.TooManyRequestsException")] * retries, JOB]})

    (summarize,) = requests(execution, "summarize_results_arn")
    assert execution.status == "SUCCEEDED"
    assert {result["status"] for result in summarize["Payload"]["results"]} == {"SUCCEEDED"}


@pytest.mark.parametrize(
    ("failures", "calls"),
    [
        pytest.param([Failure("JobFailed", cause="x" * 30_000)], 1, id="a failed job is not retried"),
        pytest.param([Failure("Batch.ClientException")], 1, id="nor is a wrong request"),
        pytest.param([Failure("Batch.ServerException")] * 3, 3, id="retries come to an end"),
    ],
)
def test_failed_batches_are_recorded_and_the_others_go_on(failures: list[Failure], calls: int) -> None:
    execution = run({"ProcessFirms": [*failures]})

    (summarize,) = requests(execution, "summarize_results_arn")
    error = failures[0].error
    assert summarize["Payload"]["results"] == [
        {"batch_id": batch_id, "status": "FAILED", "error": error} for batch_id in BATCH_IDS
    ]
    assert len(requests(execution, "firm_processor_arn")) == calls * len(BATCH_IDS)
    assert len(requests(execution, "theme_aggregator_arn")) == 1


def test_failed_batches_fail_the_execution_after_reduce_and_notification() -> None:
    execution = run({"SummarizeResults": [lambda_answer(WITH_FAILURES)]})

    assert (execution.status, execution.error) == ("FAILED", "QuarterHasFailures")
    assert execution.cause == (
        "quarter 2023Q1: 1 batches failed, 2 succeeded; 20 of 150 firms failed. "
        "The first reason: 2023Q1_batch_0002: FtmError: chunk_0000.parquet is missing. "
        "Start the quarter again to redo only what is missing"
    )
    assert len(requests(execution, "theme_aggregator_arn")) == 1
    (notify,) = requests(execution, "notify_completion_arn")
    assert notify["Payload"] == WITH_FAILURES


@pytest.mark.parametrize("summary", [SUMMARY, WITH_FAILURES])
def test_failed_reduce_is_notified_and_fails_the_execution(summary: dict[str, Any]) -> None:
    failure = Failure("JobFailed", cause='{"StatusReason": "exit 1"}')
    execution = run({"SummarizeResults": [lambda_answer(summary)], "AggregateThemes": [failure]})

    assert (execution.status, execution.error) == ("FAILED", "AggregateThemesFailed")
    assert execution.cause is not None
    assert execution.cause.startswith("quarter 2023Q1: no themes (JobFailed), see the log of job ftm-reduce-2023Q1")
    (notify,) = requests(execution, "notify_completion_arn")
    assert notify["Payload"] == {**summary, "reduce_error": {"Error": failure.error, "Cause": failure.cause}}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, "NotifyFailed"),
        ({"SummarizeResults": [lambda_answer(WITH_FAILURES)]}, "QuarterHasFailures"),
        ({"AggregateThemes": [Failure("JobFailed")]}, "AggregateThemesFailed"),
    ],
)
def test_failed_notification_fails_an_execution_that_has_not_failed_anyway(changes: Answers, error: str) -> None:
    execution = run({**changes, "NotifyCompletion": [Failure("AuthorizationError")]})

    assert (execution.status, execution.error) == ("FAILED", error)


def test_a_quarter_without_notification_says_that_its_tables_are_there() -> None:
    execution = run({"NotifyCompletion": [Failure("Lambda.Unknown")]})

    assert execution.cause == (
        "quarter 2023Q1: the tables are there, but NotifyCompletion failed (Lambda.Unknown), so that lost names were "
        "not counted: see its log. Start the quarter again to count them and name what is missing"
    )


def released(execution: Execution) -> list[dict[str, Any]]:
    """The parameters of each release of the quarter."""
    scheduled = [event["taskScheduledEventDetails"] for event in execution.events if event["type"] == "TaskScheduled"]
    return [json.loads(task["parameters"]) for task in scheduled if task["resource"] == "deleteObject"]


RELEASE = {"Bucket": "ftm-pipeline-test", "Key": keys.running("2023Q1")}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, None),
        ({"NotifyCompletion": [Failure("AuthorizationError")]}, "NotifyFailed"),
        ({"SummarizeResults": [Failure("InvalidInput", '{"errorMessage": "other batches"}')]}, "InvalidInput"),
        ({"SummarizeResults": [Failure("Lambda.ServiceException", "no luck")] * 4}, "Lambda.ServiceException"),
        ({"AggregateThemes": [Failure("JobFailed")]}, "AggregateThemesFailed"),
        ({"ReleaseQuarter": [Failure("S3.S3Exception")] * 4}, None),
        ({"SummarizeResults": [Failure("X")], "ReleaseAfterError": [Failure("S3.S3Exception")] * 4}, "X"),
    ],
)
def test_a_quarter_is_released_however_its_execution_ends(changes: Answers, error: str | None) -> None:
    execution = run(changes)

    assert execution.error == error
    assert released(execution)[-1] == RELEASE


@pytest.mark.parametrize("error", ["QuarterRunning", "InvalidInput"])
def test_a_refused_execution_releases_nothing(error: str) -> None:
    execution = run({"CreateBatchManifest": [Failure(error, '{"errorMessage": "it runs"}')]})

    assert (execution.error, execution.cause, released(execution)) == (error, "it runs", [])


def test_lost_names_fail_the_execution_after_tables_and_mail() -> None:
    lost = "topics: 90 named by the LLM, 10 lost (10 outage)"
    execution = run({"NotifyCompletion": [lambda_answer({"notified": True, "names_incomplete": True, "names": lost})]})

    assert (execution.status, execution.error) == ("FAILED", "NamesIncomplete")
    assert execution.cause == (
        f"quarter 2023Q1: the LLM did not name what it should ({lost}); the tables are there. "
        "Start the quarter again to name only what is missing"
    )
    assert len(requests(execution, "theme_aggregator_arn")) == 1


@pytest.mark.parametrize("given", [[], {}, {"batch_size": 5}, "2023Q1", None])
def test_input_without_quarter_and_bucket_is_one_line(given: Any) -> None:
    execution = execute(given, ALL_GO_WELL)

    assert (execution.status, execution.error) == ("FAILED", "InvalidInput")
    assert str(execution.cause).startswith("the input has to be a JSON object with quarter and bucket")
