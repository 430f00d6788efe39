"""The last lines of a run: what it made of what, who made the names, and whether its image was the deployed one."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cloud.src.cli.report import data as report_data
from cloud.src.cli.report.contents import ReportData
from cloud.src.cli.run.next_steps import next_steps
from cloud.src.cli.run.summary import Outcome, as_json_object, naming_lines, show_outcome, stale_image
from cloud.src.contract import keys, schemas
from tests.fast.cli.report_tables import QUARTER, FakeTopic, write_quarter, write_small_quarter

STALE = {"commits": ["aaaaaaa"], "deployed_commits": ["bbbbbbb"], "stale_image": True}


def shown(folder: Path, counts: dict[str, Any]) -> list[str]:
    """The lines at the end of a run of which SummarizeResults has counted this."""
    outcome = Outcome(
        QUARTER,
        folder,
        folder / "index.html",
        "LLM: free",
        firms_skipped=1,
        firms_failed=2,
        stale_image=stale_image(counts),
    )
    output = io.StringIO()
    show_outcome(outcome, next_steps(folder, QUARTER), Console(file=output, width=140))
    return output.getvalue().splitlines()


def test_the_end_of_a_run_says_what_it_made(tmp_path: Path) -> None:
    lines = shown(write_small_quarter(tmp_path), {})
    assert (
        "3 firms (1 skipped, 2 failed), 3 calls, 17 sentences (35% without a topic), 5 topics, 2 themes in 2 families"
        in lines
    )
    assert "LLM: free" in lines
    assert f"Report: {tmp_path / 'index.html'}" in lines
    assert lines[-3:] == [
        "Next:",
        f"  read the report            ftm report {tmp_path} --quarter {QUARTER} --open",
        f"  why a theme is what it is  ftm explain 1 --quarter {QUARTER} --dir {tmp_path}",
    ]


def test_two_quarters_in_a_folder_can_be_compared(tmp_path: Path) -> None:
    for each in ("2022Q4", QUARTER):
        write_small_quarter(tmp_path, each)

    for each in ("2022Q4", QUARTER):
        assert next_steps(tmp_path, each)[-1].endswith(f"ftm themes --quarters 2022Q4 {QUARTER} --dir {tmp_path}")


def test_the_demo_suggests_the_next_quarter_and_own_transcripts(tmp_path: Path) -> None:
    steps = next_steps(write_small_quarter(tmp_path), QUARTER, is_demo=True)

    assert steps[-2].endswith(f"ftm demo --quarter 2023Q2 --out {tmp_path}")
    assert steps[-1].endswith("ftm run 2020Q2 --input FILE_OR_FOLDER")


def test_the_json_outcome_has_counts_and_all_paths(tmp_path: Path) -> None:
    outcome = Outcome(QUARTER, write_small_quarter(tmp_path), tmp_path / "index.html", "", 1, 2, [("map", 1.26)])

    found = json.loads(json.dumps(as_json_object(outcome)))

    assert found["counts"] | {"firms": 3, "firms_skipped": 1, "firms_failed": 2, "themes": 2} == found["counts"]
    assert str(tmp_path / keys.themes(QUARTER)) in found["tables"]
    assert found["seconds"] == {"map": 1.3}


def test_families_come_with_themes_and_general_ones_last(tmp_path: Path) -> None:
    folder = write_small_quarter(tmp_path)
    path = folder / keys.themes(QUARTER)
    rows = pq.read_table(path, partitioning=None).to_pylist()
    next(row for row in rows if row["name"] == "Labor").update(general=True)
    pq.write_table(pa.Table.from_pylist(rows, schemas.THEME), path)

    table, _, below = "\n".join(shown(folder, {})).partition("Time")

    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if line.startswith("│")]
    assert cells[:2] == [
        ["1", "Supply chain", "2", "67%", "0.50", ""],
        ["", "Freight costs ease", "2", "67%", "0.75", "Container rates fell by half since summer."],
    ]
    assert "Wages and hiring" not in table
    assert "General, said on every call or without a common word: Labor" in table
    assert f"ftm explain 1 --quarter {QUARTER} --dir {folder}" in below


def test_a_stale_image_is_told_in_one_line(tmp_path: Path) -> None:
    lines = shown(write_small_quarter(tmp_path), STALE)
    line = "Stale image: the jobs ran commit aaaaaaa, but bbbbbbb was deployed; build the image again and deploy it"
    assert lines.count(line) == 1


@pytest.mark.parametrize(
    "counts",
    [
        {},  # of functions that are older than this command
        {**STALE, "stale_image": False},
        {"commits": ["unknown"], "deployed_commits": ["aaaaaaa"], "stale_image": False},
    ],
)
def test_only_what_is_known_to_be_stale_is_mentioned(tmp_path: Path, counts: dict[str, Any]) -> None:
    assert not [line for line in shown(write_small_quarter(tmp_path), counts) if "image" in line]


BY = "named by keywords: "


def quarter(tmp_path: Path, *methods: str) -> ReportData:
    topics = [
        FakeTopic("Northfield Foods", number, f"Topic {number}", ["One sentence."] * 2, naming_method=method)
        for number, method in enumerate(methods)
    ]
    write_quarter(tmp_path, topics, theme_names={})
    return report_data.load(tmp_path, QUARTER)


@pytest.mark.parametrize(
    ("naming", "methods", "lines"),
    [
        ({}, ["keywords", "keywords"], []),
        ({"answers": 2}, ["llm", "llm"], ["named by the LLM: 2 of 2 topics, 0 of 0 families, 0 of 0 themes"]),
        (
            {"answers": 3, f"{BY}off topic": 1, f"{BY}cut off": 1},
            ["llm", "keywords", "keywords"],
            [
                "named by the LLM: 1 of 3 topics, 0 of 0 families, 0 of 0 themes",
                "topics named by keywords in this run: 1 cut off, 1 off topic",
            ],
        ),
        (
            {f"{BY}outage": 1},
            ["keywords"],
            [
                "named by the LLM: 0 of 1 topics, 0 of 0 families, 0 of 0 themes",
                "topics named by keywords in this run: 1 outage",
                "the LLM was unavailable for too long: run the same command again to name these topics",
            ],
        ),
    ],
)
def test_who_made_the_names(tmp_path: Path, naming: Mapping[str, int], methods: list[str], lines: list[str]) -> None:
    assert naming_lines(naming, {}, quarter(tmp_path, *methods)) == lines


def test_themes_that_an_outage_has_cost_their_names(tmp_path: Path) -> None:
    lines = naming_lines({"answers": 1}, {f"{BY}outage": 2, "named by llm": 3}, quarter(tmp_path, "llm"))

    assert lines[1:] == [
        "themes named by keywords in this run: 2 outage",
        "the LLM was unavailable for too long: run the same command again to name these themes",
    ]
