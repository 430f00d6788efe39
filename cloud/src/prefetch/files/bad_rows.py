"""Rows that cannot be used: each is reported and left out, unless so many are bad that something must be wrong."""

from __future__ import annotations

import logging
from pathlib import Path

from cloud.src.contract.errors import InvalidInput

MOST = 0.05  # share of all rows
_NAMED = 3  # in the message that ends the run

_log = logging.getLogger(__name__)


class BadRows:
    """Counts the rows of all files and those that cannot be used."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.reports: list[str] = []

    def add(self, where: str, reason: str) -> None:
        """Report one bad row: a line on standard error, unless the program logs elsewhere."""
        report = f"{where}: {reason}"
        self.reports.append(report)
        _log.warning("left out: %s", report)

    def check(self, source: Path) -> None:
        """Raise InvalidInput if more than 5 % of the rows are bad; call it after the last row."""
        n_bad = len(self.reports)
        if n_bad <= MOST * self.n_rows:
            return
        more = f"; and {n_bad - _NAMED} more" if n_bad > _NAMED else ""
        raise InvalidInput(
            f"{source}: {n_bad} of {self.n_rows} rows cannot be used, more than {MOST:.0%}: "
            f"{'; '.join(self.reports[:_NAMED])}{more}"
        )


def where(path: Path, row: int) -> str:
    """Say where a row is: lines count from 1 with the header, the rows of a Parquet file from 1."""
    return f"{path}, {'data row' if path.suffix.lower() == '.parquet' else 'line'} {row}"
