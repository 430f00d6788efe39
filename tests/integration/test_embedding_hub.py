"""EMBEDDING_MODEL as a hub name, downloaded by the real client from a server that speaks the hub's HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SENTENCE = "Ocean freight rates are falling."
EMBED = f"""
import sys
from cloud.src.contract.errors import FtmError
from cloud.src.models.embeddings import Embedder
try:
    embedder = Embedder(sys.argv[1], 1)
except FtmError as error:
    sys.exit(f"refused: {{error}}")
print(embedder.embed(["{SENTENCE}"]).tobytes().hex())
"""


class Hub(ThreadingHTTPServer):
    """One repository, ``files`` by path; ``requested`` are the paths of the files that were fetched."""

    daemon_threads = True

    def __init__(self, repository: str, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repository, self.files = repository, files
        self.requested: list[str] = []


class Answer(BaseHTTPRequestHandler):
    """What huggingface_hub asks for (https://huggingface.co/docs/hub/api): the repository's files, then each file."""

    server: Hub

    def do_HEAD(self) -> None:  # noqa: N802
        self._file(with_content=False)

    def do_GET(self) -> None:  # noqa: N802
        api = f"/api/models/{self.server.repository}"
        if self.path == f"{api}/revision/main":
            siblings = [{"rfilename": name} for name in self.server.files]
            self._send_json({"id": self.server.repository, "sha": COMMIT, "siblings": siblings})
        elif self.path.startswith(f"{api}/tree/{COMMIT}?"):
            files = self.server.files.items()
            self._send_json([{"type": "file", "path": name, "size": len(f), "oid": COMMIT} for name, f in files])
        elif self.path.startswith("/api/"):
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        else:
            self._file(with_content=True)

    def _send_json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _file(self, with_content: bool) -> None:
        name = self.path.removeprefix(f"/{self.server.repository}/resolve/{COMMIT}/")
        if name not in self.server.files:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if with_content:
            self.server.requested.append(name)
        content = self.server.files[name]
        etag = sha256(content).hexdigest()
        self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, with_content)

    def _send(self, status: int, content: bytes, headers: dict[str, str], with_content: bool = True) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the test asks what was requested."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    packaged = packaged_models.ensure(packaged_models.EMBEDDING)
    files = {
        "onnx/model.onnx": (packaged / "model.onnx").read_bytes(),
        "tokenizer.json": (packaged / "tokenizer.json").read_bytes(),
        "sentence_bert_config.json": b'{"max_seq_length": 128}',
        "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
        "pytorch_model.bin": b"weights for torch",
    }
    server = Hub("sentence-transformers/small", files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def embed(hub: Hub, model: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the client reads its environment when it is imported."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment = own | {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    command = [sys.executable, "-c", EMBED, model]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_hub_model_is_downloaded_once_without_torch_weights(hub: Hub, tmp_path: Path) -> None:
    first = embed(hub, "small", tmp_path)

    assert first.returncode == 0, first.stderr
    assert first.stdout.strip() == Embedder(packaged_models.EMBEDDING, 1).embed([SENTENCE]).tobytes().hex()
    assert sorted(hub.requested) == sorted(set(hub.files) - {"pytorch_model.bin"})

    again = embed(hub, "sentence-transformers/small", tmp_path)

    assert again.stdout == first.stdout
    assert len(hub.requested) == len(hub.files) - 1


def test_a_name_unknown_to_the_hub_is_one_line(hub: Hub, tmp_path: Path) -> None:
    ended = embed(hub, "somebody/else", tmp_path)

    assert ended.returncode == 1
    assert "refused: cannot get EMBEDDING_MODEL 'somebody/else' from the Hugging Face hub" in ended.stderr
    assert "Repository Not Found" in ended.stderr
    assert ended.stderr.count("\n") == 1
