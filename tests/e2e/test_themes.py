"""``ftm themes`` on the two sample quarters: what is new in the second one is found, and what has faded is gone."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cloud.src.cli.quarters.tables import CHANGE
from cloud.src.cli.samples import FOLDER as SAMPLES
from cloud.src.contract import keys
from tests.e2e.conftest import QUARTERS, QuartersWithoutLlm
from tests.e2e.ftm_process import run_ftm

EARLIER, LATER = QUARTERS
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((SAMPLES / "themes.json").read_text())


@dataclass
class Compared:
    """Both sample quarters in one output folder, and what ``ftm themes`` made of them."""

    folder: Path
    ended: subprocess.CompletedProcess[str]
    rows: list[dict[str, Any]]

    def row_of(self, expected: str, quarter: str) -> dict[str, Any]:
        """The row of the theme whose firms in a quarter are most like those of a theme of the samples."""
        firms = next(set(theme["firms"]) for theme in EXPECTED[quarter] if theme["theme"] == expected)
        firms_of_theme: dict[str, set[str]] = {}
        panel = self.folder / "panels" / f"{EARLIER}-{LATER}" / keys.panel_table("exposures")
        for row in pq.read_table(panel, filters=[("level", "=", "theme"), ("quarter", "=", quarter)]).to_pylist():
            firms_of_theme.setdefault(row["theme_id"], set()).add(row["firm_id"])
        likeness = {name: len(those & firms) / len(those | firms) for name, those in firms_of_theme.items()}
        best = max(likeness, key=lambda name: likeness[name])
        return next(row for row in self.rows if row["theme_id"] == best)


@pytest.fixture(scope="module")
def compared(quarters_without_llm: QuartersWithoutLlm) -> Compared:
    folder = quarters_without_llm.folder
    ended = run_ftm("themes", "--quarters", EARLIER, LATER, "--dir", folder)
    assert ended.returncode == 0, ended.stderr
    rows = pq.read_table(folder / "reports" / f"themes_{EARLIER}_{LATER}.parquet").to_pylist()
    return Compared(folder, ended, rows)


NEW = ("Generative AI adoption", "Regional-bank stress and tighter credit")


@pytest.mark.parametrize("theme", NEW)
def test_what_came_up_is_new(compared: Compared, theme: str) -> None:
    assert compared.row_of(theme, LATER)["status"] == "new"


def test_nothing_else_is_new(compared: Compared) -> None:
    new = {row["theme_id"] for row in compared.rows if row["level"] == "theme" and row["status"] == "new"}
    assert new == {compared.row_of(theme, LATER)["theme_id"] for theme in NEW}


def test_what_nobody_speaks_of_any_more_is_gone(compared: Compared) -> None:
    assert compared.row_of("Energy costs in Europe", EARLIER)["status"] == "gone"


@pytest.mark.parametrize(
    "theme", ["Freight and supply-chain normalisation", "Customer inventory destocking", "Foreign-exchange headwinds"]
)
def test_what_stays_is_the_same_theme_in_both(compared: Compared, theme: str) -> None:
    row = compared.row_of(theme, LATER)

    assert row == compared.row_of(theme, EARLIER)
    assert row["status"] == "steady"


def test_every_family_and_theme_is_there_once(compared: Compared) -> None:
    panel = compared.folder / "panels" / f"{EARLIER}-{LATER}"
    themes = pq.read_table(panel / keys.panel_table("themes"), columns=["theme_id"])["theme_id"]
    assert {row["theme_id"] for row in compared.rows} == set(themes.to_pylist())
    assert len(compared.rows) == len(themes)
    table = pq.read_schema(compared.folder / "reports" / f"themes_{EARLIER}_{LATER}.parquet")
    assert table.equals(CHANGE)


def test_it_ends_with_the_page_and_a_working_command(compared: Compared) -> None:
    page = compared.folder / "reports" / f"themes_{EARLIER}_{LATER}.html"
    shown = compared.ended.stdout
    assert f"Families from {EARLIER} to {LATER}" in shown
    assert f"Page: {page}" in shown
    assert all(f'id="{row["theme_id"]}"' in page.read_text() for row in compared.rows)
    again = run_ftm("themes", EARLIER, LATER, "--dir", compared.folder)
    assert (again.returncode, again.stdout, again.stderr) == (0, shown, "")  # the panel is not made again
    command = shown.splitlines()[-1].removeprefix("Next, every call with every family: ftm ")
    assert run_ftm(*command.split(), "--quiet").returncode == 0


def test_a_quarter_that_is_not_there(compared: Compared) -> None:
    ended = run_ftm("themes", "--quarters", "2022Q4", LATER, "--dir", compared.folder)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("ftm: no output folder has 2022Q4")
    assert ended.stderr.count("\n") == 1


def test_one_quarter_only(compared: Compared) -> None:
    ended = run_ftm("themes", "--dir", compared.folder, "--quarters", LATER)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--quarters" in ended.stderr
    assert ended.stderr.count("\n") == 1
