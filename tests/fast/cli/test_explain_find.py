"""Which theme, family, firm or quarter ``ftm explain`` takes a word for."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.src.cli.explain.find import Row, find_firm, find_group, find_quarter
from cloud.src.contract.errors import InvalidInput

Q = "2023Q1"
GROUPS = [
    {"theme_id": f"family_{Q}_001", "name": "Freight"},
    {"theme_id": f"family_{Q}_002", "name": "Currency"},
    {"theme_id": f"theme_{Q}_001", "name": "Ocean Freight"},
    {"theme_id": f"theme_{Q}_002", "name": "Currency"},
]
FIRMS: list[Row] = [
    {"firm_id": "101", "firm_name": "Northfield Foods", "ticker": "NF"},
    {"firm_id": "102", "firm_name": "Calder Health", "ticker": None},
    {"firm_id": "103", "firm_name": "Calder Health", "ticker": "CH"},
]


@pytest.mark.parametrize(
    ("wanted", "theme_id"),
    [
        ("Freight", f"family_{Q}_001"),
        ("ocean  FREIGHT", f"theme_{Q}_001"),
        (f"theme_{Q}_002", f"theme_{Q}_002"),
        (f"THEME_{Q}_002", f"theme_{Q}_002"),
        ("2", f"family_{Q}_002"),
    ],
)
def test_a_theme_is_found_by_name_id_or_rank(wanted: str, theme_id: str) -> None:
    assert find_group(GROUPS, wanted, Q)["theme_id"] == theme_id


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("currency", f"{Q} has more than one 'currency': give family_{Q}_002 or theme_{Q}_002"),
        (
            "freihgt",
            f"{Q} has no theme or family 'freihgt'; similar: Freight (family_{Q}_001), Ocean Freight (theme_{Q}_001)",
        ),
        ("ocean", f"{Q} has no theme or family 'ocean'; similar: Ocean Freight (theme_{Q}_001)"),
        (f"theme_{Q}_009", f"{Q} has no theme or family 'theme_{Q}_009'; similar: "),
        ("3", f"{Q} has no theme or family '3'"),
        ("", f"{Q} has no theme or family ''"),
    ],
)
def test_an_unknown_theme_is_refused_with_what_is_near(wanted: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        find_group(GROUPS, wanted, Q)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("wanted", ["101", "nf", "NORTHFIELD foods"])
def test_a_firm_is_found_by_id_ticker_or_name(wanted: str) -> None:
    assert find_firm(FIRMS, wanted, Q)["firm_id"] == "101"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("Calder Health", f"{Q} has more than one firm 'Calder Health': give 102 or 103"),
        ("Northfeld", f"{Q} has no firm 'Northfeld'; similar: Northfield Foods (101)"),
        ("zzz", f"{Q} has no firm 'zzz'"),
    ],
)
def test_an_unknown_firm_is_refused_with_what_is_near(wanted: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        find_firm(FIRMS, wanted, Q)
    assert str(refused.value) == message


def with_quarters(folder: Path, *quarters: str) -> Path:
    for quarter in quarters:
        (folder / f"processed/themes/quarter={quarter}").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("there", "quarter", "wanted", "found"),
    [
        (["2023Q1"], None, "Freight", "2023Q1"),
        (["2023Q1", "2023Q2"], "2023Q2", "Freight", "2023Q2"),
        (["2023Q1", "2023Q2"], None, "theme_2023Q2_001", "2023Q2"),
    ],
)
def test_the_quarter_is_the_one_named_or_the_only_one(
    tmp_path: Path, there: list[str], quarter: str | None, wanted: str, found: str
) -> None:
    assert find_quarter(with_quarters(tmp_path, *there), quarter, wanted) == found


@pytest.mark.parametrize(
    ("quarter", "wanted", "message"),
    [
        (None, "Freight", "has 2023Q1, 2023Q2: name one with --quarter"),
        (None, "theme_2023Q1_2023Q2_001", "has 2023Q1, 2023Q2: name one with --quarter"),
        ("2024Q1", "Freight", "has no quarter 2024Q1, only 2023Q1, 2023Q2"),
    ],
)
def test_a_quarter_that_is_not_clear_is_asked_for(
    tmp_path: Path, quarter: str | None, wanted: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        find_quarter(with_quarters(tmp_path, "2023Q1", "2023Q2"), quarter, wanted)
