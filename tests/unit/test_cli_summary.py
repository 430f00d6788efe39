from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cloud.src.cli.summary import Outcome, show_outcome, stale_image
from tests.unit.report_tables import QUARTER, write_small_quarter

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
    show_outcome(outcome, Console(file=output, width=140))
    return output.getvalue().splitlines()


def test_the_end_of_a_run_says_what_it_made_of_what_and_where(tmp_path: Path) -> None:
    lines = shown(write_small_quarter(tmp_path), {})
    assert "3 firms (1 skipped, 2 failed), 3 calls, 17 sentences (35% without a topic), 5 topics, 2 themes" in lines
    assert "LLM: free" in lines
    assert lines[-1] == f"Report: {tmp_path / 'index.html'}"


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
def test_nothing_is_said_of_an_image_that_is_not_known_to_be_stale(tmp_path: Path, counts: dict[str, Any]) -> None:
    assert not [line for line in shown(write_small_quarter(tmp_path), counts) if "image" in line]
