"""Checks that a table has the columns that are needed, and says which of its names stand for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows
from cloud.src.prefetch.files.column_names import known_names
from cloud.src.prefetch.files.input_file import InputFile


class LacksColumns(InvalidInput):
    """The table is no table of transcripts."""


_NEEDED = "required are company, firm_id or ticker, date, and text"


def checked_names(file: InputFile, header: Sequence[str], bad_rows: BadRows) -> dict[str, str]:
    """Return the column for each name in the header that FTM uses; remark on those with another name.

    Raises:
        LacksColumns: a needed column is missing.
        InvalidInput: one is there twice.
    """
    names = known_names(header)
    columns = set(names.values())
    missing = [name for name in ("date", "text") if name not in columns]
    if not {"company", "firm_id", "ticker"} & columns:
        missing.insert(0, "company, firm_id or ticker")
    if missing:
        has = ", ".join(header)[:200]
        raise LacksColumns(f"{file} lacks {_listed(missing)}: {_NEEDED}; it has: {has!r}")
    double = [name for name, n in Counter(header).items() if n > 1 and name in names]
    if double:
        raise InvalidInput(f"{file} has {_listed(double)} more than once")
    remark_on_names(file, names, bad_rows)
    return names


def remark_on_names(file: InputFile, names: dict[str, str], bad_rows: BadRows) -> None:
    """Say which columns are read as another one."""
    other = [f"{name} as {column}" for name, column in names.items() if name != column]
    if other:
        bad_rows.remark(file, f"column {', '.join(other)[:400]}")


def _listed(columns: list[str]) -> str:
    return f"column{'s' if len(columns) > 1 else ''} {', '.join(columns)}"
