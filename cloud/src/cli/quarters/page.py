"""The page of a panel: how many firms spoke of each family and theme in its first quarter, and how many in its last.

Every text in it is untrusted; page.py says what keeps it harmless.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cloud.src.cli.pages import page
from cloud.src.cli.quarters import changes as of_panel
from cloud.src.cli.quarters.changes import STATUSES, Change, PanelView
from cloud.src.cli.quarters.tables import PLURAL
from cloud.src.contract import keys

# Lines of one status that a reader takes in; the others are folded away.
THEMES_IN_CHART = 12
MOST_TICKS = 6
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)


def write_page(view: PanelView, reports: Mapping[str, Path], path: Path) -> Path:
    """Write the page of families and themes; raise FtmError when it cannot be written.

    ``reports`` has the run folder of each quarter; links lead to reports that are there.
    """
    shares = [point.share for of_level in view.changes.values() for each in of_level for point in each.points]
    largest = max(shares, default=1) or 1
    text = page.render(
        Path(__file__).parent,
        "theme_changes",
        quarters=list(zip(view.quarters, view.n_firms, strict=True)),
        first=view.quarters[0],
        last=view.quarters[-1],
        levels={level: _by_status(of_level) for level, of_level in view.changes.items()},
        plurals=PLURAL,
        themes_in_chart=THEMES_IN_CHART,
        largest_share=largest,
        ticks=ticks(largest),
        links={quarter: _link(folder, quarter, path) for quarter, folder in reports.items()},
        rules=of_panel,
    )
    page.write(path, text)
    return path


def ticks(largest: float) -> list[float]:
    """Round shares from 0 to the largest one, for an axis: at most six."""
    steps_in = {step: int(largest / step + 1e-9) for step in _STEPS}
    step = next(step for step, n_steps in steps_in.items() if n_steps < MOST_TICKS)
    return [round(number * step, 2) for number in range(steps_in[step] + 1)]


def _by_status(changes: list[Change]) -> dict[str, list[Change]]:
    """The changes that are not general by their status, and the general ones as one more."""
    by_status = {status: [each for each in changes if each.status == status] for status in STATUSES}
    specific = {status: [each for each in found if not each.general] for status, found in by_status.items()}
    return specific | {"general": [each for each in changes if each.general]}


def _link(folder: Path, quarter: str, path: Path) -> str | None:
    """The quarter's report as the page's reader reaches it, or None if it has no report."""
    report = folder / keys.report(quarter)
    return Path(os.path.relpath(report, path.parent)).as_posix() if report.is_file() else None
