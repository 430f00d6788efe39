"""What judged sheets come to: Wilson's intervals, pooling, and answers that cannot be read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cloud.src.cli.__main__ import run
from cloud.src.cli.audit.command import HEADER
from cloud.src.cli.audit.draw import COUNTS, NEAR_MISS, OTHER
from cloud.src.cli.audit.judged import KEY, Judged, pooled, read_judged, wilson
from cloud.src.contract.errors import InvalidInput

STRATA = {"a": COUNTS, "b": COUNTS, "c": NEAR_MISS, "d": OTHER}


@pytest.mark.parametrize(
    ("n_about", "n", "low", "high"),
    # Made with statsmodels 0.14: proportion_confint(n_about, n, method="wilson").
    [(8, 10, 0.4902, 0.9433), (0, 25, 0.0, 0.1332), (25, 25, 0.8668, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson(n_about: int, n: int, low: float, high: float) -> None:
    assert wilson(n_about, n) == pytest.approx((low, high), abs=1e-4)


def write(folder: Path, theme_id: str, answers: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    key_file = folder / KEY
    key = json.loads(key_file.read_text()) if key_file.exists() else {}
    key_file.write_text(json.dumps(key | {theme_id: STRATA}))
    sheet = folder / f"{theme_id}.csv"
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(
            [theme_id, *[""] * 2, sentence_id, *[""] * 5, answer] for sentence_id, answer in answers.items()
        )
    return sheet


def test_answers_are_counted_by_stratum_and_pooled(tmp_path: Path) -> None:
    write(tmp_path, "theme_2023Q1_001", {"a": "y", "b": "N", "c": "yes", "d": ""})
    write(tmp_path, "theme_2023Q1_002", {"a": " Y ", "b": "1", "c": "0", "d": "n"})

    found = read_judged(tmp_path)

    assert found["theme_2023Q1_001"] == {COUNTS: Judged(2, 1), NEAR_MISS: Judged(1, 1)}
    assert pooled(found.values()) == {COUNTS: Judged(4, 3), NEAR_MISS: Judged(2, 1), OTHER: Judged(1, 0)}
    assert read_judged(tmp_path / "theme_2023Q1_002.csv")["theme_2023Q1_002"][COUNTS] == Judged(2, 2)


def test_the_command_shows_all_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "theme_2023Q1_001", {"a": "y", "b": "n", "c": "n", "d": "n"})

    assert run(["audit", "--judged", str(tmp_path)]) == 0

    rows = [line for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert [row.split("│")[1].strip() for row in rows] == ["all", "theme_2023Q1_001"]
    assert "50% (9% to 91%), 1 of 2" in rows[0]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"a": "perhaps"}, "line 2: 'perhaps' is neither y nor n"),
        ({"z": "y"}, "is not in"),
        ({"a": ""}, "no answers yet"),
    ],
)
def test_what_cannot_be_counted(tmp_path: Path, answers: dict[str, str], message: str) -> None:
    sheet = write(tmp_path, "theme_2023Q1_001", answers)
    with pytest.raises(InvalidInput, match=message):
        read_judged(sheet)


def test_no_sheet_and_no_key(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no sheet"):
        read_judged(tmp_path)
    sheet = write(tmp_path, "theme_2023Q1_001", {"a": "y"})
    (tmp_path / KEY).unlink()
    with pytest.raises(InvalidInput, match=r"key\.json is missing"):
        read_judged(sheet)
    write(tmp_path, "theme_2023Q1_001", {"a": "y"}).write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="is not a sheet of ftm audit"):
        read_judged(sheet)


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), (",", "cp1252"), ("\t", "utf-8")])
def test_sheets_as_spreadsheet_programs_save_them(separator: str, encoding: str, tmp_path: Path) -> None:
    sheet = write(tmp_path, "theme_2023Q1_001", {"a": "y", "b": "n"})
    text = sheet.read_text(encoding="utf-8-sig").replace(",", separator)
    sheet.write_text(text.replace(f"a{separator}", f"a{separator}\u201cSteel\u201d", 1), encoding=encoding)
    assert sum(judged.n for judged in read_judged(sheet)["theme_2023Q1_001"].values()) == 2


def test_a_damaged_key(tmp_path: Path) -> None:
    sheet = write(tmp_path, "theme_2023Q1_001", {"a": "y"})
    (tmp_path / KEY).write_text("{")
    with pytest.raises(InvalidInput, match="is damaged"):
        read_judged(sheet)
