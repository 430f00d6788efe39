"""``ftm panel`` on the two sample quarters: what it prints and writes, and that analysts' tools read and merge it."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys
from tests.e2e.conftest import QUARTERS, QuartersWithoutLlm
from tests.e2e.ftm_process import run_ftm

EARLIER, LATER = QUARTERS
LONGEST_NAME, LONGEST_LABEL = 32, 80  # Stata's


@pytest.fixture(scope="module")
def panel(quarters_without_llm: QuartersWithoutLlm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The panel of both quarters with the earlier one's themes, in all formats."""
    out = tmp_path_factory.mktemp("panels") / "spring"
    asked = ["panel", EARLIER, LATER, "--dir", quarters_without_llm.folder, "--out", out, "--themes-from", EARLIER]
    for kind in ("csv", "dta"):
        ended = run_ftm(*asked, "--format", kind)
        assert ended.returncode == 0, ended.stderr
        assert f"Also as {kind}: {out / f'grid.{kind}'}" in ended.stdout
        shutil.copy(out / f"grid.{kind}", out.parent)
    assert not (out / "grid.csv").exists(), "of the panel before: it may be another one's"
    assert "36 calls" in ended.stdout
    assert "Next, what is new: ftm themes --quarters" in ended.stdout
    assert "6 of 6 parts" in ended.stderr
    return out


@pytest.fixture(scope="module")
def grid(panel: Path) -> pd.DataFrame:
    return pq.read_table(panel / keys.panel_table("grid")).to_pandas()


def test_stata_reads_the_same_numbers_dates_and_labels(panel: Path, grid: pd.DataFrame) -> None:
    with pd.io.stata.StataReader(panel / "grid.dta") as reader:
        labels = reader.variable_labels()
        found = reader.read()
    assert list(found.columns) == list(grid.columns)
    assert max(map(len, found.columns)) <= LONGEST_NAME
    assert all(label and len(label) <= LONGEST_LABEL for label in labels.values())
    for name in ("exposure", "n_sentences", "momentum"):
        pd.testing.assert_series_equal(found[name], grid[name], check_dtype=False)
    pd.testing.assert_series_equal(found.permno.astype("Int64"), grid.permno)
    assert (found.earnings_call_date.dt.date == grid.earnings_call_date).all()
    assert (found.gvkey == grid.gvkey.fillna("")).all()


def test_csv_has_the_same_rows(panel: Path, grid: pd.DataFrame) -> None:
    found = pd.read_csv(panel.parent / "grid.csv", dtype={"gvkey": str})
    assert len(found) == len(grid)
    pd.testing.assert_series_equal(found.exposure, grid.exposure)
    assert found.gvkey.dropna().str.len().eq(6).all()


def test_it_merges_with_daily_returns(panel: Path, grid: pd.DataFrame) -> None:
    calls = grid.drop_duplicates("call_id").dropna(subset="permno")
    returns = pd.DataFrame(
        {"permno": calls.permno.astype("int64"), "date": pd.to_datetime(calls.first_trading_day), "ret": 0.01}
    )
    left = grid.assign(date=pd.to_datetime(grid.first_trading_day))
    merged = left.merge(returns.drop_duplicates(), on=["permno", "date"], how="left")
    assert merged.ret.notna().sum() == grid.permno.notna().sum()

    [(in_duckdb,)] = duckdb.connect().execute(f"""
        SELECT count(*) FROM '{panel}/grid/*.parquet' AS g JOIN returns AS r
        ON g.permno = r.permno AND g.first_trading_day = r.date::date
    """).fetchall()
    assert in_duckdb == grid.permno.notna().sum()


def test_words_of_the_users_own_are_counted(quarters_without_llm: QuartersWithoutLlm, tmp_path: Path) -> None:
    words, out = tmp_path / "words.csv", tmp_path / "tone"
    words.write_text("word,category\nthe,article\nnever said at all,rare\n", encoding="utf-8")
    asked = ["panel", EARLIER, "--dir", quarters_without_llm.folder, "--themes-from", EARLIER, "--words", words]
    ended = run_ftm(*asked, "--out", out)

    assert ended.returncode == 0, ended.stderr
    assert f"Words by category: {out / keys.panel_table('words')}" in ended.stdout
    found = pd.read_parquet(out / keys.panel_table("words"))
    counted = found.groupby("category").n_sentences_of_category.sum()
    assert counted["article"] > counted["rare"] == 0
    assert (found.n_sentences_of_category <= found.n_sentences).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["2022Q4", LATER], "ftm: 2022Q4 has no themes yet"),
        (["soon"], "ftm: 'soon' is not a quarter"),
        ([LATER, "--themes-from", EARLIER, "--joint"], "ftm: --joint and --themes-from cannot be combined"),
        ([LATER, "--out", "a b"], "ftm: panel 'a b' is not a name"),
        ([LATER, "--words", "no.csv"], "ftm: cannot read no.csv: No such file or directory"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    quarters_without_llm: QuartersWithoutLlm, arguments: list[str], message: str
) -> None:
    ended = run_ftm("panel", *arguments, "--dir", quarters_without_llm.folder)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert message in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("ftm: ")
