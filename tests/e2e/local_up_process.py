"""``ftm local up`` in the background, and what it prints for whoever works with it."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile

from tests.e2e.ftm_process import no_process_left_behind, start_ftm
from tests.integration.fake_llm import FakeLlm, Reply, says

MODELS = Reply(body={"object": "list", "data": [{"id": "fake", "object": "model"}]})
NAME = says('{"title": "A name", "description": "A description."}')
# Of each firm; NAME fits none, and is asked for nine times a topic. A firm of the samples has about eleven.
MAX_TOPICS = "4"
LAST_LINE = "aws logs tail /aws/batch/ftm --since 30m"


@contextmanager
def local_up(llm: FakeLlm, *options: str, **environment: str) -> Iterator[str]:
    """Run ``ftm local up`` and yield what it prints before LAST_LINE; it has to end well, and all with it."""
    with no_process_left_behind():
        arguments = ("local", "up", "--port", free_port(), "--llm-url", llm.base_url, *options)
        process = start_ftm(*arguments, MAX_TOPICS=MAX_TOPICS, **environment)
        try:
            assert process.stdout is not None
            yield "".join(takewhile(lambda line: line != f"{LAST_LINE}\n", process.stdout))
        finally:
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert stderr.splitlines()[-1].startswith("stopped")


def exports(printed: str) -> dict[str, str]:
    return dict(re.findall(r"(AWS_\w+)=(\S+)", printed))


def commands(printed: str, *programs: str) -> list[str]:
    """The commands of these programs, each as one line."""
    lines = re.sub(r" \\\n +", " ", printed).splitlines()
    return [line for line in lines if line.split(" ")[0] in programs]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
