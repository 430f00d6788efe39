"""The real state machine, Lambda functions and worker, run by the local AWS on a quarter of six small firms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.provision import Provisioned, provision
from cloud.src.models import packaged_models
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import S3Storage
from tests.integration.fake_llm import fake_llm, says
from tests.integration.localaws_helpers import PYTHON_IMAGE, create_role, register_python_job, until

FIRMS = ["101", "102", "103", "104", "105", "106"]
# Two firms a batch, one firm a part: a batch can fail half way.
BATCH_SIZE, FIRMS_A_PART = 2, 1
N_BATCHES = 3
FIRST_MONTH = {"Q1": "01", "Q2": "04", "Q3": "07", "Q4": "10"}

SUBJECTS = {
    "freight": "Freight rates and port congestion kept our {item} shipments late in {place}.",
    "hiring": "We are hiring engineers for {item} and wage inflation in {place} is easing.",
    "pricing": "List price increases on {item} held well with customers in {place}.",
}
ITEMS = ["pumps", "valves", "motors", "sensors", "cables", "filters", "boards", "tools"]
PLACES = ["Ohio", "Texas", "Bavaria", "Osaka", "Quebec", "Lyon"]


@dataclass(frozen=True)
class Environment:
    aws: LocalAws
    provisioned: Provisioned

    def read_table(self, key: str) -> pa.Table:
        body = self.aws.client("s3").get_object(Bucket=self.provisioned.bucket, Key=key)["Body"].read()
        return pq.read_table(io.BytesIO(body))

    def read_progress(self, quarter: str) -> list[dict[str, Any]]:
        s3, bucket = self.aws.client("s3"), self.provisioned.bucket
        written = [keys.progress(quarter, keys.batch_id(quarter, number)) for number in range(N_BATCHES)]
        return [json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]) for key in written]


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    packaged_models.ensure(packaged_models.EMBEDDING)
    themes_are_called = says('{"title": "Freight rates", "description": "Late shipments and port congestion."}')
    with fake_llm(themes_are_called) as llm, local_aws(images=PYTHON_IMAGE) as aws:
        job_environment = {
            "LLM_BASE_URL": llm.base_url,
            "FTM_MODEL_CACHE": str(packaged_models.cache_folder()),
            "EMBEDDING_THREADS": "1",
            "CHECKPOINT_INTERVAL": str(FIRMS_A_PART),
            # As in an image that is not the deployed one.
            "FTM_COMMIT": "aaaaaaa",
            "DEPLOYED_COMMIT": "bbbbbbb",
        }
        yield Environment(aws, provision(aws, job_environment))


def prefetch_quarter(environment: Environment, quarter: str, folder: Path) -> None:
    """Six firms with a call each, of eight sentences on each subject."""
    transcripts = folder / "transcripts.csv"
    with transcripts.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["firm_id", "company", "permno", "date", "section", "position", "speaker", "speaker_type", "text"]
        )
        for firm, place in zip(FIRMS, PLACES, strict=True):
            date = f"{quarter[:4]}-{FIRST_MONTH[quarter[4:]]}-20"
            for position, subject in enumerate(SUBJECTS.values()):
                text = " ".join(subject.format(item=item, place=place) for item in ITEMS)
                rows.writerow([firm, f"Firm {firm}", firm, date, "prepared", position, "Ann Lee", "executive", text])
    storage = S3Storage(environment.aws.client("s3"), environment.provisioned.bucket)
    write_quarter(storage, quarter, FileTranscripts(transcripts, quarter))


def execute(environment: Environment, execution_input: dict[str, Any], state_machine: str = "") -> dict[str, Any]:
    """Run an execution to its end; what DescribeExecution says of it, and its history under ``events``."""
    states = environment.aws.client("stepfunctions")
    arn = states.start_execution(
        stateMachineArn=state_machine or environment.provisioned.state_machine_arn, input=json.dumps(execution_input)
    )["executionArn"]
    until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", timeout_s=300)
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return {**states.describe_execution(executionArn=arn), "events": events}


def run_quarter(environment: Environment, quarter: str, state_machine: str = "") -> dict[str, Any]:
    execution_input = {
        "quarter": quarter,
        "bucket": environment.provisioned.bucket,
        "batch_size": BATCH_SIZE,
        "topic_naming": "keywords",
    }
    return execute(environment, execution_input, state_machine)


def submitted_jobs(execution: dict[str, Any]) -> int:
    return sum(event["type"] == "TaskSubmitted" for event in execution["events"])


def state_output(execution: dict[str, Any], state: str) -> Any:
    exits = [event.get("stateExitedEventDetails", {}) for event in execution["events"]]
    return next(json.loads(exited["output"]) for exited in exits if exited.get("name") == state)


def notification(execution: dict[str, Any]) -> list[str]:
    """Lines of what NotifyCompletion said: it is the last function that is called."""
    answers = [event["taskSucceededEventDetails"] for event in execution["events"] if event["type"] == "TaskSucceeded"]
    called = [answer for answer in answers if answer["resource"] == "invoke"]
    return str(json.loads(called[-1]["output"])["Payload"]["message"]).splitlines()


def test_quarter_succeeds_and_leaves_its_tables(environment: Environment, tmp_path: Path) -> None:
    prefetch_quarter(environment, "2023Q1", tmp_path)

    execution = run_quarter(environment, "2023Q1")

    assert (execution["status"], execution.get("cause")) == ("SUCCEEDED", None)
    summary = json.loads(execution["output"])
    assert (summary["succeeded"], summary["failed"], summary["has_failures"]) == (3, 0, False)
    assert (summary["firms_total"], summary["firms_succeeded"], summary["firms_failed"]) == (6, 6, 0)
    assert notification(execution)[0] == "FTM 2023Q1: succeeded"
    assert (summary["commits"], summary["deployed_commits"], summary["stale_image"]) == (["aaaaaaa"], ["bbbbbbb"], True)
    assert [line for line in notification(execution) if "commit aaaaaaa, but bbbbbbb was deployed" in line]
    assert environment.read_table(keys.firms("2023Q1")).column("firm_id").to_pylist() == FIRMS
    for key in (keys.topics("2023Q1"), keys.themes("2023Q1"), keys.theme_contributions("2023Q1")):
        assert environment.read_table(key).num_rows > 0, key
    assert environment.read_table(keys.themes_for_sentiment("2023Q1")).num_rows > 0
    assert [batch["status"] for batch in environment.read_progress("2023Q1")] == ["succeeded"] * N_BATCHES
    assert submitted_jobs(execution) == N_BATCHES + 1


def test_a_failed_batch_counts_and_is_redone_alone(environment: Environment, tmp_path: Path) -> None:
    prefetch_quarter(environment, "2023Q2", tmp_path)
    s3, bucket = environment.aws.client("s3"), environment.provisioned.bucket
    manifest_key = keys.prefetch_manifest("2023Q2")
    manifest = json.load(s3.get_object(Bucket=bucket, Key=manifest_key)["Body"])
    no_chunk = keys.prefetch_chunk("2023Q2", 9).rpartition("/")[2]
    damaged = {**manifest, "firms": {**manifest["firms"], FIRMS[-1]: no_chunk}}
    s3.put_object(Bucket=bucket, Key=manifest_key, Body=json.dumps(damaged))

    broken = run_quarter(environment, "2023Q2")

    assert (broken["status"], broken["error"]) == ("FAILED", "QuarterHasFailures")
    assert broken["cause"].startswith("quarter 2023Q2: 1 batches failed, 2 succeeded; 1 of 6 firms failed.")
    assert f"The first reason: 2023Q2_batch_0002: FtmError: s3://{bucket}/" in broken["cause"]
    assert no_chunk in broken["cause"]
    results = state_output(broken, "ProcessBatches")["results"]
    assert [result["status"] for result in results] == ["SUCCEEDED", "SUCCEEDED", "FAILED"]
    assert results[2]["error"] == "States.TaskFailed"
    summary = state_output(broken, "SummarizeResults")
    assert (summary["succeeded"], summary["failed"], summary["failed_batches"]) == (2, 1, ["2023Q2_batch_0002"])
    assert (summary["firms_succeeded"], summary["firms_skipped"], summary["firms_failed"]) == (5, 0, 1)
    assert "1 failed (2023Q2_batch_0002)" in notification(broken)[1]
    assert environment.read_table(keys.firms("2023Q2")).column("firm_id").to_pylist() == FIRMS[:-1]

    s3.put_object(Bucket=bucket, Key=manifest_key, Body=json.dumps(manifest))
    mended = run_quarter(environment, "2023Q2")

    assert mended["status"] == "SUCCEEDED"
    progress = environment.read_progress("2023Q2")
    assert [(batch["reused_parts"], len(batch["parts"])) for batch in progress] == [(2, 2), (2, 2), (1, 2)]
    assert environment.read_table(keys.firms("2023Q2")).column("firm_id").to_pylist() == FIRMS


def test_endless_jobs_time_out_and_failed_reduces_are_mailed(environment: Environment, tmp_path: Path) -> None:
    prefetch_quarter(environment, "2023Q3", tmp_path)
    states = environment.aws.client("stepfunctions")
    waits_for_ever = register_python_job(environment.aws, "hanging-map", "import threading; threading.Event().wait()")
    asl = json.loads(
        states.describe_state_machine(stateMachineArn=environment.provisioned.state_machine_arn)["definition"]
    )
    process_firms = asl["States"]["ProcessBatches"]["ItemProcessor"]["States"]["ProcessFirms"]
    process_firms["Parameters"]["JobDefinition"] = waits_for_ever
    process_firms["TimeoutSeconds"] = 1
    impatient = states.create_state_machine(
        name="impatient", roleArn=create_role(environment.aws, "impatient-states"), definition=json.dumps(asl)
    )["stateMachineArn"]

    execution = run_quarter(environment, "2023Q3", impatient)

    results = state_output(execution, "ProcessBatches")["results"]
    assert {(result["status"], result["error"]) for result in results} == {("FAILED", "States.Timeout")}
    summary = state_output(execution, "SummarizeResults")
    assert (summary["failed"], summary["firms_succeeded"], summary["firms_failed"]) == (3, 0, 6)
    # Without any firm there is nothing to reduce, so that job fails too, for real.
    assert (execution["status"], execution["error"]) == ("FAILED", "AggregateThemesFailed")
    assert execution["cause"].startswith("quarter 2023Q3: no themes (States.TaskFailed)")
    said = notification(execution)
    assert said[0] == "FTM 2023Q3: failed, no themes"
    assert said[3].startswith("Themes: not written, States.TaskFailed: Essential container in task exited (Batch job ")


def test_quarter_that_is_not_prefetched(environment: Environment) -> None:
    execution = run_quarter(environment, "2024Q1")

    assert (execution["status"], execution["error"]) == ("FAILED", "PrefetchRequiredError")
    assert "quarter 2024Q1 is not prefetched" in execution["cause"]
    assert submitted_jobs(execution) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quarter": "2023Q5"}, "quarter '2023Q5' is not a quarter: write it like 2023Q1"),
        ({"quarter": None}, "the input has no quarter"),
        ({"bucket": "No_Bucket"}, "bucket 'No_Bucket' is not a valid S3 bucket name"),
        ({"bucket": "ftm-no-such-bucket"}, "bucket 'ftm-no-such-bucket' does not exist"),
        ({"batch_size": 5001}, "batch_size 5001 is not a whole number from 1 to 5000"),
        ({"topic_naming": "LLM"}, "topic_naming 'LLM' is neither 'llm' nor 'keywords'"),
        ({"batchsize": 5}, "the input has an unknown field 'batchsize': did you mean 'batch_size'?"),
    ],
)
def test_bad_input_ends_the_execution_before_any_job(
    environment: Environment, change: dict[str, Any], message: str
) -> None:
    execution = execute(environment, {"quarter": "2023Q1", "bucket": environment.provisioned.bucket, **change})

    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidInput")
    assert execution["cause"].startswith(message)
    assert "\n" not in execution["cause"]
    assert submitted_jobs(execution) == 0


def test_running_quarters_are_refused_and_stopped_ones_taken_over(environment: Environment, tmp_path: Path) -> None:
    prefetch_quarter(environment, "2023Q4", tmp_path)
    states, s3 = environment.aws.client("stepfunctions"), environment.aws.client("s3")
    bucket, batch = environment.provisioned.bucket, environment.aws.client("batch")
    started = {"quarter": "2023Q4", "bucket": bucket, "batch_size": BATCH_SIZE, "topic_naming": "keywords"}
    first = states.start_execution(
        stateMachineArn=environment.provisioned.state_machine_arn, input=json.dumps(started)
    )["executionArn"]
    until(lambda: bool(batch.list_jobs(jobQueue="ftm-queue-main", jobStatus="RUNNING")["jobSummaryList"]), timeout_s=60)

    second = run_quarter(environment, "2023Q4")
    states.stop_execution(executionArn=first)
    until(lambda: states.describe_execution(executionArn=first)["status"] != "RUNNING", timeout_s=60)
    stopped = states.describe_execution(executionArn=first)["status"]
    third = run_quarter(environment, "2023Q4")

    assert (second["status"], second["error"]) == ("FAILED", "QuarterRunning")
    assert second["cause"] == f"quarter 2023Q4 is already being run by {first}: wait for it or stop it"
    assert stopped == "ABORTED"
    assert third["status"] == "SUCCEEDED"
    assert s3.list_objects_v2(Bucket=bucket, Prefix=keys.running("2023Q4"))["KeyCount"] == 0
