"""``ftm explain`` on a sample quarter: what a reader sees of a theme, of a family, and of one firm."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys
from tests.e2e.conftest import QUARTERS, QuartersWithoutLlm
from tests.e2e.ftm_process import run_ftm

QUARTER = QUARTERS[0]


@pytest.mark.parametrize("level", ["family", "theme"])
def test_a_name_is_enough_to_see_the_sentences(quarters_without_llm: QuartersWithoutLlm, level: str) -> None:
    folder = quarters_without_llm.folder
    rows = pq.read_table(folder / keys.themes(QUARTER), partitioning=None).to_pylist()
    names = [row["name"].casefold() for row in rows]
    first = next(row for row in rows if row["level"] == level and names.count(row["name"].casefold()) == 1)

    ended = run_ftm("explain", first["name"].upper(), "--quarter", QUARTER, "--dir", folder, COLUMNS="100")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"{first['name']}\n")
    assert first["theme_id"] in ended.stdout
    assert all(phrase["phrase"] in ended.stdout for phrase in first["dictionary"][:3])
    assert any(sentence_id in ended.stdout for sentence_id in first["evidence_sentence_ids"])
    assert max(map(len, ended.stdout.partition("All sentences that count")[0].splitlines())) <= 100


def test_the_command_it_ends_with_shows_one_firm(quarters_without_llm: QuartersWithoutLlm) -> None:
    folder = quarters_without_llm.folder
    ended = run_ftm("explain", f"theme_{QUARTER}_001", "--dir", folder)
    [line] = [line for line in ended.stdout.splitlines() if line.startswith("Next, one firm: ftm ")]

    of_firm = run_ftm(*line.removeprefix("Next, one firm: ftm ").split())

    assert of_firm.returncode == 0, of_firm.stderr
    assert "call by call" in of_firm.stdout
    assert "Next, its family: ftm explain family_" in of_firm.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "no such theme", "--quarter", QUARTER], f"ftm: {QUARTER} has no theme or family 'no such theme'"),
        (["explain", "1"], f"has {', '.join(QUARTERS)}: name one with --quarter"),
        (["explain", f"theme_{QUARTER}_001", "--firm", "nobody"], f"ftm: {QUARTER} has no firm 'nobody'"),
    ],
)
def test_what_is_not_there_is_one_line(
    quarters_without_llm: QuartersWithoutLlm, arguments: list[str], message: str
) -> None:
    ended = run_ftm(*arguments, "--dir", quarters_without_llm.folder)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
