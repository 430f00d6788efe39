"""Themes of a panel from its first quarter to its last: what has become of them, and what ends in one line."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cloud.src.cli.__main__ import run
from cloud.src.cli.compare.side_by_side import side_by_side
from cloud.src.cli.quarters import tables as theme_tables
from cloud.src.cli.quarters.changes import FADING, GONE, GROWING, NEW, STEADY, Point, read_panel, status_of
from cloud.src.cli.quarters.page import ticks
from cloud.src.cli.quarters.quarter_themes import read_quarter
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from tests.fast.cli.panel_tables import QUARTERS, FakeTheme, write_panel
from tests.fast.cli.report_tables import FakeTopic, write_quarter

EARLIER, LATER = QUARTERS
N_FIRMS = 40
FIRMS = [f"Firm {number}" for number in range(N_FIRMS)]
NOBODY, SOME, MANY = [0] * N_FIRMS, [2] * 10 + [0] * 30, [4] * 20 + [0] * 20
ONE = [1] + [0] * 39
THEMES = [
    FakeTheme("AI", [NOBODY, SOME]),
    FakeTheme("Ports", [SOME, MANY]),
    FakeTheme("Margins", [MANY, MANY], general=True),
    FakeTheme("Freight", [SOME, SOME]),
    FakeTheme("Wages", [MANY, SOME]),
    FakeTheme("War", [SOME, ONE]),
    FakeTheme("Supply", [SOME, MANY], level="family"),
]


def test_each_theme_has_one_status(tmp_path: Path) -> None:
    view = read_panel(write_panel(tmp_path, THEMES, [FIRMS, FIRMS]))

    assert (view.quarters, view.n_firms) == ([EARLIER, LATER], [N_FIRMS, N_FIRMS])
    assert [(change.status, change.name) for change in view.changes["theme"]] == [
        (NEW, "AI"),
        (GROWING, "Ports"),
        (STEADY, "Freight"),
        (FADING, "Wages"),
        (GONE, "War"),
        (STEADY, "Margins"),
    ]
    assert [(change.status, change.name) for change in view.changes["family"]] == [(GROWING, "Supply")]
    [ports] = [change for change in view.changes["theme"] if change.name == "Ports"]
    assert ports.n_paired == N_FIRMS
    assert ports.p < ports.q < 0.05
    assert [point.share for point in ports.points] == [0.25, 0.5]


@pytest.mark.parametrize(
    ("n_firms", "before", "after", "q", "status"),
    [
        (1_000, 10, 30, 0.5, NEW),  # 1 % is nobody, 3 % is some
        (1_000, 11, 30, 0.5, STEADY),
        (1_000, 10, 29, 0.5, STEADY),
        (20, 1, 3, 0.5, NEW),  # one firm is nobody, three are some
        (20, 2, 3, 0.5, STEADY),
        (20, 1, 2, 0.5, STEADY),
        (20, 3, 1, 0.5, GONE),
        (20, 10, 12, 0.049, GROWING),
        (20, 10, 12, 0.05, STEADY),
    ],
)
def test_new_is_by_rule_and_growing_by_test(n_firms: int, before: int, after: int, q: float, status: str) -> None:
    first, last = (Point(n_firms, 1.0, n_firms, count) for count in (before, after))
    assert status_of(first, last, (n_firms, n_firms), 1.0, q) == status


@pytest.mark.parametrize(
    ("largest", "shown"),
    [
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.67, [0, 0.2, 0.4, 0.6]),
        (0.3, [0, 0.1, 0.2, 0.3]),
        (0.04, [0, 0.01, 0.02, 0.03, 0.04]),
        (0.005, [0]),
    ],
)
def test_an_axis_has_few_round_shares(largest: float, shown: list[float]) -> None:
    assert ticks(largest) == pytest.approx(shown)


def test_a_phrase_in_passing_is_not_a_subject(tmp_path: Path) -> None:
    banks = FakeTheme("Banks", [SOME, SOME], n_firms_near=[1, 8])
    gone = FakeTheme("Loans", [MANY, SOME], n_firms_near=[8, 0])

    changes = read_panel(write_panel(tmp_path, [banks, gone], [FIRMS, FIRMS])).changes["theme"]

    assert [(change.status, change.name) for change in changes] == [(NEW, "Banks"), (GONE, "Loans")]


def test_firms_are_compared_with_themselves_where_enough_called_twice(tmp_path: Path) -> None:
    others = [f"Other {number}" for number in range(N_FIRMS)]
    paired = read_panel(write_panel(tmp_path / "a", THEMES, [FIRMS, FIRMS[:6] + others[6:]]))
    unpaired = read_panel(write_panel(tmp_path / "b", THEMES, [FIRMS, FIRMS[:5] + others[5:]]))

    assert {change.n_paired for change in paired.changes["theme"]} == {6}
    assert {change.n_paired for change in unpaired.changes["theme"]} == {0}


def test_three_quarters_are_shown_and_the_first_and_last_compared(tmp_path: Path) -> None:
    folder = write_panel(
        tmp_path,
        [FakeTheme("AI", [NOBODY, MANY, SOME])],
        [FIRMS] * 3,
        quarters=[*QUARTERS, "2023Q2"],
    )
    [change] = read_panel(folder).changes["theme"]
    assert change.status == NEW
    assert [point.n_firms for point in change.points] == [0, 20, 10]


def run_folder(folder: Path, *quarters: str) -> Path:
    for quarter in quarters:
        topics = [FakeTopic(firm, 0, "Freight", ["A sentence."], f"theme_{quarter}_001") for firm in "AB"]
        write_quarter(folder, topics, {f"theme_{quarter}_001": "Freight"}, quarter)
        progress = folder / keys.themes_progress(quarter)
        progress.parent.mkdir(parents=True)
        progress.write_text(f'{{"manifest_key": "of {quarter}"}}')
    return folder


def test_command_writes_page_and_table_beside_the_last_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The panel is there already, of the same runs: it is not made again."""
    first, second = run_folder(tmp_path / "a", EARLIER), run_folder(tmp_path / "b", LATER)
    themes = [*THEMES, FakeTheme("[red]Freight[/red]", [NOBODY, MANY])]
    inputs = {quarter: f"of {quarter}" for quarter in QUARTERS}
    write_panel(second / "panels" / f"{EARLIER}-{LATER}", themes, [FIRMS, FIRMS], inputs)

    assert run(["themes", "--quarters", EARLIER, LATER, "--dir", str(first), "--dir", str(second)]) == 0

    shown = capsys.readouterr().out
    assert "[red]Freight[/red]" in shown
    assert "1 family: 0 new, 1 growing, 0 steady, 0 fading, 0 gone, 0 general" in shown
    assert "7 themes: 2 new, 1 growing, 1 steady, 1 fading, 1 gone, 1 general" in shown
    stem = f"themes_{EARLIER}_{LATER}"
    page = (second / "reports" / f"{stem}.html").read_text(encoding="utf-8")
    of_themes = page[page.index('id="themes"') :]
    assert re.findall(r"<dt>(\w+)</dt><dd>(\d+)</dd>", of_themes) == [
        *(("new", "2"), ("growing", "1"), ("steady", "1"), ("fading", "1"), ("gone", "1")),
    ]
    assert sorted(path.name for path in (second / "reports").iterdir()) == [
        "index.html",
        f"{stem}.html",
        f"{stem}.parquet",
    ]
    table = pq.read_table(second / "reports" / f"{stem}.parquet")
    assert table.schema.equals(theme_tables.CHANGE)
    [ports] = [row for row in table.to_pylist() if row["name"] == "Ports"]
    assert (ports["level"], ports["status"], ports["n_firms_earlier"], ports["n_firms_later"]) == (
        "theme",
        GROWING,
        10,
        20,
    )

    assert run(["themes", "--quarters", EARLIER, LATER, "--dir", str(first), "--dir", str(second), "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["quarters"] == [EARLIER, LATER]
    assert Path(found["table"]).is_file()
    assert len(found["families"]) == 1
    assert len(found["themes"]) == 7
    [ports] = [theme for theme in found["themes"] if theme["name"] == "Ports"]
    assert (ports["status"], [point["n_firms"] for point in ports["points"]]) == (GROWING, [10, 20])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quarters", EARLIER], "give two or more quarters"),
        (["--quarters", EARLIER, EARLIER], "give two or more quarters"),
        (["--quarters", LATER, EARLIER], "earliest first"),
        (["--quarters", "2023", LATER], "'2023' is not a quarter"),
        (["--quarters", "2021Q1", LATER], "no output folder has 2021Q1"),
        (["--quarters", EARLIER, LATER, "--dir", "OTHER"], f"{EARLIER} is in "),
        (["--quarters", EARLIER, LATER, "--dir", "NOWHERE"], "is not a folder"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    folder = run_folder(tmp_path / "out", EARLIER, LATER)
    run_folder(tmp_path / "OTHER", EARLIER)
    named = [str(tmp_path / each) if each in ("OTHER", "NOWHERE") else each for each in arguments]

    assert run(["themes", "--dir", str(folder), *named]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*/reports"))


@pytest.mark.parametrize(
    ("quarters", "message"), [((), "is not a panel"), ((LATER,), "only one quarter")], ids=["none", "one"]
)
def test_what_is_no_panel_of_quarters_is_refused(tmp_path: Path, quarters: tuple[str, ...], message: str) -> None:
    if quarters:
        write_panel(tmp_path, [FakeTheme("AI", [SOME])], [FIRMS], quarters=quarters)
    with pytest.raises(InvalidInput, match=message):
        read_panel(tmp_path)


def test_families_come_first_with_the_names_of_their_themes(tmp_path: Path) -> None:
    both = []
    for name in (EARLIER, LATER):
        ids = [f"theme_{name}_00{number}" for number in (1, 2)]
        topics = [FakeTopic(firm, n, "Topic", ["A sentence."], ids[n]) for n in range(2) for firm in "AB"]
        families = {f"family_{name}_001": ("Supply chain", ids)}
        write_quarter(tmp_path, topics, dict(zip(ids, ("Ports", "Rails"), strict=True)), name, families)
        both.append(read_quarter(tmp_path, name))

    output = io.StringIO()
    Console(file=output, width=140).print(side_by_side("", dict(zip("AB", both, strict=True))))

    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.getvalue().splitlines() if "│" in line]
    assert lines == [
        ["1", *["Supply chain", "2 (100%)", "0.50"] * 2],
        ["", *["Ports, Rails", "", ""] * 2],
    ]
