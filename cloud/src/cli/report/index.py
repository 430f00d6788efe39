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
_CHANGES = re.compile(r"themes_([0-9]{4}Q[1-4])_([0-9]{4}Q[1-4])\.html")


@dataclass(frozen=True)
class ReportedQuarter:
    """A quarter that has a report. The first families' names are empty where its tables cannot be read."""

    name: str
    address: str
    n_firms: int | None = None
    families: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """A page of ``ftm themes``."""

    earlier: str
    later: str
    address: str


def write_index(folder: Path) -> Path:
    """Write the page again from what is in the folder; return its path. Raises FtmError if it cannot be written."""
    reports = folder / _REPORTS
    found = [_quarter(folder, quarter) for quarter in run_folder.quarters_in(folder)]
    quarters = [quarter for quarter in reversed(found) if (reports / quarter.address).is_file()]
    matches = [match for path in sorted(reports.glob("themes_*.html")) if (match := _CHANGES.fullmatch(path.name))]
    changes = [Changes(match[1], match[2], match[0]) for match in matches]
    path = reports / "index.html"
    page.write(path, page.render(Path(__file__).parent, "index", quarters=quarters, changes=changes))
    return path


def _quarter(folder: Path, quarter: str) -> ReportedQuarter:
    address = keys.report(quarter).removeprefix(f"{_REPORTS}/")
    with suppress(InvalidInput):
        n_firms = run_folder.read_table(folder, quarter, "firms", run_folder.columns(schemas.FIRM, "firm_id")).num_rows
        families = run_folder.read_themes(folder, quarter, "theme_id name general", run_folder.FAMILY)
        names = [row["name"] for row in families.sort_by("theme_id").to_pylist() if not row["general"]]
        return ReportedQuarter(quarter, address, n_firms, tuple(names[:FAMILIES_NAMED]))
    return ReportedQuarter(quarter, address)
