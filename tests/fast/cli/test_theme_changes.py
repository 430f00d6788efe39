"""Themes of two quarters: which are the same, what has become of them, and what ends in one line."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cloud.src.cli.__main__ import run
from cloud.src.cli.quarters import changes as theme_changes
from cloud.src.cli.quarters import tables as theme_tables
from cloud.src.cli.quarters.changes import (
    FADING,
    GONE,
    GROWING,
    NEW,
    STEADY,
    Quarter,
    QuarterTheme,
    compare,
    of_family,
    read_quarter,
)
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from tests.fast.cli.report_tables import FakeTopic, write_quarter

EARLIER, LATER = "2022Q4", "2023Q1"


def quarter(name: str, n_firms: int, *themes: tuple[str, int, list[float]]) -> Quarter:
    """A quarter with themes of so many firms and such centroids; the mean of its topics is zero."""
    rows = [
        QuarterTheme(f"theme_{name}_{rank:03d}", title, [], count, count, False, rank, count / n_firms)
        for rank, (title, count, _) in enumerate(themes, start=1)
    ]
    centroids = np.array([centroid for _, _, centroid in themes], dtype=np.float32).reshape(len(themes), 3)
    return Quarter(name, Path(), n_firms, rows, centroids, np.zeros(3, dtype=np.float32))


def statuses(earlier: Quarter, later: Quarter) -> list[tuple[str, str]]:
    return [(change.status, change.theme.name) for change in compare(earlier, later)]


def test_each_theme_has_one_status() -> None:
    earlier = quarter(EARLIER, 100, ("War", 30, [1, 0, 0]), ("Wages", 40, [0, 1, 0]), ("Freight", 20, [0, 0, 1]))
    later = quarter(
        LATER, 100, ("AI", 35, [-1, 0, 0.2]), ("Wage pressure", 10, [0, 1, 0.1]), ("Ports", 45, [0, 0.2, 1])
    )

    assert statuses(earlier, later) == [(NEW, "AI"), (GROWING, "Ports"), (FADING, "Wage pressure"), (GONE, "War")]


@pytest.mark.parametrize(
    ("n_firms", "before", "after", "status"),
    [
        (100, 10, 14, STEADY),
        (100, 10, 25, GROWING),
        (100, 25, 10, FADING),
        (10_000, 1_000, 1_400, GROWING),  # the same shares as in the first case, of more firms
        (18, 7, 5, STEADY),
        (50, 0, 0, STEADY),
        (50, 50, 50, STEADY),
    ],
)
def test_a_share_has_changed_when_chance_would_not_do_that(n_firms: int, before: int, after: int, status: str) -> None:
    earlier = quarter(EARLIER, n_firms, ("Freight", before, [0, 0, 1]))
    later = quarter(LATER, n_firms, ("Freight", after, [0, 0, 1]))

    assert statuses(earlier, later) == [(status, "Freight")]


def test_a_theme_has_one_partner_and_the_nearest_pairs_win() -> None:
    earlier = quarter(EARLIER, 50, ("Freight", 20, [0, 0, 1]))
    later = quarter(LATER, 50, ("Ports", 20, [0, 0.5, 1]), ("Freight rates", 20, [0, 0.1, 1]))

    changes = compare(earlier, later)

    assert [(change.status, change.theme.name) for change in changes] == [(NEW, "Ports"), (STEADY, "Freight rates")]
    assert changes[1].similarity == pytest.approx(1 / (1 + 0.1**2) ** 0.5)


def test_a_good_pair_is_not_given_up_for_two_that_are_none() -> None:
    """The largest sum of all cosines would be that of the two crossed pairs: 0.55 + 0.55 > 0.9 + 0.1."""
    a, b = [1.0, 0.0, 0.0], [0.55, 0.835, 0.0]
    earlier = quarter(EARLIER, 50, ("A", 20, a), ("B", 20, b))
    later = quarter(LATER, 50, ("Like A", 20, [0.9, 0.0, 0.436]), ("C", 20, [0.55, -0.2, -0.81]))

    pairs = theme_changes.match(earlier, later)

    assert [(i, j) for i, j, _ in pairs] == [(0, 0)]


def test_what_topics_share_is_taken_off_before_they_are_compared() -> None:
    shared = np.array([5.0, 0, 0], dtype=np.float32)
    earlier, later = (quarter(name, 50, ("A", 20, [5, 1, 0]), ("B", 20, [5, 0, 1])) for name in (EARLIER, LATER))
    later = replace(later, themes=later.themes[1:], centroids=later.centroids[1:])

    found = statuses(replace(earlier, mean=shared), replace(later, mean=shared))

    assert found == [(STEADY, "B"), (GONE, "A")]


def test_general_themes_come_last() -> None:
    later = quarter(LATER, 50, ("Margins", 40, [1, 0, 0]), ("AI", 10, [0, 1, 0]))
    later.themes[0] = replace(later.themes[0], general=True)

    assert statuses(quarter(EARLIER, 50), later) == [(NEW, "AI"), (NEW, "Margins")]


def test_other_embedding_models_are_refused() -> None:
    later = replace(quarter(LATER, 50), mean=np.zeros(5, dtype=np.float32))

    with pytest.raises(InvalidInput, match="different embedding models"):
        compare(quarter(EARLIER, 50), later)


def write(folder: Path, quarter: str, name: str, embedding: list[float], n_firms: int = 4) -> Path:
    """A quarter with one theme, and a topic of each firm that is in none."""
    theme_id = f"theme_{quarter}_001"
    in_theme = [FakeTopic(f"Firm {n}", 0, name, ["A sentence."], theme_id, embedding=embedding) for n in range(n_firms)]
    others = [FakeTopic(f"Firm {n}", 1, "Own", ["Another."], embedding=[-1.0, 0.0]) for n in range(n_firms)]
    return write_quarter(folder, in_theme + others, {theme_id: name}, quarter)


def test_a_quarter_is_read_from_its_tables(tmp_path: Path) -> None:
    write(tmp_path, LATER, "Freight", [0.6, 0.8])
    path = tmp_path / keys.themes(LATER)
    [family, theme] = pq.read_table(path, partitioning=None).to_pylist()
    pq.write_table(pa.Table.from_pylist([family, theme | {"general": True}], schemas.THEME), path)

    quarters = read_quarter(tmp_path, LATER)

    keywords, family_id = ["lead times", "suppliers"], f"family_{LATER}_001"
    assert quarters["family"].themes == [QuarterTheme(family_id, "", keywords, 4, 4, False, 1, 1.0, stability=0.5)]
    found = quarters["theme"]
    assert found.n_firms == 4
    assert found.themes == [
        QuarterTheme(f"theme_{LATER}_001", "Freight", keywords, 4, 4, True, 1, 1.0, stability=0.75, family_id=family_id)
    ]
    assert of_family(found.themes, quarters["family"].themes[0]) == found.themes
    np.testing.assert_allclose(quarters["family"].centroids, [[0.6, 0.8]], atol=1e-6)
    np.testing.assert_allclose(found.centroids, [[0.6, 0.8]], atol=1e-6)
    np.testing.assert_allclose(found.mean, [-0.2, 0.4], atol=1e-6)


def test_a_theme_without_topics_is_matched_by_its_own_centroid(tmp_path: Path) -> None:
    write(tmp_path, LATER, "Freight", [0.6, 0.8])
    path = tmp_path / keys.themes(LATER)
    [family, theme] = pq.read_table(path, partitioning=None).to_pylist()
    alone = theme | {"theme_id": f"theme_{LATER}_002", "name": "Rails", "centroid": [0.0, 1.0]}
    pq.write_table(pa.Table.from_pylist([family, theme, alone], schemas.THEME), path)

    found = read_quarter(tmp_path, LATER)["theme"]

    assert [theme.name for theme in found.themes] == ["Freight", "Rails"]
    np.testing.assert_allclose(found.centroids, [[0.6, 0.8], found.mean + np.array([0, 1])], atol=1e-6)


def test_command_writes_page_and_table_beside_the_later_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write(tmp_path / "a", EARLIER, "[red]Freight[/red]", [0.6, 0.8]), tmp_path / "b"
    write(second, LATER, "Ports", [0.6, 0.8])

    assert run(["themes", "--quarters", EARLIER, LATER, "--dir", str(first), "--dir", str(second)]) == 0

    shown = capsys.readouterr().out
    assert "[red]Freight[/red]" in shown
    assert "Ports" in shown
    for level in ("families", "themes"):
        assert f"1 {level}: 0 new, 0 growing, 1 steady, 0 fading, 0 gone" in shown
    stem = f"themes_{EARLIER}_{LATER}"
    assert sorted(path.name for path in (second / "reports").iterdir()) == [f"{stem}.html", f"{stem}.parquet"]
    [family, row] = pq.read_table(second / "reports" / f"{stem}.parquet").to_pylist()
    assert (family["level"], family["theme_id_later"]) == ("family", f"family_{LATER}_001")
    assert row | {"similarity": None} == {
        "level": "theme",
        "status": STEADY,
        "theme_id_earlier": f"theme_{EARLIER}_001",
        "name_earlier": "[red]Freight[/red]",
        "rank_earlier": 1,
        "n_firms_earlier": 4,
        "share_of_firms_earlier": 1.0,
        "n_sentences_earlier": 4,
        "stability_earlier": 0.75,
        "general_earlier": False,
        "theme_id_later": f"theme_{LATER}_001",
        "name_later": "Ports",
        "rank_later": 1,
        "n_firms_later": 4,
        "share_of_firms_later": 1.0,
        "n_sentences_later": 4,
        "stability_later": 0.75,
        "general_later": False,
        "similarity": None,
    }
    assert row["similarity"] == pytest.approx(1, abs=1e-5)


def test_table_of_themes_that_are_in_one_quarter_only(tmp_path: Path) -> None:
    changes = compare(quarter(EARLIER, 50, ("War", 20, [1, 0, 0])), quarter(LATER, 50, ("AI", 20, [0, 1, 0])))

    theme_tables.write_changes({"theme": changes}, tmp_path / "themes.parquet")

    rows = pq.read_table(tmp_path / "themes.parquet").to_pylist()
    assert [(row["status"], row["name_earlier"], row["name_later"]) for row in rows] == [
        (NEW, None, "AI"),
        (GONE, "War", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quarters", EARLIER], "--quarters"),
        (["--quarters", EARLIER, "--dir", "OTHER"], "two quarters, the earlier one first"),
        (["--quarters", EARLIER, EARLIER], "two quarters, the earlier one first"),
        (["--quarters", LATER, EARLIER], "two quarters, the earlier one first"),
        (["--quarters", "2023", LATER], "'2023' is not a quarter"),
        (["--quarters", "2021Q1", LATER], "no output folder has 2021Q1"),
        (["--quarters", EARLIER, LATER, "--dir", "OTHER"], f"{EARLIER} is in "),
        (["--quarters", EARLIER, LATER, "--dir", "NOWHERE"], "is not a folder"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    folder, other = tmp_path / "out", tmp_path / "OTHER"
    write(folder, EARLIER, "Freight", [0.6, 0.8])
    write(folder, LATER, "Freight", [0.6, 0.8])
    write(other, EARLIER, "Freight", [0.6, 0.8])
    named = [str(tmp_path / each) if each in ("OTHER", "NOWHERE") else each for each in arguments]

    assert run(["themes", "--dir", str(folder), *named]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*/reports"))


@pytest.mark.parametrize("left", [(0, 0), (0, 1), (1, 1)], ids=["nothing", "the family only", "the theme only"])
def test_tables_of_different_runs_are_refused(tmp_path: Path, left: tuple[int, int]) -> None:
    write(tmp_path, LATER, "Freight", [0.6, 0.8])
    path = tmp_path / keys.themes(LATER)
    pq.write_table(pq.ParquetFile(path).read().slice(*left), path)

    with pytest.raises(InvalidInput, match="different runs"):
        read_quarter(tmp_path, LATER)


def test_families_come_first_with_the_names_of_their_themes(tmp_path: Path) -> None:
    both = []
    for name in (EARLIER, LATER):
        ids = [f"theme_{name}_00{number}" for number in (1, 2)]
        topics = [FakeTopic(firm, n, "Topic", ["A sentence."], ids[n]) for n in range(2) for firm in "AB"]
        families = {f"family_{name}_001": ("Supply chain", ids)}
        write_quarter(tmp_path, topics, dict(zip(ids, ("Ports", "Rails"), strict=True)), name, families)
        both.append(read_quarter(tmp_path, name))

    output = io.StringIO()
    Console(file=output, width=140).print(theme_tables.side_by_side("", dict(zip("AB", both, strict=True))))

    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.getvalue().splitlines() if "│" in line]
    assert lines == [
        ["1", *["Supply chain", "2 (100%)", "0.50"] * 2],
        ["", *["Ports, Rails", "", ""] * 2],
    ]
