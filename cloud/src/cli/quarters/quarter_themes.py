"""The families and themes of one quarter of a run, in their rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud.src.cli.run import run_folder
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.contract import schemas

_THEMES = "theme_id name n_firms general stability family_id"
_FIRMS = run_folder.columns(schemas.FIRM, "firm_id")


@dataclass(frozen=True)
class QuarterTheme:
    """A theme or family of one quarter; ``share``: of the quarter's firms.

    ``general``: every call has it, whatever happens, or no phrase of it is said by many of its firms (ADR-014).
    ``stability`` is None in a quarter of few firms, ``family_id`` for a family.
    """

    theme_id: str
    name: str
    n_firms: int
    general: bool
    share: float
    stability: float | None = None
    family_id: str | None = None


def read_quarter(folder: Path, quarter: str) -> dict[str, list[QuarterTheme]]:
    """Read a quarter's families and themes, by level, in their rank; raise InvalidInput when a table is damaged."""
    n_firms = run_folder.read_table(folder, quarter, "firms", _FIRMS).num_rows
    found = {}
    for level in (FAMILY, THEME):
        rows: list[Any] = run_folder.read_themes(folder, quarter, _THEMES, level).to_pylist()
        found[level] = [QuarterTheme(**row, share=row["n_firms"] / max(1, n_firms)) for row in rows]
    return found


def of_family(themes: Sequence[QuarterTheme], family: QuarterTheme) -> list[QuarterTheme]:
    """The themes of a family, in their rank."""
    return [theme for theme in themes if theme.family_id == family.theme_id]
