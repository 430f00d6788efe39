"""``ftm audit`` on a sample quarter: its sheets hide what counts, and judged by the key they come to 100 % and 0 %."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cloud.src.cli.audit.draw import COUNTS, NEAR_MISS, OTHER, SIZES
from cloud.src.cli.audit.judged import ANSWER, KEY
from cloud.src.contract import keys
from tests.e2e.conftest import QUARTERS, QuartersWithoutLlm
from tests.e2e.ftm_process import run_ftm

QUARTER, N_THEMES = QUARTERS[0], 3


@pytest.fixture(scope="module")
def sheets(quarters_without_llm: QuartersWithoutLlm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("audit") / "sheets"
    asked = ["audit", "--dir", quarters_without_llm.folder, "--quarter", QUARTER, "--themes", N_THEMES]
    for folder in (out, out.with_name("again")):
        ended = run_ftm(*map(str, asked), "--out", folder)
        assert ended.returncode == 0, ended.stderr
    for path in out.iterdir():
        assert path.read_bytes() == (out.with_name("again") / path.name).read_bytes()
    return out


def rows_of(sheet: Path) -> list[dict[str, str]]:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_sheet_has_what_counts_and_what_does_not_shuffled(
    quarters_without_llm: QuartersWithoutLlm, sheets: Path
) -> None:
    evidence = pq.read_table(quarters_without_llm.folder / keys.evidence_prefix(QUARTER), partitioning=None).to_pylist()
    key = json.loads((sheets / KEY).read_text())
    assert sorted(key) == [f"theme_{QUARTER}_{number:03d}" for number in range(1, N_THEMES + 1)]
    for theme_id, strata in key.items():
        counting = {row["sentence_id"] for row in evidence if row["theme_id"] == theme_id}
        rows = rows_of(sheets / f"{theme_id}.csv")
        assert {row["sentence_id"]: row["sentence_id"] in counting for row in rows} == {
            sentence_id: stratum == COUNTS for sentence_id, stratum in strata.items()
        }
        sizes = Counter(strata.values())
        assert sizes[COUNTS] == min(SIZES[COUNTS], len(counting))
        assert sizes[OTHER] == SIZES[OTHER]
        assert all(row["sentence"] and row["firm"] and not row[ANSWER] for row in rows)
        in_order = [strata[row["sentence_id"]] for row in rows]
        assert in_order != sorted(in_order)


def test_judged_by_the_key(sheets: Path, tmp_path: Path) -> None:
    key = json.loads((sheets / KEY).read_text())
    (tmp_path / KEY).write_bytes((sheets / KEY).read_bytes())
    for sheet in sheets.glob("*.csv"):
        rows = rows_of(sheet)
        with (tmp_path / sheet.name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for row in rows:
                writer.writerow(row | {ANSWER: "y" if key[row["theme_id"]][row["sentence_id"]] == COUNTS else "n"})

    ended = run_ftm("audit", "--judged", tmp_path)

    assert ended.returncode == 0, ended.stderr
    [pooled] = [line for line in ended.stdout.splitlines() if line.startswith("│ all")]
    n_counts, n_near, n_others = (
        sum(list(strata.values()).count(stratum) for strata in key.values()) for stratum in (COUNTS, NEAR_MISS, OTHER)
    )
    assert f"{n_counts} of {n_counts}" in pooled
    assert f"0 of {n_others}" in pooled
    assert (f"0 of {n_near}" in pooled) == bool(n_near)


def test_answers_are_not_overwritten(quarters_without_llm: QuartersWithoutLlm, sheets: Path) -> None:
    ended = run_ftm("audit", "--dir", quarters_without_llm.folder, "--quarter", QUARTER, "--out", sheets)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "already exists" in ended.stderr
    assert ended.stderr.count("\n") == 1
