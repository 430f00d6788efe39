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
        """The row of the theme whose firms are most like those of a theme of the samples."""
        firms = next(set(theme["firms"]) for theme in EXPECTED[quarter] if theme["theme"] == expected)
        firms_of_theme: dict[str, set[str]] = {}
        for row in pq.read_table(
            self.folder / keys.exposures(quarter), partitioning=None, filters=[("level", "=", "theme")]
        ).to_pylist():
            firms_of_theme.setdefault(row["theme_id"], set()).add(row["firm_id"])
        likeness = {name: len(those & firms) / len(those | firms) for name, those in firms_of_theme.items()}
        column = "theme_id_earlier" if quarter == EARLIER else "theme_id_later"
        return next(row for row in self.rows if row[column] == max(likeness, key=lambda name: likeness[name]))


@pytest.fixture(scope="module")
def compared(quarters_without_llm: QuartersWithoutLlm) -> Compared:
    folder = quarters_without_llm.folder
    ended = run_ftm("themes", "--quarters", EARLIER, LATER, "--dir", folder)
    assert ended.returncode == 0, ended.stderr
    rows = pq.read_table(folder / "reports" / f"themes_{EARLIER}_{LATER}.parquet").to_pylist()
    return Compared(folder, ended, rows)


@pytest.mark.parametrize("theme", ["Generative AI adoption", "Regional-bank stress and tighter credit"])
def test_what_came_up_is_new(compared: Compared, theme: str) -> None:
    assert compared.row_of(theme, LATER)["status"] == "new"


@pytest.mark.parametrize("theme", ["Energy costs in Europe", "Higher interest rates and refinancing"])
def test_what_nobody_speaks_of_any_more_is_gone(compared: Compared, theme: str) -> None:
    assert compared.row_of(theme, EARLIER)["status"] == "gone"


@pytest.mark.parametrize(
    "theme", ["Freight and supply-chain normalisation", "Customer inventory destocking", "Foreign-exchange headwinds"]
)
def test_what_stays_is_the_same_theme_in_both(compared: Compared, theme: str) -> None:
    row = compared.row_of(theme, LATER)

    assert row == compared.row_of(theme, EARLIER)
    assert row["status"] == "steady"


def test_every_family_and_theme_is_there_once(compared: Compared) -> None:
    for quarter, column in ((EARLIER, "theme_id_earlier"), (LATER, "theme_id_later")):
        themes = pq.read_table(compared.folder / keys.themes(quarter), partitioning=None).column("theme_id")
        assert sorted(row[column] for row in compared.rows if row[column]) == themes.sort().to_pylist()
    table = pq.read_schema(compared.folder / "reports" / f"themes_{EARLIER}_{LATER}.parquet")
    assert table.equals(CHANGE)


def test_it_shows_both_quarters_and_where_the_page_is(compared: Compared) -> None:
    page = compared.folder / "reports" / f"themes_{EARLIER}_{LATER}.html"
    shown = compared.ended.stdout
    assert f"The first families of {EARLIER} and {LATER}" in shown
    assert f"Page: {page}" in shown
    assert all(f'id="{row["theme_id_later"] or row["theme_id_earlier"]}"' in page.read_text() for row in compared.rows)


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
