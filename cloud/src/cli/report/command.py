"""The report of a quarter: an index.html in which a researcher reads themes down to their sentences.

It is one self-contained file up to about 20 MB, and a page of at most 3 MB with files beside it above (ADR-019).

Every text in it is untrusted; page.py says what keeps it harmless.
"""

from __future__ import annotations

import webbrowser
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from cloud.src.cli.pages import page
from cloud.src.cli.pages.serve import serve
from cloud.src.cli.report import data as report_data
from cloud.src.cli.report.contents import ReportData
from cloud.src.cli.report.earlier import Earlier, earlier_quarter
from cloud.src.cli.report.index import write_index
from cloud.src.cli.report.page_data import Parts, headline_families, page_data, quotations
from cloud.src.cli.report.parts import FOLDER, remove_others, write_parts
from cloud.src.cli.report.provenance import Provenance, provenance
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError


def write_report(folder: Path, quarter: str | None = None) -> Path:
    """Write ``reports/quarter=.../index.html`` of one quarter, or of each one in the output folder, and their index.

    Returns the page's path, the newest quarter's when there are several. Raises InvalidInput when the folder, the
    quarter or one of its tables is missing or damaged, FtmError when the page cannot be written.
    """
    found = run_folder.quarters_in(folder) if quarter is None else [run_folder.one_quarter(folder, quarter)]
    written = [_write_page(folder, each) for each in found]
    write_index(folder)
    return written[-1]


def serve_reports(folder: Path, port: int, open_in_browser: bool) -> None:
    """Serve the folder's reports to browsers of this machine until Ctrl-C; raises FtmError if the port is in use."""

    def tell(address: str) -> None:
        print(f"{address} (Ctrl-C stops it)", flush=True)
        if open_in_browser:
            webbrowser.open(address)

    try:
        serve(folder / "reports", port, tell)
    except OSError as error:
        raise FtmError(f"cannot serve on port {port}: {error.strerror}") from error


def render(
    report: ReportData,
    made_at: datetime,
    earlier: Earlier | None,
    made_of: Provenance,
    n_quarters: int = 1,
    parts: Parts | None = None,
) -> str:
    """Return the page.

    Args:
        made_at: in UTC.
        earlier: the quarter before, if the folder has one.
        n_quarters: of the folder; where there are several, the page links to the list of them.
        parts: the files beside the page, where it is not whole.
    """
    return page.render(
        Path(__file__).parent,
        "report",
        report=report,
        made_at=made_at,
        naming=_naming(report),
        firm_names={firm.firm_id: firm.name for firm in report.firms},
        headline=[(family, quotations(report, family)[:1]) for family in headline_families(report)],
        earlier=earlier,
        made_of=made_of,
        has_index=n_quarters > 1,
        data_hashes=parts.in_policy if parts else [],
        page_data=page_data(report, earlier, parts),
    )


def _write_page(folder: Path, quarter: str) -> Path:
    path = folder / keys.report(quarter)
    n_quarters = len(run_folder.quarters_in(folder))
    data_folder = path.parent / FOLDER
    with report_data.open_tables(folder, quarter) as tables:
        report = report_data.read(tables, folder, quarter)
        earlier, made_of = earlier_quarter(folder, quarter), provenance(folder, quarter)
        parts = None if report.is_whole else write_parts(tables, report, earlier, data_folder)
    page.write(path, render(report, datetime.now(UTC), earlier, made_of, n_quarters, parts))
    remove_others(data_folder, parts)
    return path


def _naming(report: ReportData) -> dict[str, dict[str, int]]:
    """Return how many families, themes and topics got their name in which way, like {"themes": {"llm": 12}}."""
    return {
        "families": dict(Counter(family.naming_method for family in report.families)),
        "themes": dict(Counter(theme.naming_method for theme in report.themes)),
        "topics": report.topic_methods,
    }
