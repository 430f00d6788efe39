"""A small HTTP server that answers as an LLM server would, slowly or not at all where a test asks for that."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cloud.src.llm.dialect import PROBE_CHAT


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    status: int = 200
    body: Any = None  # JSON, or a page when it is a string
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs_until: threading.Event | None = None  # no reply at all, and the connection is closed only then


# Whoever forgets to set the event gets a failing test, not one that never ends.
LONGEST_HANG_S = 120

HANGS_UP = Reply(status=0)
EMPTY_PAGE = Reply(body="")
MODELS = Reply(body={"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "us"}]})


NOT_THERE = Reply(404, {"error": {"message": "there is no such page"}})


@dataclass(frozen=True)
class Request:
    path: str
    headers: Message  # finds names in any case
    body: Any
    time: float  # seconds of a monotonic clock


@dataclass
class FakeLlm:
    """Replies to questions in the order of ``replies``, the last of them for ever; keeps what it is asked.

    ``requests`` are the questions. By ``probes`` the client finds out whether the server serves and what it
    understands: the fields in ``honours`` (of the answer's JSON schema), not those in ``refuses``. ``failure``, while
    set, is the reply to everything. ``most_at_once``: how many questions it has had at the same time.
    """

    replies: list[Reply]
    base_url: str = ""
    honours: frozenset[str] = frozenset({"response_format"})
    refuses: frozenset[str] = frozenset()
    thinks_without: str | None = None  # the field without which the model thinks aloud
    health: Reply = EMPTY_PAGE
    models: Reply = MODELS
    props: Reply = NOT_THERE
    greeting: Reply | None = None  # to a probe that is a chat, where it is not the right one
    failure: Reply | None = None
    latency_s: float = 0
    requests: list[Request] = field(default_factory=list)
    probes: list[Request] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply_to(self, request: Request) -> Reply:
        if request.body is None or request.body["messages"] == PROBE_CHAT:
            self.probes.append(request)
            return self.failure or self._reply_to_probe(request)
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        if self.latency_s:
            threading.Event().wait(self.latency_s)
        with self._lock:
            self._at_once -= 1
            if self.failure is not None:
                return self.failure
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def _reply_to_probe(self, request: Request) -> Reply:
        if request.body is None:
            path = urlsplit(request.path).path  # a proxy is asked for whole addresses
            return {"/health": self.health, "/v1/models": self.models, "/props": self.props}.get(path, NOT_THERE)
        if self.greeting is not None:
            return self.greeting
        if refused := self.refuses & request.body.keys():
            return fails(400, what=f"unknown field {refused}")
        thought = "<think>A greeting.</think>" if self.thinks_without not in (None, *request.body) else ""
        schema = asked_schema(request.body, self.honours)
        if schema is None:
            return says(f"{thought}Hello!")
        return says(thought + json.dumps({name: rule["enum"][0] for name, rule in schema["properties"].items()}))


def asked_schema(body: dict[str, Any], honours: frozenset[str] = frozenset({"response_format"})) -> Any | None:
    """The JSON schema that a request asks for, where the server understands the field."""
    if "response_format" in honours and "response_format" in body:
        return body["response_format"]["json_schema"]["schema"]
    if "structured_outputs" in honours and "structured_outputs" in body:
        return body["structured_outputs"]["json"]
    return None


def says(content: str | None, finish_reason: str = "stop", **message: Any) -> Reply:
    """A chat completion with this content."""
    said = {"role": "assistant", "content": content, **message}
    return completion([{"index": 0, "finish_reason": finish_reason, "message": said}])


def completion(choices: list[dict[str, Any]]) -> Reply:
    return Reply(body={"id": "1", "object": "chat.completion", "created": 0, "model": "fake", "choices": choices})


def fails(status: int, what: str = "the server says", **headers: str) -> Reply:
    """An error whose message has two lines; ``retry_after="1"`` sends the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"error": {"message": f"{what}\n{status}"}}, named)


@contextmanager
def fake_llm(*replies: Reply, **traits: Any) -> Iterator[FakeLlm]:
    """The server at ``base_url`` until the block ends; ``traits`` are fields of FakeLlm."""
    llm = FakeLlm(list(replies), **traits)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 (the library's name)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._reply(llm.reply_to(Request(self.path, self.headers, body, time.monotonic())))

        def do_GET(self) -> None:  # noqa: N802
            self._reply(llm.reply_to(Request(self.path, self.headers, None, time.monotonic())))

        def _reply(self, reply: Reply) -> None:
            if reply.hangs_until is not None:
                reply.hangs_until.wait(LONGEST_HANG_S)
                return
            if reply == HANGS_UP:
                return
            is_page = isinstance(reply.body, str)
            content = (reply.body if is_page else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            kind = "text/html" if is_page else "application/json"
            for name, value in {"Content-Type": kind, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the library
            """Not to the test's output."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # the default of 5 refuses what comes at the same time

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that is gone is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    llm.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield llm
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
