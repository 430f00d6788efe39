"""The rule of this folder is held: what is impure is refused and seen, even where the refusal is caught."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cloud.src.models.onnx import onnxruntime
from tests.fast.purity import seen_impurities


def connect() -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", 9))


def listen() -> None:
    socket.create_server(("127.0.0.1", 0)).close()


def look_up_a_host() -> None:
    socket.getaddrinfo("localhost", 80)


def run_a_program() -> None:
    subprocess.run(["true"], check=True)


def run_a_command() -> None:
    os.system("true")


def start_python() -> None:
    multiprocessing.get_context("spawn").Process(target=os.getpid).start()


def load_a_model() -> None:
    onnxruntime.InferenceSession("model.onnx")


@pytest.mark.parametrize(
    ("impure", "impurity"),
    [
        (connect, "opens a socket"),
        (listen, "opens a socket"),
        (look_up_a_host, "looks up a host"),
        (run_a_program, "starts a process"),
        (run_a_command, "starts a process"),
        (start_python, "starts a process"),
        (load_a_model, "loads a model"),
    ],
)
def test_what_is_impure_is_refused_and_seen(impure: Callable[[], None], impurity: str) -> None:
    with seen_impurities() as seen, suppress(RuntimeError):
        impure()
    assert seen == [impurity]


def test_files_are_pure() -> None:
    with seen_impurities() as seen:
        Path(__file__).read_text()
    assert seen == []
