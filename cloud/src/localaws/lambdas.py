"""Lambda functions as processes: each runs from its own zip, stays warm between requests, and can be killed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import sys
import threading
import time
import uuid
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from cloud.src.localaws.child_environment import library_python_path, minimal_environment
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.host import Host
from cloud.src.localaws.moto_gaps.patching import patch

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
_LOG_TAIL_BYTES = 4096  # what Invoke returns of the log: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html


@dataclass(frozen=True)
class Answer:
    """What a request led to: the payload, whether it is an error, and what was logged on the way."""

    payload: Any
    is_error: bool
    log: str


def install(host: Host) -> None:
    """Run Lambda functions as processes of ``host``; stock moto runs them in Docker only."""
    functions = Functions(host)

    def invoke(function: LambdaFunction, body: str | bytes, _request_headers: Any, response_headers: Any) -> bytes:
        answer = functions.invoke(function, json.loads(body or "{}"))
        if answer.is_error:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-log-result"] = base64.b64encode(answer.log.encode()[-_LOG_TAIL_BYTES:]).decode()
        return json.dumps(answer.payload).encode()

    patch(LambdaFunction, "invoke", invoke)


class Functions:
    """The warm processes of all functions."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._code_folder = host.work_folder / "lambda"
        self._code_folder.mkdir()
        self._lock = threading.Lock()
        self._idle: dict[str, list[WarmProcess]] = {}

    def invoke(self, function: LambdaFunction, event: Any) -> Answer:
        """Answer one request in a process of its own; processes are kept for later requests of the same kind."""
        request_id = str(uuid.uuid4())
        folder = self._unpacked(function.code_bytes)
        environment = _environment(function, folder, self._host.endpoint)
        kind = json.dumps([str(folder), environment], sort_keys=True)
        with self._lock:
            idle = self._idle.setdefault(kind, [])
            process = idle.pop() if idle else None
        if process is None or not process.is_alive():
            process = WarmProcess(self._host, folder, environment)

        started = time.monotonic()
        answer = process.answer(event, request_id, function.function_arn, function.timeout)
        duration_ms = (time.monotonic() - started) * 1000
        if process.is_alive():
            with self._lock:
                idle.append(process)

        log = (
            f"START RequestId: {request_id} Version: {function.version}\n{answer.log}"
            f"END RequestId: {request_id}\nREPORT RequestId: {request_id} Duration: {duration_ms:.2f} ms\n"
        )
        function.logs_backend.ensure_log_group(function.logs_group_name)
        function.save_logs(log)
        return Answer(answer.payload, answer.is_error, log)

    def _unpacked(self, code: bytes) -> Path:
        """The folder with the zip's files; unpacked once per content."""
        folder = self._code_folder / hashlib.sha256(code).hexdigest()[:16]
        with self._lock:
            if not folder.is_dir():
                folder.mkdir()
                with zipfile.ZipFile(io.BytesIO(code)) as archive:
                    archive.extractall(folder)
        return folder


class WarmProcess:
    """One Lambda execution environment: answers one request at a time, and is not used again after a crash."""

    def __init__(self, host: Host, folder: Path, environment: dict[str, str]) -> None:
        self._host = host
        log_path = host.work_folder / f"lambda-{uuid.uuid4().hex}.log"
        answers_reader, answers_writer = os.pipe()
        with log_path.open("wb") as log:
            self._process = host.processes.start(
                [sys.executable, "-P", str(_RUNTIME), str(answers_writer)],
                environment,
                folder,
                output=log,
                inherited_files=(answers_writer,),
            )
        os.close(answers_writer)
        self._answers = os.fdopen(answers_reader)
        self._log = log_path.open("rb")

    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self._process.poll() is None

    def answer(self, event: Any, request_id: str, function_arn: str, timeout_s: float) -> Answer:
        """What the function returns for this event, or the error with which it failed, with what it logged."""
        request = {
            "event": event,
            "request_id": request_id,
            "function_arn": function_arn,
            "deadline": time.time() + timeout_s,
        }
        self._send(request)
        timed_out = not connection.wait([self._answers.fileno()], timeout_s)
        line = "" if timed_out else self._answers.readline()
        if line.endswith("\n"):
            answer = json.loads(line)
            is_error = "error" in answer
            return Answer(answer["error"] if is_error else answer["result"], is_error, self._new_log())

        exit_code = self._host.processes.kill(self._process)
        error = _timed_out(request_id, timeout_s) if timed_out else _crashed(request_id, exit_code)
        answer = Answer(error, True, f"{self._new_log()}{error['errorMessage']}\n")
        self._close()
        return answer

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died: that shows, and is reported, when its answer is read
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def _new_log(self) -> str:
        return self._log.read().decode(errors="replace")

    def _close(self) -> None:
        self._answers.close()
        self._log.close()


def _timed_out(request_id: str, timeout_s: float) -> dict[str, str]:
    message = f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    return {"errorType": "Sandbox.Timedout", "errorMessage": message}


def _crashed(request_id: str, exit_code: int) -> dict[str, str]:
    status = f"signal: {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"
    message = f"RequestId: {request_id} Error: Runtime exited with error: {status}"
    return {"errorType": "Runtime.ExitError", "errorMessage": message}


def _environment(function: LambdaFunction, folder: Path, endpoint: Endpoint) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    return {
        **minimal_environment(library_python_path()),
        **endpoint.variables(function.region),
        **function.environment_vars,
        "_HANDLER": str(function.handler),
        "LAMBDA_TASK_ROOT": str(folder),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
    }
