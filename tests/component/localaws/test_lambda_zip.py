"""The zips of the four Lambda functions."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cloud.src.contract import keys
from cloud.src.localaws.child_environment import library_python_path
from cloud.src.localaws.lambda_zip import HANDLER, lambda_zip

FUNCTIONS = ("prefetch_check", "create_batch_manifest", "summarize_results", "notify_completion")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_zip_has_all_that_its_function_needs(name: str, tmp_path: Path) -> None:
    """Imported as Lambda does it: from the unpacked zip, with boto3 but without the repository."""
    zipfile.ZipFile(io.BytesIO(lambda_zip(name))).extractall(tmp_path)
    module, function = HANDLER.split(".")
    check = f"import sys; sys.path[:0] = {[str(tmp_path), *library_python_path()]}; from {module} import {function}"
    subprocess.run([sys.executable, "-I", "-c", check], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_zip_has_nothing_else(name: str) -> None:
    contract = {"cost", "documents", "errors", "keys", "prices"}
    contract |= {"names_count"} if name in ("summarize_results", "notify_completion") else set()
    contract |= {"batch", "vllm"} if name == "notify_completion" else set()
    own = {
        "create_batch_manifest": ["running_quarter"],
        "notify_completion": ["ended_execution", "looks", "run_cost", "running_vllm", "summarize_results"],
        "prefetch_check": ["panel_input"],
    }
    assert zipfile.ZipFile(io.BytesIO(lambda_zip(name))).namelist() == [
        *(f"cloud/src/contract/{module}.py" for module in sorted(contract)),
        *(f"cloud/src/lambdas/{module}.py" for module in sorted([name, *own.get(name, [])])),
        "lambda_function.py",
    ]


def test_the_same_code_makes_the_same_zip() -> None:
    assert lambda_zip("prefetch_check") == lambda_zip("prefetch_check")


def test_a_zip_has_the_bytes_of_the_source_code() -> None:
    archive = zipfile.ZipFile(io.BytesIO(lambda_zip("prefetch_check")))
    assert archive.read("cloud/src/contract/keys.py") == Path(keys.__file__).read_bytes()


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_function"):
        lambda_zip("no_such_function")
