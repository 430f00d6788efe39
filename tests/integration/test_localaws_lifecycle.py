"""How the local AWS starts and ends: no process and no file is left behind, whoever ends it and however."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.localaws.child_environment import full_python_path, minimal_environment
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAwsError, local_aws
from tests.integration import localaws_busy_parent
from tests.integration.localaws_helpers import is_running, parent_of, until


@dataclass(frozen=True)
class Busy:
    """A program that runs a local AWS, with all that runs in it."""

    parent: subprocess.Popen[str]
    server: int
    pids: list[int]  # server, guard, job, what the job started, Lambda function
    temporary_folder: Path


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    temporary_folder = tmp_path / "tmp"
    temporary_folder.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-P", "-m", localaws_busy_parent.__name__, str(tmp_path)],
        env={**minimal_environment(full_python_path()), "TMPDIR": str(temporary_folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("http://127.0.0.1:")
        job, child, function = (int((tmp_path / name).read_text()) for name in ("job", "child", "function"))
        guard = parent_of(job)
        server = parent_of(guard)
        yield Busy(parent, server, [server, guard, job, child, function], temporary_folder)
        parent.kill()


@pytest.mark.parametrize(
    ("whom", "signal_number"),
    [
        ("parent", signal.SIGINT),  # Ctrl-C
        ("parent", signal.SIGTERM),
        ("parent", signal.SIGHUP),  # the terminal is closed
        ("parent", signal.SIGKILL),
        ("server", signal.SIGTERM),
        ("server", signal.SIGKILL),
    ],
)
def test_no_process_outlives_the_local_aws(busy: Busy, whom: str, signal_number: signal.Signals) -> None:
    assert all(map(is_running, busy.pids))
    os.kill(busy.parent.pid if whom == "parent" else busy.server, signal_number)
    until(lambda: not any(map(is_running, busy.pids)))
    if (whom, signal_number) != ("server", signal.SIGKILL):  # it could not, and its log is of use
        until(lambda: not list(busy.temporary_folder.iterdir()))


def test_a_killed_guard_takes_its_job_with_it(busy: Busy) -> None:
    server, guard, job, child, function = busy.pids
    os.kill(guard, signal.SIGKILL)
    until(lambda: not any(map(is_running, (job, child))))
    assert is_running(server)
    assert is_running(function)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_alone_stops_in_order(tmp_path: Path, signal_number: signal.Signals) -> None:
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "cloud.src.localaws"],
        env={**minimal_environment(full_python_path()), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout is not None
        assert Endpoint.of_exports(server.stdout.readline()).url.startswith("http://127.0.0.1:")
        server.send_signal(signal_number)
        assert server.wait(timeout=30) == 0
    assert not list(tmp_path.iterdir())


def test_the_port_is_free_again_afterwards() -> None:
    ports: list[int] = []
    for _ in range(2):
        with local_aws(port=ports[0] if ports else None) as aws:
            ports.append(int(aws.endpoint_url.rpartition(":")[2]))
    assert ports[0] == ports[1]


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = (
            f"port {port} is not free (Address already in use): "
            "stop the program that listens there, or choose another port"
        )
        with pytest.raises(InvalidInput) as error, local_aws(port=port):
            pytest.fail("it started")
        assert str(error.value) == expected


def test_the_server_alone_refuses_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cloud.src.localaws", f"--port={taken.getsockname()[1]}"],
            env={**minimal_environment(full_python_path()), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "is not free" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_number_that_is_no_port_is_one_clear_line() -> None:
    with pytest.raises(InvalidInput) as error, local_aws(port=70000):
        pytest.fail("it started")
    assert str(error.value) == "port 70000 is not a port: choose one from 1 to 65535"


def test_a_server_that_dies_names_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the log is kept
    others = set(_children())
    by_itself = r"exited unexpectedly, exit code -9: see .*server\.log"
    with pytest.raises(LocalAwsError, match=by_itself), local_aws() as aws:  # noqa: PT012  # raised when it is left
        aws.client("s3").list_buckets()
        (server,) = set(_children()) - others
        os.kill(server, signal.SIGKILL)
        aws.client("s3").list_buckets()


def test_waiting_for_a_server_ends_after_the_timeout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("cloud.src.localaws.environment._START_TIMEOUT_S", 0)  # no server is as fast
    with pytest.raises(LocalAwsError, match="not ready within 0 s: see ") as error, local_aws():
        pytest.fail("it was ready")
    assert Path(str(error.value).rpartition(": see ")[2]).is_file()


def test_a_users_aws_settings_do_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    configuration = tmp_path / "config"
    configuration.write_text("not a configuration")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with local_aws() as aws:
        assert aws.client("s3").list_buckets()["Buckets"] == []


def _children() -> list[int]:
    pid = os.getpid()
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
