from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cloud.src.lambdas import notify_completion, run_cost, running_vllm

SUCCEEDED = {
    "quarter": "2023Q1",
    "bucket": "ftm-pipeline-test",
    "manifest_key": "manifests/2023Q1/manifest_20230501T120000000000Z.jsonl",
    "succeeded": 3,
    "failed": 0,
    "failed_batches": [],
    "firms_total": 150,
    "firms_succeeded": 148,
    "firms_skipped": 2,
    "firms_failed": 0,
    "has_failures": False,
}
TWO_BATCHES_FAILED = {
    **SUCCEEDED,
    "succeeded": 1,
    "failed": 2,
    "failed_batches": ["2023Q1_batch_0001", "2023Q1_batch_0002"],
    "firms_succeeded": 60,
    "firms_failed": 88,
    "has_failures": True,
}
REDUCE_FAILED = {
    **SUCCEEDED,
    "reduce_error": {
        "Error": "States.TaskFailed",
        "Cause": json.dumps({"JobId": "42", "StatusReason": "Essential container in task exited", "Attempts": [{}]}),
    },
}

NOT_STARTED = {
    "JobId": "43",
    "StatusReason": "Task failed to start",
    "Container": {"Reason": "CannotPullContainerError: no such tag"},
}


VLLM = "vLLM: as it is"


@pytest.fixture(autouse=True)
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the look says, see test_running_vllm.py, and nothing of costs, see test_run_cost.py."""
    monkeypatch.setattr(running_vllm, "look", lambda _looks: running_vllm.VllmSeen(VLLM))
    monkeypatch.setattr(run_cost, "recorded", lambda *_: [])


@pytest.fixture
def no_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNS_TOPIC_ARN", raising=False)


@pytest.fixture
def received(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A topic in SNS_TOPIC_ARN; a function that returns the next message that its subscriber received."""
    notify_completion._sns.cache_clear()
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic_arn = sns.create_topic(Name="ftm-done")["TopicArn"]
    queue_url = sqs.create_queue(QueueName="ftm-mailbox")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)
    monkeypatch.setenv("SNS_TOPIC_ARN", topic_arn)
    yield lambda: json.loads(sqs.receive_message(QueueUrl=queue_url)["Messages"][0]["Body"])
    sqs.delete_queue(QueueUrl=queue_url)
    sns.delete_topic(TopicArn=topic_arn)


def test_without_a_topic_nothing_is_sent(no_topic: None, no_aws: None) -> None:
    answer = notify_completion.handler(SUCCEEDED, None)

    assert answer["notified"] is False
    assert answer["message"].splitlines()[:4] == [
        "FTM 2023Q1: succeeded",
        "Batches: 3 succeeded, 0 failed",
        "Firms: 148 succeeded, 2 skipped, 0 failed, of 150",
        "Themes: s3://ftm-pipeline-test/processed/themes/quarter=2023Q1/themes.parquet",
    ]


def test_message_reaches_the_subscriber(received: Any) -> None:
    answer = notify_completion.handler(TWO_BATCHES_FAILED, None)

    mail = received()
    assert answer["notified"] is True
    assert mail["Message"] == answer["message"]
    assert mail["Subject"] == "FTM 2023Q1: finished with failed batches"


def test_failed_batches_are_named_with_what_to_do(no_topic: None) -> None:
    message = notify_completion.handler(TWO_BATCHES_FAILED, None)["message"]

    assert "Batches: 1 succeeded, 2 failed (2023Q1_batch_0001, 2023Q1_batch_0002). Start the quarter again" in message
    assert "Firms: 60 succeeded, 2 skipped, 88 failed, of 150" in message


def test_batches_that_are_not_listed_are_counted(no_topic: None) -> None:
    message = notify_completion.handler({**TWO_BATCHES_FAILED, "failed": 30}, None)["message"]

    assert "30 failed (2023Q1_batch_0001, 2023Q1_batch_0002 and 28 more)" in message


