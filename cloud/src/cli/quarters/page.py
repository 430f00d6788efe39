"""The page of two quarters: how many firms spoke of each family and theme before, and how many do now.

Every text in it is untrusted; page.py says what keeps it harmless.
"""

from __future__ import annotations

import os
from pathlib import Path

from cloud.src.cli.pages import page
from cloud.src.cli.quarters.changes import SAME_THEME_COSINE, STANDARD_ERRORS, STATUSES, Change, Quarter
from cloud.src.cli.quarters.tables import PLURAL
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.contract import keys

# Lines of one status that a reader takes in; the others are folded away.
THEMES_IN_CHART = 12


def write_page(
    earlier: dict[str, Quarter], later: dict[str, Quarter], changes: dict[str, list[Change]], path: Path
) -> Path:
    """Write the page of families and themes, all by level; raise FtmError when it cannot be written.

    Links lead to reports that are there.
    """
    quarters = (earlier[THEME], later[THEME])
    text = page.render(
        Path(__file__).parent,
        "theme_changes",
        earlier=quarters[0],
        later=quarters[1],
        n_families=[len(quarter[FAMILY].themes) for quarter in (earlier, later)],
        levels={level: _by_status(of_level) for level, of_level in changes.items()},
        plurals=PLURAL,
        themes_in_chart=THEMES_IN_CHART,
        largest_share=max((share for level in changes.values() for each in level for share in _shares(each)), default=1)
        or 1,
        reports={quarter.name: _link(quarter, path) for quarter in quarters},
        same_theme_cosine=SAME_THEME_COSINE,
        standard_errors=STANDARD_ERRORS,
    )
    page.write(path, text)
    return path


def _by_status(changes: list[Change]) -> dict[str, list[Change]]:
    """The changes that are not general by their status, and the general ones as one more."""
    by_status = {status: [each for each in changes if each.status == status] for status in STATUSES}
    specific = {status: [each for each in found if not each.theme.general] for status, found in by_status.items()}
    return specific | {"general": [each for each in changes if each.theme.general]}


def _shares(change: Change) -> list[float]:
    return [theme.share for theme in (change.earlier, change.later) if theme is not None]


def _link(quarter: Quarter, path: Path) -> str | None:
    """The quarter's report as the page's reader reaches it, or None if it has no report."""
    report = quarter.folder / keys.report(quarter.name)
    return Path(os.path.relpath(report, path.parent)).as_posix() if report.is_file() else None
