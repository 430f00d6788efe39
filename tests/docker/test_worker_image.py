"""The worker's image as Pants builds it, and a sample quarter that the local AWS runs in it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys, schemas
from tests.docker.docker_command import WORKER, containers, docker, needs_docker
from tests.e2e.ftm_process import no_process_left_behind, run_ftm, start_ftm, until

pytestmark = needs_docker

QUARTER = "2023Q1"
TABLES = [
    (keys.firms, schemas.FIRM),
    (keys.topics, schemas.TOPIC),
    (keys.themes, schemas.THEME),
    (keys.theme_contributions, schemas.THEME_CONTRIBUTION),
    (keys.calls, schemas.CALL),
    (keys.exposures, schemas.EXPOSURE),
    (keys.themes_for_sentiment, schemas.THEME_FOR_SENTIMENT),
]


def configuration() -> dict[str, Any]:
    """What the image says of itself."""
    return dict(json.loads(docker("inspect", WORKER, "--format", "{{json .Config}}")))


def python(code: str, *options: str) -> str:
    """What Python prints in the image, run as a job is: read-only, with nothing executable in /tmp, and no network."""
    as_job = ["--rm", "--network=none", "--read-only", "--tmpfs=/tmp:noexec", "--entrypoint=/ftm/bin/python", *options]
    return docker("run", *as_job, WORKER, "-P", "-c", code).strip()


# --- image ------------------------------------------------------------------------------------


def test_it_states_its_commit_as_label_and_in_the_environment() -> None:
    commit = configuration()["Labels"]["org.opencontainers.image.revision"]
    assert len(commit.removesuffix("-dirty")) >= 7
    assert f"FTM_COMMIT={commit}" in configuration()["Env"]
    assert f"ftm-worker:{commit}" in docker("inspect", WORKER, "--format", "{{.RepoTags}}")


def test_its_entry_point_is_the_worker() -> None:
    refused = subprocess.run(
        ["docker", "run", "--rm", "--network=none", "--read-only", WORKER, "what"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "usage: python -m cloud.src.worker map|reduce|panel|check" in refused.stderr


def test_it_runs_unprivileged_and_writes_only_to_tmp() -> None:
    assert configuration()["User"] == "65532:65532"
    folders = "(path for path in ('/', '/ftm', '/ftm/lib', '/models', '/tmp', '/home', '/root', '/etc'))"
    # Without --read-only: it is the user who may not.
    seen = docker(
        "run",
        "--rm",
        "--network=none",
        "--entrypoint=/ftm/bin/python",
        WORKER,
        "-c",
        f"import os; print(os.getuid(), [path for path in {folders} if os.access(path, os.W_OK)])",
    )
    assert seen.strip() == "65532 ['/tmp']"


def test_its_model_is_in_it_and_works_without_network() -> None:
    code = (
        "from cloud.src.models.embeddings import Embedder\n"
        "print(Embedder('all-MiniLM-L6-v2-int8').embed(['Freight costs more.']).shape)"
    )
    assert python(code) == "(1, 384)"


def test_it_has_the_worker_and_no_trace_of_the_builder() -> None:
    concerns = python("import os, cloud.src; print(sorted(os.listdir(*cloud.src.__path__)))")
    assert concerns == "['contract', 'llm', 'worker']"
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", WORKER)
    for text in (history, json.dumps(configuration())):
        assert not any(word in text for word in ("PIP_", "PROXY", "INDEX", "TOKEN", "KEY", str(Path.home())))


# --- a quarter --------------------------------------------------------------------------------


def rows(folder: Path, key: Callable[[str], str]) -> list[dict[str, Any]]:
    return pq.read_table(folder / key(QUARTER), partitioning=None).to_pylist()


def test_containers_and_processes_give_the_same_tables(tmp_path: Path) -> None:
    before = containers()
    for name, options in (("containers", ["--containers"]), ("processes", [])):
        with no_process_left_behind():
            ended = run_ftm("demo", "--quarter", QUARTER, "--out", tmp_path / name, *options)
        assert ended.returncode == 0, ended.stderr
        print(ended.stdout)
    assert containers() == before

    for key, schema in TABLES:
        assert pq.read_schema(tmp_path / "containers" / key(QUARTER)).remove_metadata().equals(schema), key
    in_containers, in_processes = (
        [(row["topic_id"], row["keywords"], row["n_sentences"], row["theme_id"]) for row in rows(folder, keys.topics)]
        for folder in (tmp_path / "containers", tmp_path / "processes")
    )
    assert in_containers == in_processes
    assert len({theme_id for *_, theme_id in in_containers if theme_id}) >= 10

    progress = [
        json.loads(path.read_text()) for path in tmp_path.glob(f"containers/progress/{QUARTER}/{QUARTER}_batch_*.json")
    ]
    commit = configuration()["Labels"]["org.opencontainers.image.revision"]
    assert [(batch["status"], batch["commit"]) for batch in progress] == [("succeeded", commit)] * 3


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_container_is_left_of_a_run_that_is_stopped(tmp_path: Path, number: signal.Signals, exit_code: int) -> None:
    before = containers()
    with no_process_left_behind():
        process = start_ftm("demo", "--containers", "--out", tmp_path / "out")
        try:
            until(lambda: containers() - before, "a container", timeout_s=120)
            process.send_signal(number)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == exit_code
    until(lambda: containers() <= before, "the end of the containers")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DOCKER_HOST": "unix:///nonexistent.sock"}, "no Docker engine answers, which --containers needs"),
        ({"PATH": "/nonexistent"}, "there is no docker command, which --containers needs"),
    ],
)
def test_without_an_engine_one_line_says_what_to_do(tmp_path: Path, environment: dict[str, str], message: str) -> None:
    refused = run_ftm("demo", "--containers", "--out", tmp_path / "out", **environment)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out").exists()