@pytest.mark.parametrize(
    ("ran", "lines"),
    [
        ({}, []),
        ({"commits": [], "deployed_commits": [], "stale_image": False}, []),
        ({"commits": ["aaaaaaa"], "deployed_commits": ["unknown"], "stale_image": False}, ["Worker: commit aaaaaaa"]),
        (
            {"commits": ["aaaaaaa", "ccccccc"], "deployed_commits": ["bbbbbbb"], "stale_image": True},
            ["Worker: commit aaaaaaa, ccccccc, but bbbbbbb was deployed: the image is stale, see the jobs' logs"],
        ),
    ],
)
def test_the_commits_that_ran_are_one_line(no_topic: None, ran: dict[str, Any], lines: list[str]) -> None:
    message = notify_completion.handler({**SUCCEEDED, **ran}, None)["message"]

    assert message.splitlines()[4:-1] == lines


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            REDUCE_FAILED["reduce_error"],
            "Themes: not written, States.TaskFailed: Essential container in task exited (Batch job 42)",
        ),
        (
            {"Error": "States.TaskFailed", "Cause": json.dumps(NOT_STARTED)},
            "Themes: not written, States.TaskFailed: CannotPullContainerError: no such tag (Batch job 43)",
        ),
        ({"Error": "States.Timeout", "Cause": ""}, "Themes: not written, States.Timeout:"),
        ({"Error": "E", "Cause": "two\nlines"}, "Themes: not written, E: two lines"),
        ({"Error": "E", "Cause": '["no", "job"]'}, 'Themes: not written, E: ["no", "job"]'),
        ({"Error": "E", "Cause": '{"errorMessage": "x"}'}, 'Themes: not written, E: {"errorMessage": "x"}'),
        ({}, "Themes: not written, unknown error:"),
    ],
)
def test_failed_reduce_is_one_line_with_its_reason(no_topic: None, error: dict[str, str], line: str) -> None:
    message = notify_completion.handler({**SUCCEEDED, "reduce_error": error}, None)["message"]

    assert message.splitlines()[0] == "FTM 2023Q1: failed, no themes"
    assert message.splitlines()[3] == line
    assert "themes.parquet" not in message


def test_long_reason_is_cut(no_topic: None) -> None:
    error = {"Error": "E", "Cause": "x" * 32_768}

    assert len(notify_completion.handler({**SUCCEEDED, "reduce_error": error}, None)["message"]) < 1500


@pytest.mark.parametrize("event", [SUCCEEDED, TWO_BATCHES_FAILED, REDUCE_FAILED])
def test_every_message_ends_with_what_vllm_costs(no_topic: None, event: dict[str, Any]) -> None:
    assert notify_completion.handler(event, None)["message"].splitlines()[-1] == VLLM


@pytest.mark.parametrize("event", [SUCCEEDED, TWO_BATCHES_FAILED, REDUCE_FAILED])
def test_subject_is_what_sns_accepts(received: Any, event: dict[str, Any]) -> None:
    notify_completion.handler(event, None)

    subject = received()["Subject"]
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) <= 100


@pytest.mark.parametrize(
    ("naming", "line"),
    [
        ({"by_llm": 90, "by_keywords": {}}, "Names of topics in this run: 90 by the LLM, 0 by keywords."),
        (
            {"by_llm": 90, "by_keywords": {"off topic": 7, "duplicate": 3}},
            "Names of topics in this run: 90 by the LLM, 10 by keywords (7 off topic, 3 duplicate).",
        ),
        (
            {"by_llm": 0, "by_keywords": {"outage": 12}},
            "Names of topics in this run: 0 by the LLM, 12 by keywords (12 outage). "
            "The LLM was unavailable for too long or failed: "
            "start the quarter again to name these topics.",
        ),
    ],
)
def test_says_who_named_the_topics(no_topic: None, no_aws: None, naming: dict[str, Any], line: str) -> None:
    assert notify_completion.handler({**SUCCEEDED, "naming": naming}, None)["message"].splitlines()[3] == line


def test_says_nothing_of_names_where_no_llm_was_asked(no_topic: None, no_aws: None) -> None:
    naming = {"by_llm": 0, "by_keywords": {}}
    assert "Names" not in notify_completion.handler({**SUCCEEDED, "naming": naming}, None)["message"]


