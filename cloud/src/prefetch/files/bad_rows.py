"""Rows that cannot be used: each is reported and left out, unless so many are bad that something must be wrong."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cloud.src.contract.errors import InvalidInput

MOST = 0.05  # share of all rows
_EXAMPLES = 3  # of one cause, and causes in the message that ends the run
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9]+")  # what differs between two reports of one cause

_log = logging.getLogger(__name__)


class Place(Protocol):
    """A file, as a message names it."""

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        ...


@dataclass
class _Cause:
    n: int = 0
    examples: list[str] = field(default_factory=list)


class BadRows:
    """Counts the rows of all files and those that cannot be used, by cause; and collects remarks on the input."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.n_bad = 0
        self._causes: dict[str, _Cause] = {}
        self._remarks: dict[str, list[str]] = {}

    def add(self, where: str, reason: str) -> None:
        """Count one bad row."""
        self.n_bad += 1
        cause = self._causes.setdefault(_VALUES.sub("", reason), _Cause())
        cause.n += 1
        if len(cause.examples) < _EXAMPLES:
            cause.examples.append(f"{where}: {reason}")

    def remark(self, file: object, text: str) -> None:
        """Remember what the user should know of a file that is used; the same of many files is said once."""
        files = self._remarks.setdefault(text, [])
        if not files or files[-1] != str(file):
            files.append(str(file))

    def check(self, source: Path) -> None:
        """Report the bad rows, a line for each cause; call it after the last row.

        The lines go to standard error, unless the program logs elsewhere.

        Raises:
            InvalidInput: more than 5 % of the rows are bad.
        """
        for text, files in self._remarks.items():
            more = f" and {len(files) - 1:,} more files" if len(files) > 1 else ""
            _log.warning("%s%s: %s", files[0], more, text)
        if self.n_bad > MOST * self.n_rows:
            raise InvalidInput(
                f"{source}: {self.n_bad} of {self.n_rows} rows cannot be used, more than {MOST:.0%}: {self._worst()}"
            )
        for cause in self._causes.values():
            count = f"{cause.n:,} rows: " if cause.n > 1 else ""
            _log.warning("left out: %s%s%s", count, "; ".join(cause.examples), _more(cause.n - len(cause.examples)))

    def _worst(self) -> str:
        causes = sorted(self._causes.values(), key=lambda cause: -cause.n)
        examples = causes[0].examples if len(causes) == 1 else [cause.examples[0] for cause in causes[:_EXAMPLES]]
        return "; ".join(examples) + _more(self.n_bad - len(examples))


def _more(n: int) -> str:
    return f"; and {n} more" if n > 0 else ""


def where(file: Place, row: int) -> str:
    """Say where a row is: lines count from 1 with the header, the rows of a Parquet file from 1."""
    return f"{file}, {'data row' if file.suffix.lower() == '.parquet' else 'line'} {row}"
