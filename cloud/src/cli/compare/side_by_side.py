"""The first families of two runs side by side, as ``ftm compare`` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from rich.table import Table
from rich.text import Text

from cloud.src.cli.quarters.quarter_themes import QuarterTheme, of_family
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.cli.screen import one_line

FIRST_FAMILIES = 10


def side_by_side(title: str, runs: Mapping[str, Mapping[str, list[QuarterTheme]]]) -> Table:
    """The first families of each run, with the names of their themes, each in its own order.

    The keys of ``runs`` are shown above them; the values are what read_quarter returns.
    """
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("", justify="right")
    for name in runs:
        table.add_column(name, ratio=1)
        table.add_column("Firms", justify="right")
        table.add_column("Stability", justify="right")
    firsts = zip_longest(*(run[FAMILY][:FIRST_FAMILIES] for run in runs.values()))
    for number, families in enumerate(firsts, start=1):
        cells = [
            cell for family, run in zip(families, runs.values(), strict=True) for cell in _cells(family, run[THEME])
        ]
        table.add_row(str(number), *cells, end_section=True)
    return table


def _cells(family: QuarterTheme | None, themes: list[QuarterTheme]) -> tuple[Text, str, str]:
    """Its name with those of its themes below, its firms, and its stability."""
    if family is None:
        return Text(""), "", ""
    parts = one_line(", ".join(theme.name for theme in of_family(themes, family)))
    general = " (general)" if family.general else ""
    # Text, not str: names are untrusted and rich would read [...] in them as markup.
    name = Text.assemble((one_line(family.name), "bold"), general, "\n", (parts, "dim"))
    firms = f"{family.n_firms} ({family.share:.0%})"
    return name, firms, "-" if family.stability is None else f"{family.stability:.2f}"
