"""A small HTTP server that answers as an LLM server would, or fails in the way a test asks for."""

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


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs_until: threading.Event | None = None  # no reply at all, and the connection is closed only then


HANGS_UP = Reply(status=0)


@dataclass(frozen=True)
class Request:
    path: str
    headers: Message  # finds names in any case
    body: Any
    time: float  # seconds of a monotonic clock


@dataclass
class FakeLlm:
    """Replies in the order of ``replies``, the last of them again and again, and keeps what it was asked."""

    replies: list[Reply]
    base_url: str = ""
    requests: list[Request] = field(default_factory=list)

    def reply_to(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def says(content: str | None) -> Reply:
    """A chat completion with this content."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return completion([choice])


def completion(choices: list[dict[str, Any]]) -> Reply:
    return Reply(body={"id": "1", "object": "chat.completion", "created": 0, "model": "fake", "choices": choices})


def fails(status: int, **headers: str) -> Reply:
    """An error whose message has two lines; ``retry_after="1"`` sends the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"error": {"message": f"the server says\n{status}"}}, named)


@contextmanager
def fake_llm(*replies: Reply) -> Iterator[FakeLlm]:
    llm = FakeLlm(list(replies))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 (the library's name)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._reply(llm.reply_to(Request(self.path, self.headers, body, time.monotonic())))

        def do_GET(self) -> None:  # noqa: N802
            self._reply(llm.reply_to(Request(self.path, self.headers, None, time.monotonic())))

        def _reply(self, reply: Reply) -> None:
            if reply.hangs_until is not None:
                reply.hangs_until.wait()
                return
            if reply == HANGS_UP:
                return
            content = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Not to the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    llm.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield llm
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
