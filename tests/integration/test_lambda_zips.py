"""The functions' zips: what Pants packages for AWS is what the local AWS runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from cloud.src.localaws.lambda_zip import lambda_zip
from cloud.src.localaws.provision import FUNCTIONS
from tests.integration.terraform_roots import lambda_zips

MOST_BYTES = 30_000  # of our own modules; any library would have more
COUNT_NAMES = ("summarize_results", "notify_completion")
OWN_MODULES = {
    "create_batch_manifest": ["running_quarter"],
    "notify_completion": ["ended_execution", "looks", "run_cost", "running_vllm", "summarize_results"],
    "prefetch_check": ["panel_input"],
}


def texts(archive: bytes) -> dict[str, str]:
    """The files of a zip without the line feeds at their ends, and without its folders."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name).decode().rstrip() for name in opened.namelist() if not name.endswith("/")}


@pytest.mark.parametrize(("function", "module"), FUNCTIONS.items())
def test_packaged_functions_are_small_and_match_the_local_aws(tmp_path: Path, function: str, module: str) -> None:
    packaged = (lambda_zips(tmp_path) / f"{function}.zip").read_bytes()
    assert len(packaged) < MOST_BYTES
    assert texts(packaged) == texts(lambda_zip(module))
    shared = ["cost", "documents", "errors", "keys", "prices", *(["names_count"] if module in COUNT_NAMES else [])]
    shared += ["batch", "vllm"] if module == "notify_completion" else []
    assert set(texts(packaged)) == {
        "lambda_function.py",
        f"cloud/src/lambdas/{module}.py",
        *(f"cloud/src/contract/{name}.py" for name in shared),
        *(f"cloud/src/lambdas/{name}.py" for name in OWN_MODULES.get(module, [])),
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_packaged_function_does_not_depend_on_time_or_place(tmp_path: Path, function: str) -> None:
    """Another build of the same code makes the same bytes, so that a second apply changes nothing."""
    with zipfile.ZipFile(lambda_zips(tmp_path) / f"{function}.zip") as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.extra + entry.comment for entry in entries} == {b""}
    assert {oct(entry.external_attr >> 16) for entry in entries} <= {"0o100644", "0o40755"}
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
