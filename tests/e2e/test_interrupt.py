"""ftm stopped in the middle leaves no process behind, and the same command again continues."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud.src.cli.samples import transcripts
from cloud.src.contract import keys
from tests.e2e.ftm_process import no_process_left_behind, run_ftm, start_ftm, until
from tests.integration.fake_llm import FakeLlm, Reply, fake_llm, says

QUARTER = "2023Q1"
NAME = says('{"title": "A name", "description": "A description."}')
# A firm of the sample has about eleven topics. This name fits none of them, so each is asked for nine times: some firms
# are finished, and no batch of nine is.
NAMES_BEFORE_THE_LLM_HANGS = 400


@dataclass
class HangingRun:
    """A run whose map jobs wait for their LLM, with parts of some firms finished."""

    process: subprocess.Popen[str]
    folder: Path


def arguments(folder: Path, llm: FakeLlm) -> list[object]:
    # One firm a part, so that there are finished parts soon; see the environment below.
    options: list[object] = [
        "--input",
        transcripts(QUARTER),
        "--out",
        folder,
        "--batch-size",
        "9",
        "--llm-url",
        llm.base_url,
    ]
    return ["run", QUARTER, *options]


@pytest.fixture
def hanging_run(tmp_path: Path) -> Iterator[HangingRun]:
    ever = threading.Event()
    hangs = Reply(hangs_until=ever)
    with no_process_left_behind(), fake_llm(*[NAME] * NAMES_BEFORE_THE_LLM_HANGS, hangs) as llm:
        process = start_ftm(*arguments(tmp_path / "out", llm), CHECKPOINT_INTERVAL="1")
        try:
            until(lambda: finished_parts(tmp_path / "out"), "a finished part in the output folder", timeout_s=120)
            yield HangingRun(process, tmp_path / "out")
        finally:
            process.kill()
            process.communicate()
            ever.set()


def finished_parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"intermediate/firm-topics/quarter={QUARTER}/*.parquet"))


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_ftm_and_all_it_has_started(hanging_run: HangingRun, number: int, exit_code: int) -> None:
    hanging_run.process.send_signal(number)
    _, stderr = hanging_run.process.communicate(timeout=60)
    assert hanging_run.process.returncode == exit_code
    assert "Traceback" not in stderr
    if number == signal.SIGINT:
        assert stderr.splitlines()[-1].endswith("run the same command again to continue")


def test_a_killed_run_continues_with_its_finished_parts(hanging_run: HangingRun) -> None:
    hanging_run.process.kill()
    hanging_run.process.communicate()
    n_kept = len(finished_parts(hanging_run.folder))

    with no_process_left_behind(), fake_llm(NAME) as llm:
        again = run_ftm(*arguments(hanging_run.folder, llm), CHECKPOINT_INTERVAL="1")
    assert again.returncode == 0, again.stderr
    assert "continuing with" in again.stderr
    progress = [
        json.loads(path.read_text()) for path in hanging_run.folder.glob(f"progress/{QUARTER}/{QUARTER}_batch_*.json")
    ]
    assert sum(job["reused_parts"] for job in progress) == n_kept
    assert (hanging_run.folder / keys.themes(QUARTER)).is_file()
    assert not list(hanging_run.folder.rglob(".*.partial"))
