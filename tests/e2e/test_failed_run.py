"""A run that fails says why in one line, shows the failed job's log, and keeps what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.parquet as pq

from cloud.src.cli.samples import transcripts
from cloud.src.contract import keys
from tests.e2e.ftm_process import no_process_left_behind, run_ftm
from tests.integration.fake_llm import fails, fake_llm, says

NAME = says('{"title": "A name", "description": "A description."}')


def test_a_failed_run_says_why_and_keeps_what_there_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with no_process_left_behind(), fake_llm(fails(403)) as llm:
        options = ["--input", transcripts("2023Q1"), "--out", out, "--batch-size", "9", "--llm-url", llm.base_url]
        ended = run_ftm("run", "2023Q1", *options, LLM_API_KEY="key-of-the-test")
    assert ended.returncode == 1
    *log, last_line = ended.stderr.splitlines()
    assert last_line.startswith("ftm: 2023Q1 failed: ")
    assert "18 of 18 firms failed" in last_line
    assert f"{out}/progress/2023Q1/*.json" in last_line
    assert any("the end of its log" in line for line in log)
    assert any("it answers 403" in line for line in log)
    assert "Traceback" not in ended.stderr
    assert {json.loads(path.read_text())["status"] for path in out.glob("progress/2023Q1/2023Q1_batch_*.json")} == {
        "failed"
    }
    # The key reaches the jobs, and nothing that anybody may read.
    assert {request.headers["Authorization"] for request in llm.requests} == {"Bearer key-of-the-test"}
    assert "key-of-the-test" not in ended.stdout + ended.stderr


def test_with_a_failed_batch_the_report_has_the_others(tmp_path: Path) -> None:
    report = tmp_path / keys.report("2023Q1")
    report.parent.mkdir(parents=True)
    report.write_text("an earlier run")
    with no_process_left_behind(), fake_llm(fails(401), NAME) as llm:
        options = ["--input", transcripts("2023Q1"), "--out", tmp_path, "--batch-size", "9", "--llm-url", llm.base_url]
        # Few topics, because each is asked for nine times, until it is clear that this name fits none.
        ended = run_ftm("run", "2023Q1", *options, MAX_TOPICS="4")
    assert ended.returncode == 1
    assert "1 batches failed, 1 succeeded" in ended.stderr.splitlines()[-1]
    firms = pq.read_table(tmp_path / keys.firms("2023Q1"))["firm_name"].to_pylist()
    assert len(firms) == 9
    assert firms_on(report) == set(firms)


def firms_on(report: Path) -> set[str]:
    """The firms in the page's data, where an "&" in a name is escaped."""
    data = re.search('<script type="application/json" id="report-data">(.*?)</script>', report.read_text(), re.DOTALL)
    assert data
    return {firm["name"] for firm in json.loads(data[1])["firms"]}


def test_an_unreachable_llm_server_stops_the_run_at_once(tmp_path: Path) -> None:
    with no_process_left_behind(), fake_llm(failure=fails(401)) as llm:
        options = ["--input", transcripts("2023Q1"), "--out", tmp_path / "out", "--llm-url", llm.base_url]
        ended = run_ftm("run", "2023Q1", *options)
    assert ended.returncode == 1
    assert "it answers 401" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_quarter_of_empty_calls_is_refused_without_traces(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text('company,date,text\nAcme,2023-02-01,"  "\n')
    with no_process_left_behind(), fake_llm(NAME) as llm:
        options = ["--input", tmp_path / "calls.csv", "--out", tmp_path / "out", "--llm-url", llm.base_url]
        ended = run_ftm("run", "2023Q1", *options)
    assert ended.returncode == 2
    assert "ftm: no call of 2023Q1 has " in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
