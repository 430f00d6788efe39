"""Lambda functions in the local AWS, and whether moto still needs its patches."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.localaws_helpers import create_function, invoke, is_running, local_aws_without

ECHO = "def handler(event, context): return event"

# Answers only when all requests are being answered; were they taken one after the other, the first would time out.
MEET_THE_OTHERS = """
import os, pathlib, time
def handler(event, context):
    folder = pathlib.Path({folder!r})
    (folder / str(event)).touch()
    while len(list(folder.iterdir())) < {requests}:
        time.sleep(0.01)
    return [event, os.getpid()]
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as aws:
        yield aws


def log_of(answer: dict[str, str]) -> str:
    return base64.b64decode(answer["log"]).decode()


def test_a_function_answers_from_its_own_process_and_stays_warm(aws: LocalAws) -> None:
    code = "import os\ncalls = []\ndef handler(event, context): calls.append(event); return [os.getpid(), len(calls)]"
    create_function(aws, "counts", {"app.py": code})
    (first_pid, first), (second_pid, second) = (invoke(aws, "counts")["payload"] for _ in range(2))
    assert (first, second) == (1, 2)
    assert first_pid == second_pid
    assert is_running(first_pid)


def test_stock_moto_runs_functions_in_docker_only() -> None:
    with local_aws_without("lambdas:install") as stock:
        create_function(stock, "echoes", {"app.py": ECHO})
        assert stock.client("lambda").invoke(FunctionName="echoes", Payload="1")["FunctionError"]


def test_requests_at_the_same_time_have_processes_of_their_own(aws: LocalAws, tmp_path: Path) -> None:
    create_function(aws, "meets", {"app.py": MEET_THE_OTHERS.format(folder=str(tmp_path), requests=8)})
    with ThreadPoolExecutor(8) as pool:
        answers = [answer["payload"] for answer in pool.map(lambda event: invoke(aws, "meets", event), range(8))]
    assert [event for event, _ in answers] == list(range(8))
    assert len({pid for _, pid in answers}) == 8


def test_new_code_and_new_settings_count_from_the_next_request(aws: LocalAws) -> None:
    code = "import os\ndef handler(event, context): return os.environ.get('WHAT')"
    create_function(aws, "changes", {"app.py": code}, Environment={"Variables": {"WHAT": "old"}})
    before = invoke(aws, "changes")["payload"]
    aws.client("lambda").update_function_configuration(
        FunctionName="changes", Environment={"Variables": {"WHAT": "new"}}
    )
    assert (before, invoke(aws, "changes")["payload"]) == ("old", "new")


def test_the_context_is_what_a_handler_expects(aws: LocalAws) -> None:
    code = (
        "def handler(event, context):\n"
        "    return [context.function_name, context.invoked_function_arn, context.memory_limit_in_mb,\n"
        "            context.get_remaining_time_in_millis() // 1000, len(context.aws_request_id)]"
    )
    arn = create_function(aws, "context", {"app.py": code}, MemorySize=256, Timeout=100)
    assert invoke(aws, "context")["payload"] == ["context", arn, "256", 99, 36]


def test_a_function_reaches_this_aws_and_no_other(aws: LocalAws) -> None:
    code = (
        "import boto3\n"
        "def handler(event, context): return [b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']]"
    )
    aws.client("s3").create_bucket(Bucket="seen-by-lambda")
    create_function(aws, "lists", {"app.py": code})
    assert "seen-by-lambda" in invoke(aws, "lists")["payload"]


def test_what_a_function_prints_is_in_its_log(aws: LocalAws) -> None:
    code = "import sys\ndef handler(event, context): print('out', event); print('err', event, file=sys.stderr)"
    create_function(aws, "prints", {"app.py": code})
    logs = [log_of(invoke(aws, "prints", event)) for event in (1, 2)]
    for event, log in enumerate(logs, start=1):
        assert log.startswith("START RequestId: ")
        assert f"out {event}\n" in log
        assert f"err {event}\n" in log
        assert f"out {3 - event}\n" not in log
    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/prints")["events"]
    assert [event["message"] for event in events if event["message"].startswith("out")] == ["out 1", "out 2"]


@pytest.mark.parametrize(
    ("name", "code", "error_type", "message"),
    [
        ("raises", "def handler(event, context): raise ValueError('too big')", "ValueError", "too big"),
        ("exits", "import os\ndef handler(event, context): os._exit(7)", "Runtime.ExitError", "exit status 7"),
        (
            "dies",
            "import os, signal\ndef handler(event, context): os.kill(os.getpid(), signal.SIGKILL)",
            "Runtime.ExitError",
            "signal: 9",
        ),
        ("not-json", "def handler(event, context): return {1, 2}", "TypeError", "not JSON serializable"),
        ("no-handler", "", "AttributeError", "handler"),
        ("wrong-import", "import no_such_module", "Runtime.ImportModuleError", "no_such_module"),
        # The repository has this module, the zip has not: in AWS it would be missing.
        ("repo-import", "import cloud.src.contract.keys", "Runtime.ImportModuleError", "cloud"),
    ],
)
def test_an_error_is_returned_as_in_aws(aws: LocalAws, name: str, code: str, error_type: str, message: str) -> None:
    create_function(aws, name, {"app.py": code})
    answer = invoke(aws, name)
    assert (answer["error"], answer["payload"]["errorType"]) == ("Unhandled", error_type)
    assert message in answer["payload"]["errorMessage"]


def test_a_function_works_again_after_a_crash(aws: LocalAws) -> None:
    code = "import os\ndef handler(event, context): return 'fine' if event else os._exit(1)"
    create_function(aws, "crashes", {"app.py": code})
    assert [invoke(aws, "crashes", event)["error"] for event in (True, False, True)] == [None, "Unhandled", None]


def test_a_function_that_takes_too_long_is_killed(aws: LocalAws) -> None:
    code = "import os, time\ndef handler(event, context): print(os.getpid()); time.sleep(600)"
    create_function(aws, "too-long", {"app.py": code}, Timeout=1)
    answer = invoke(aws, "too-long")
    assert (answer["error"], answer["payload"]["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    log = log_of(answer).splitlines()
    assert "Task timed out after 1.00 seconds" in log[2]
    assert not is_running(int(log[1]))
