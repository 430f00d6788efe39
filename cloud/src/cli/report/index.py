"""reports/index.html of an output folder: its quarters, and the pages that compare them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloud.src.cli.pages import page
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput

FAMILIES_NAMED = 6

_REPORTS = "reports"
INDEX = f"{_REPORTS}/index.html"
_CHANGES = re.compile(r"themes_([0-9]{4}Q[1-4])_([0-9]{4}Q[1-4])\.html")
_COMPARED = re.compile(r"compare_([0-9]{4}Q[1-4])_([^_]+)_([^_]+)\.html")


@dataclass(frozen=True)
class ReportedQuarter:
    """A quarter that has a report. The first families' names are empty where its tables cannot be read."""

    name: str
    address: str
    n_firms: int | None = None
    families: tuple[str, ...] = ()


def write_index(folder: Path) -> Path:
    """Write the page again from what is in the folder; return its path. Raises FtmError if it cannot be written."""
    reports = folder / _REPORTS
    found = [_quarter(folder, quarter) for quarter in run_folder.quarters_in(folder)]
    quarters = [quarter for quarter in reversed(found) if (reports / quarter.address).is_file()]
    names = sorted(path.name for path in reports.glob("*.html"))
    changes, compared = ([m for name in names if (m := kind.fullmatch(name))] for kind in (_CHANGES, _COMPARED))
    path = folder / INDEX
    text = page.render(Path(__file__).parent, "index", quarters=quarters, changes=changes, compared=compared)
    page.write(path, text)
    return path


def compared_page(quarter: str, run_a: Path, run_b: Path) -> str:
    """The name of the page in which two runs' names are judged, in the reports of both."""
    a, b = (re.sub(r"[^\w.-]|_", "-", folder.resolve().name) for folder in (run_a, run_b))
    return f"compare_{quarter}_{a}_{b}.html"


def _quarter(folder: Path, quarter: str) -> ReportedQuarter:
    address = keys.report(quarter).removeprefix(f"{_REPORTS}/")
    with suppress(InvalidInput):
        n_firms = run_folder.read_table(folder, quarter, "firms", run_folder.columns(schemas.FIRM, "firm_id")).num_rows
        families = run_folder.read_themes(folder, quarter, "theme_id name general", run_folder.FAMILY)
        names = [row["name"] for row in families.sort_by("theme_id").to_pylist() if not row["general"]]
        return ReportedQuarter(quarter, address, n_firms, tuple(names[:FAMILIES_NAMED]))
    return ReportedQuarter(quarter, address)
