"""reports/index.html of an output folder or bucket: its quarters, and the pages that compare them."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloud.src.cli.pages import page
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput

FAMILIES_NAMED = 6

REPORTS = "reports"
INDEX = f"{REPORTS}/index.html"
_REPORT = re.compile(r"quarter=([0-9]{4}Q[1-4])/index\.html")
_CHANGES = re.compile(r"themes_([0-9]{4}Q[1-4])_([0-9]{4}Q[1-4])\.html")
_COMPARED = re.compile(r"compare_([0-9]{4}Q[1-4])_([^_]+)_([^_]+)_[^_]+\.html")


@dataclass(frozen=True)
class ReportedQuarter:
    """A quarter that has a report. The first families' names are empty where its tables cannot be read."""

    name: str
    address: str
    n_firms: int | None = None
    families: tuple[str, ...] = ()


def write_index(folder: Path) -> Path:
    """Write the page again from what is in the folder; return its path. Raises FtmError if it cannot be written."""
    reports, path = folder / REPORTS, folder / INDEX
    page.write(path, render_index(folder, {str(each.relative_to(reports)) for each in reports.rglob("*.html")}))
    return path


def render_index(folder: Path, pages: Collection[str]) -> str:
    """The page that lists these, named from ``reports/`` on; what it says of a quarter is in the folder's tables."""
    names = sorted(pages)
    quarters = [_quarter(folder, found[1]) for name in reversed(names) if (found := _REPORT.fullmatch(name))]
    changes, compared = ([m for name in names if (m := kind.fullmatch(name))] for kind in (_CHANGES, _COMPARED))
    return page.render(Path(__file__).parent, "index", quarters=quarters, changes=changes, compared=compared)


def compared_page(quarter: str, run_a: Path, run_b: Path, comparison: str) -> str:
    """The name of the page in which two runs' names are judged, in the reports of both; ``comparison``: its id.

    Other folders may have the same names.
    """
    a, b = (re.sub(r"[^\w.-]|_", "-", folder.resolve().name) for folder in (run_a, run_b))
    return f"compare_{quarter}_{a}_{b}_{comparison[:8]}.html"


def _quarter(folder: Path, quarter: str) -> ReportedQuarter:
    address = keys.report(quarter).removeprefix(f"{REPORTS}/")
    with suppress(InvalidInput):
        n_firms = run_folder.read_table(folder, quarter, "firms", run_folder.columns(schemas.FIRM, "firm_id")).num_rows
        families = run_folder.read_themes(folder, quarter, "theme_id name general", run_folder.FAMILY)
        names = [row["name"] for row in families.sort_by("theme_id").to_pylist() if not row["general"]]
        return ReportedQuarter(quarter, address, n_firms, tuple(names[:FAMILIES_NAMED]))
    return ReportedQuarter(quarter, address)