def put_themes_progress(s3: Any, **progress: Any) -> None:
    document = {"manifest_key": SUCCEEDED["manifest_key"], **progress}
    s3.put_object(Bucket="ftm-pipeline-test", Key="progress/2023Q1/_themes.json", Body=json.dumps(document))


ASKED = {**SUCCEEDED, "theme_naming": "llm"}
LOST = {"named by llm": 30, "named by keywords: outage": 4, "requests": 90}


def test_says_which_names_of_themes_an_outage_has_cost(no_topic: None, s3: Any) -> None:
    put_themes_progress(s3, naming=LOST)

    assert notify_completion.handler(ASKED, None)["message"].splitlines()[3] == (
        "Names of themes in this run: 30 by the LLM, 4 by keywords (4 outage). "
        "The LLM was unavailable for too long or failed: "
        "start the quarter again to name these themes."
    )


@pytest.mark.parametrize(
    ("event", "progress"),
    [
        ({**ASKED, "theme_naming": "keywords"}, {"naming": LOST}),
        ({**ASKED, "reduce_error": {}}, {"naming": LOST}),
        (ASKED, {"naming": LOST, "manifest_key": "manifests/2023Q1/manifest_20230430T120000000000Z.jsonl"}),
        (ASKED, {"naming": "many"}),
        (ASKED, {}),  # of an image that does not count
        (ASKED, None),
    ],
    ids=["no LLM", "no themes", "of another execution", "damaged", "not counted", "no progress"],
)
def test_says_nothing_of_themes_that_nobody_was_asked_to_name(
    no_topic: None, s3: Any, event: dict[str, Any], progress: dict[str, Any] | None
) -> None:
    if progress is not None:
        put_themes_progress(s3, **progress)

    assert "Names" not in notify_completion.handler(event, None)["message"]


@pytest.mark.parametrize(
    ("naming", "incomplete", "names"),
    [
        ({"by_llm": 95, "by_keywords": {"outage": 5}}, False, ""),
        (
            {"by_llm": 94, "by_keywords": {"outage": 5, "fails every time": 1, "off topic": 40}},
            True,
            "topics: 94 named by the LLM, 6 lost (5 outage, 1 fails every time)",
        ),
        ({"by_llm": 0, "by_keywords": {"off topic": 100, "not asked by plan": 9}}, False, ""),
        ({"by_llm": 0, "by_keywords": {"outage": 1}}, True, "topics: 0 named by the LLM, 1 lost (1 outage)"),
        ({"by_llm": 0, "by_keywords": {}}, False, ""),
        (None, False, ""),
    ],
)
def test_too_many_lost_names_are_said(
    no_topic: None, no_aws: None, naming: dict[str, Any] | None, incomplete: bool, names: str
) -> None:
    answer = notify_completion.handler({**SUCCEEDED, "naming": naming}, None)

    assert (answer["names_incomplete"], answer["names"]) == (incomplete, names)
    subject = answer["message"].splitlines()[0]
    assert subject == f"FTM 2023Q1: {'finished with names missing' if incomplete else 'succeeded'}"


def test_lost_names_of_themes_are_said_beside_those_of_topics(no_topic: None, s3: Any) -> None:
    put_themes_progress(s3, naming=LOST)

    answer = notify_completion.handler({**ASKED, "naming": {"by_llm": 0, "by_keywords": {"outage": 2}}}, None)

    assert answer["names"] == (
        "topics: 0 named by the LLM, 2 lost (2 outage); themes: 30 named by the LLM, 4 lost (4 outage)"
    )


def test_a_mail_that_cannot_be_sent_loses_no_answer(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    notify_completion._sns.cache_clear()
    monkeypatch.setenv("SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:no-such-topic")

    answer = notify_completion.handler(SUCCEEDED, None)

    assert (answer["notified"], answer["names_incomplete"]) == (False, False)


def test_the_mail_says_why_the_first_batch_failed(no_topic: None) -> None:
    event = {**TWO_BATCHES_FAILED, "reason": "2023Q1_batch_0001: FtmError: chunk_0000.parquet is missing"}

    line = notify_completion.handler(event, None)["message"].splitlines()[1]

    assert "The first reason: 2023Q1_batch_0001: FtmError: chunk_0000.parquet is missing. Start" in line
