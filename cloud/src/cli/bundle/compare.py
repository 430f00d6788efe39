"""Whether two tables have the same content, and in how many rows they do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Compared:
    """``n_same``: rows that both have, in whatever order."""

    n_before: int
    n_after: int
    n_same: int

    @property
    def is_same(self) -> bool:
        """Whether neither has a row that the other has not."""
        return self.n_before == self.n_after == self.n_same


def compare(before: pa.Table, after: pa.Table) -> Compared:
    """Compare all columns that the first table has; one that the second lacks makes all rows differ."""
    if not set(before.column_names) <= set(after.column_names):
        return Compared(before.num_rows, after.num_rows, 0)
    after = after.select(before.column_names)
    if after.equals(before):
        return Compared(before.num_rows, after.num_rows, before.num_rows)
    return Compared(before.num_rows, after.num_rows, (_rows(before) & _rows(after)).total())


def _rows(table: pa.Table) -> Counter[str]:
    return Counter(map(repr, zip(*(column.to_pylist() for column in table.columns), strict=True)))
