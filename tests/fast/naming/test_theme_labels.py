"""Which of their phrases themes and families are called by."""

from __future__ import annotations

import numpy as np
import pytest

from cloud.src.naming.guard import says_no_more
from cloud.src.naming.theme_names import Candidates, Label, Labels, choose


def chosen(themes: list[dict[str, float]], families: list[dict[str, float]], family_of: list[int]) -> Labels:
    """Labels are given with their scores, best first; everything is in its order."""
    found = Candidates(
        [[Label(text, score, 0.6) for text, score in each.items()] for each in themes],
        [[Label(text, score, 0.6) for text, score in each.items()] for each in families],
        np.ones(len(themes), dtype=np.bool_),
    )
    return choose(found, np.array(family_of), range(len(themes)), range(len(families)))


def test_a_family_has_a_wider_name_than_its_theme() -> None:
    labels = chosen(
        [{"Pricing": 0.3, "Pricing Environment": 0.1}, {"Inflation": 0.2}],
        [{"Pricing": 0.3, "Tariffs": 0.05, "Pricing and Inflation": 0.24}],
        [0, 0],
    )

    assert labels.families[0][0] == "Pricing and Inflation"
    assert [each[0] for each in labels.themes] == ["Pricing", "Inflation"]


def test_without_a_wider_name_the_family_keeps_the_phrase() -> None:
    labels = chosen(
        [{"Supply Chain": 0.7, "Suppliers": 0.2, "Supply Chain Disruptions": 0.1}],
        [{"Supply Chain": 0.6, "Suppliers": 0.1}],
        [0],
    )

    assert labels.families[0][0] == "Supply Chain"
    assert labels.themes[0] == ["Supply Chain Disruptions", "Suppliers"]


@pytest.mark.parametrize("near_equal", ["Supply", "Supply Chain Issues"])
def test_names_of_families_and_themes_do_not_contain_each_other(near_equal: str) -> None:
    labels = chosen([{"Supply Chain": 0.7}], [{"Supply Chain": 0.6, near_equal: 0.5}], [0])

    assert labels.families[0][0] == "Supply Chain"


def test_no_theme_has_the_name_of_another_family() -> None:
    labels = chosen(
        [{"Debt": 0.5, "Notes": 0.1}, {"Credit": 0.4}],
        [{"Balance Sheet": 0.6}, {"Debt": 0.5}],
        [0, 1],
    )

    assert labels.themes[0] == ["Notes"]


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("Supply", "Supply Chain", True),
        ("Chain Supply", "Supply Chain", True),
        ("Supply Chain Disruptions", "Supply Chain", False),
        ("Pricing", "Pricing and Inflation", False),
        ("Inflation and Pricing", "Pricing and Inflation", True),
    ],
)
def test_what_says_no_more_than_the_family(name: str, family: str, expected: bool) -> None:
    assert says_no_more(name, family) is expected
