"""``ftm themes``: what has become of the families and themes of a panel from its first quarter to its last."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from cloud.src.cli.panel.command import LIMITS, build, default_name
from cloud.src.cli.quarters import page, tables
from cloud.src.cli.quarters.changes import as_json_object, read_panel, recorded_inputs
from cloud.src.cli.report.index import write_index
from cloud.src.cli.run import run_folder
from cloud.src.cli.run.run_folder import FAMILY
from cloud.src.cli.screen import Screen, output_console
from cloud.src.contract.errors import InvalidInput
from cloud.src.worker.panel.panel import PanelRequest
from cloud.src.worker.panel.source import inputs_of
from cloud.src.worker.store import FolderStore


def themes(screen: Screen, quarters: Sequence[str], folders: Sequence[Path], as_json: bool = False) -> None:
    """Show the families and themes of several quarters, and write the page and the table of all beside the last report.

    They are those of the panel of these quarters beside the last one's tables, which is made where it is not there yet
    or is of other runs.

    Raises InvalidInput when there are not two quarters, each in one of the output folders, or a table is damaged;
    FtmError when something cannot be written.
    """
    if len(set(quarters)) < 2 or len(set(quarters)) < len(quarters) or sorted(quarters) != list(quarters):
        raise InvalidInput(f"--quarters {' '.join(quarters)}: give two or more quarters, earliest first")
    of_quarter = {quarter: find_folder(quarter, folders) for quarter in quarters}
    home = of_quarter[quarters[-1]]
    store = FolderStore(*dict.fromkeys(of_quarter.values()))
    panel = home / "panels" / default_name(quarters, themes_from=None)
    if recorded_inputs(panel) != inputs_of(store, quarters):
        build(screen, store, PanelRequest(panel.name, quarters, None, FAMILY, LIMITS), panel)
    view = read_panel(panel)
    table = home / "reports" / f"themes_{quarters[0]}_{quarters[-1]}.parquet"
    tables.write_changes(view, table)
    written = page.write_page(view, of_quarter, table.with_suffix(".html"))
    write_index(home)  # the list of pages has one more

    if as_json:
        files = {"table": str(table), "page": str(written), "panel": str(panel)}
        print(json.dumps(as_json_object(view) | files, indent=1))
        return
    console = output_console()
    for level in view.changes:
        console.print(tables.changes_table(level, view))
    lines = [tables.counts_line(level, changes) for level, changes in view.changes.items()]
    here = shlex.quote(str(home))
    lines += [
        f"All changes: {table}",
        f"Page: {written}",
        f"Panel: {panel}",
        f"Next, every call with every family: ftm panel {' '.join(quarters)} --dir {here} --format csv",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def find_folder(quarter: str, folders: Sequence[Path]) -> Path:
    """The one output folder that has the quarter; raise InvalidInput when none or several have it."""
    found = {folder: run_folder.quarters_in(folder) for folder in dict.fromkeys(folders)}
    having = [folder for folder, quarters in found.items() if quarter in quarters]
    if not having:
        there = "; ".join(f"{folder} has {', '.join(quarters)}" for folder, quarters in found.items())
        raise InvalidInput(f"no output folder has {quarter} ({there}): run the quarter, or name its folder with --dir")
    if len(having) > 1:
        raise InvalidInput(f"{quarter} is in {' and in '.join(map(str, having))}: name one of them with --dir")
    return having[0]
