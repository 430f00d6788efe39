"""``ftm themes``: families and themes of two quarters side by side, and what has become of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cloud.src.cli.quarters import changes as theme_changes
from cloud.src.cli.quarters import page as theme_changes_page
from cloud.src.cli.quarters import tables as theme_tables
from cloud.src.cli.report.index import write_index
from cloud.src.cli.run.run_folder import THEME
from cloud.src.cli.screen import output_console
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput


def themes(earlier: str, later: str, folders: Sequence[Path]) -> None:
    """Show the families and themes of two quarters, and write the page and the table of all beside the later report.

    Raises InvalidInput when the quarters are not two, in this order, each in one of the output folders, or a table is
    damaged; FtmError when something cannot be written.
    """
    if keys.check_quarter(earlier) >= keys.check_quarter(later):
        raise InvalidInput(f"--quarters {earlier} {later}: give two quarters, the earlier one first")
    before, after = (
        theme_changes.read_quarter(theme_changes.find_folder(name, folders), name) for name in (earlier, later)
    )
    changes = {level: theme_changes.compare(before[level], after[level]) for level in before}
    reports = after[THEME].folder / "reports"
    table = reports / f"themes_{earlier}_{later}.parquet"
    theme_tables.write_changes(changes, table)
    page = theme_changes_page.write_page(before, after, changes, table.with_suffix(".html"))
    write_index(after[THEME].folder)  # the list of pages has one more

    console = output_console()
    title = f"The first families of {earlier} and {later}"
    console.print(theme_tables.side_by_side(title, {earlier: before, later: after}))
    for level, of_level in changes.items():
        console.print(theme_tables.changes_table(level, before[level], after[level], of_level))
    counts = [theme_tables.counts_line(level, of_level) for level, of_level in changes.items()]
    for line in [*counts, f"All of them: {table}", f"Page: {page}"]:
        console.print(line, markup=False, soft_wrap=True)
