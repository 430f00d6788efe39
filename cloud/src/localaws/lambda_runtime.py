"""The process inside a Lambda function: answers one request after the other until its standard input closes.

Started as ``python lambda_runtime.py ANSWERS`` in the folder of the unpacked zip; ANSWERS is the number of the open
file for the answers. Requests and answers are JSON, one per line. The handler's output goes to the log.

Uses only the standard library: the function must find no code but its own.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Context:
    """The second argument of a handler: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id: str = request["request_id"]
        self.invoked_function_arn: str = request["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name: str = request["request_id"]
        self._deadline: float = request["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out, as AWS Lambda's context says."""
        return max(0, int((self._deadline - time.time()) * 1000))


def main(answers_file: int) -> None:
    """Answer the invocations on standard input, one per line, until it ends."""
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    with os.fdopen(answers_file, "w") as answers:
        while True:
            answer = _answer(json.loads(requests.get()))
            sys.stdout.flush()
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _read_requests(requests: queue.Queue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    # The server has died. A handler may still be running or have started processes: end all of them.
    os.killpg(0, signal.SIGKILL)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        result = _handler()(request["event"], Context(request))
        json.dumps(result)  # an answer that cannot be sent is the handler's error
        return {"result": result}
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return {"error": _describe(error, request["request_id"])}


def _handler() -> Callable[[Any, Context], Any]:
    module_name, _, function_name = os.environ["_HANDLER"].rpartition(".")
    handler: Callable[[Any, Context], Any] = getattr(importlib.import_module(module_name), function_name)
    return handler


def _describe(error: BaseException, request_id: str) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": "Runtime.ImportModuleError" if isinstance(error, ImportError) else type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main(int(sys.argv[1]))
