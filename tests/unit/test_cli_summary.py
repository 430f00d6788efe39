"""The last lines of a run: who made the names, and why some are not by the LLM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cloud.src.cli import report_data
from cloud.src.cli.summary import naming_lines
from tests.unit.report_tables import QUARTER, FakeTopic, write_quarter

BY = "named by keywords: "


def quarter(tmp_path: Path, *methods: str) -> report_data.ReportData:
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
        ({"answers": 2}, ["llm", "llm"], ["named by the LLM: 2 of 2 topics, 0 of 0 themes"]),
        (
            {"answers": 3, f"{BY}off topic": 1, f"{BY}cut off": 1},
            ["llm", "keywords", "keywords"],
            [
                "named by the LLM: 1 of 3 topics, 0 of 0 themes",
                "topics named by keywords in this run: 1 cut off, 1 off topic",
            ],
        ),
        (
            {f"{BY}outage": 1},
            ["keywords"],
            [
                "named by the LLM: 0 of 1 topics, 0 of 0 themes",
                "topics named by keywords in this run: 1 outage",
                "the LLM was away for too long: run the same command again to name these topics",
            ],
        ),
    ],
)
def test_who_made_the_names(tmp_path: Path, naming: Mapping[str, int], methods: list[str], lines: list[str]) -> None:
    assert naming_lines(naming, quarter(tmp_path, *methods)) == lines
