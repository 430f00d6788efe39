"""What a panel is called when the user does not say."""

from __future__ import annotations

import pytest

from cloud.src.cli.panel.command import default_name
from cloud.src.contract.keys import check_panel

QUARTERS = ["2019Q3", "2019Q4", "2020Q1", "2020Q2", "2020Q3"]


@pytest.mark.parametrize(
    ("quarters", "themes_from", "name"),
    [
        (QUARTERS[:1], None, "2019Q3"),
        (QUARTERS[:2], None, "2019Q3-2019Q4"),
        (QUARTERS[:2], "2019Q3", "2019Q3-2019Q4-from-2019Q3"),
        (QUARTERS[:3:2], None, "2019Q3-2020Q1"),
        (QUARTERS[:3], None, "2019Q3-2019Q4-2020Q1"),
        (QUARTERS, None, "2019Q3-2020Q3-5"),
    ],
)
def test_default_name(quarters: list[str], themes_from: str | None, name: str) -> None:
    assert check_panel(default_name(quarters, themes_from)) == name


def test_the_longest_name_is_a_panel_name() -> None:
    assert check_panel(default_name(QUARTERS[:4], "2019Q3"))
