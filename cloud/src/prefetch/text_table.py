"""The columns that FTM knows, as they are read from any kind of file: text, with the place of each row in its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

COLUMNS = (
    "call_id", "firm_id", "company", "ticker", "permno", "gvkey", "link_date", "date", "quarter",
    "section", "position", "speaker", "speaker_type", "role", "text",
)  # fmt: skip
ROW = "row"  # where the row is in its file, see bad_rows.where


def text_table(columns: Mapping[str, Sequence[str | None]], rows: Sequence[int]) -> pa.Table:
    """Make a table of some of COLUMNS, as large_string, and ROW."""
    arrays = {name: pa.array(values, pa.large_string()) for name, values in columns.items()}
    return pa.table({**arrays, ROW: pa.array(rows, pa.int64())})
