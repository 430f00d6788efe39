"""The page of two quarters: how many firms spoke of each theme before, and how many do now.

Every text in it is untrusted; page.py says what keeps it harmless.
"""

from __future__ import annotations

import os
from pathlib import Path

from cloud.src.cli.pages import page
from cloud.src.cli.quarters.changes import SAME_THEME_COSINE, STANDARD_ERRORS, STATUSES, Change, Quarter
from cloud.src.contract import keys

# Lines of one status that a reader takes in; the others are folded away.
THEMES_IN_CHART = 12


def write_page(earlier: Quarter, later: Quarter, changes: list[Change], path: Path) -> Path:
    """Write the page; raise FtmError when it cannot be written. Links lead to reports that are there."""
    specific = [change for change in changes if not change.theme.general]
    general = [change for change in changes if change.theme.general]
    by_status = {status: [change for change in specific if change.status == status] for status in STATUSES}
    text = page.render(
        Path(__file__).parent,
        "theme_changes",
        earlier=earlier,
        later=later,
        by_status=by_status,
        general=general,
        themes_in_chart=THEMES_IN_CHART,
        largest_share=max((share for change in changes for share in _shares(change)), default=1) or 1,
        reports={quarter.name: _link(quarter, path) for quarter in (earlier, later)},
        same_theme_cosine=SAME_THEME_COSINE,
        standard_errors=STANDARD_ERRORS,
    )
    page.write(path, text)
    return path


def _shares(change: Change) -> list[float]:
    return [theme.share for theme in (change.earlier, change.later) if theme is not None]


def _link(quarter: Quarter, path: Path) -> str | None:
    """The quarter's report as the page's reader reaches it, or None if it has no report."""
    report = quarter.folder / keys.report(quarter.name)
    return Path(os.path.relpath(report, path.parent)).as_posix() if report.is_file() else None
