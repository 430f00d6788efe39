"""docs/tables.md, made from the schemas: ``python -m cloud.src.contract.describe_tables``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cloud.src.contract import keys, schemas
from cloud.src.contract.columns import DESCRIPTION

DOCUMENT = Path(__file__).parents[3] / "docs/tables.md"

_INTRODUCTION = """# Tables

Every table FTM writes, and every column of it. All files are Parquet; a folder holds one table only. `?` marks a column
that may be null. The descriptions are also in each file, as metadata of the fields:

```python
import pyarrow.dataset as ds

for field in ds.dataset("ftm-output/demo/processed/themes").schema:
    print(field.name, field.metadata[b"description"].decode())
```

A folder is read whole, with all its quarters. For a join with CRSP, and for Stata, pandas must be told what is a
date (`crsp` is your table, with `permno` and `date`); `permno` is a whole number, `Int64`, also where some are missing:

```python
import pandas as pd

calls = pd.read_parquet("ftm-output/demo/processed/calls", partitioning=None)
days = ["earnings_call_date", "first_trading_day", "event_date", "link_date"]
calls[days] = calls[days].apply(pd.to_datetime)
joined = calls.merge(crsp, left_on=["permno", "first_trading_day"], right_on=["permno", "date"])
stata = calls.drop(columns="call_time_utc").dropna(axis="columns", how="all")  # Stata has no column of nulls
stata.to_stata("calls.dta", version=118, write_index=False)
```

This page is made from the schemas by `python -m cloud.src.contract.describe_tables`.
"""


@dataclass(frozen=True)
class Described:
    """A table: what one row stands for, and where it is stored (Q stands for the quarter)."""

    name: str
    row: str
    where: str
    schema: pa.Schema


def tables() -> list[Described]:
    """All tables, the most useful to a reader first and the jobs' intermediate files last."""
    return [
        Described("themes", "theme or family: filter by `level`", keys.themes("Q"), schemas.THEME),
        Described("exposures", "call and theme or family that it speaks of", keys.exposures("Q"), schemas.EXPOSURE),
        Described(
            "evidence",
            "sentence and theme or family it counts for",
            f"{keys.evidence_prefix('Q')}*.parquet",
            schemas.EVIDENCE,
        ),
        Described("calls", "earnings call", keys.calls("Q"), schemas.CALL),
        Described("firms", "firm", keys.firms("Q"), schemas.FIRM),
        Described("topics", "topic of a firm", keys.topics("Q"), schemas.TOPIC),
        Described(
            "theme_contributions",
            "topic that belongs to a theme",
            keys.theme_contributions("Q"),
            schemas.THEME_CONTRIBUTION,
        ),
        Described("sentences", "sentence", f"{keys.sentences_prefix('Q')}*.parquet", schemas.SENTENCE_TOPIC),
        Described(
            "themes_for_sentiment",
            "theme, call and topic, only of firms with a PERMNO",
            keys.themes_for_sentiment("Q"),
            schemas.THEME_FOR_SENTIMENT,
        ),
        Described(
            "panels: grid",
            "call and family (or theme), also where no sentence counts",
            _of_panel("grid"),
            schemas.GRID,
        ),
        Described("panels: quarters", "theme or family and quarter", _of_panel("quarters"), schemas.PANEL_QUARTER),
        Described("panels: themes", "theme or family: filter by `level`", _of_panel("themes"), schemas.PANEL_THEME),
        Described(
            "panels: exposures",
            "call and theme or family that it speaks of",
            _of_panel("exposures"),
            schemas.PANEL_EXPOSURE,
        ),
        Described(
            "panels: words",
            "call, theme or family that it speaks of, and category of the list given with `--words`",
            _of_panel("words"),
            schemas.PANEL_WORDS,
        ),
        Described("panels: calls", "earnings call", _of_panel("calls"), schemas.CALL),
        Described("prefetch", "sentence", f"{keys.prefetch_prefix('Q')}*.parquet", schemas.SENTENCE),
        Described("firm-topics", "topic of a firm", f"{keys.topics_parts_prefix('Q')}*.parquet", schemas.TOPIC),
        Described(
            "firm-sentences", "sentence", f"{keys.sentences_parts_prefix('Q')}*.parquet", schemas.SENTENCE_VECTOR
        ),
    ]


def _of_panel(table: str) -> str:
    return f"panels/NAME/{keys.panel_table(table)}"


def page() -> str:
    """The whole document."""
    return "\n".join([_INTRODUCTION, *(_section(table) for table in tables())])


def _section(table: Described) -> str:
    lines = [
        f"## {table.name}",
        "",
        f"`{table.where}`: one row per {table.row}.",
        "",
        "| Column | Type | |",
        "|---|---|---|",
        *(
            f"| `{field.name}`{_null(field)} | {type_name(field.type)} | {_description(field)} |"
            for field in table.schema
        ),
    ]
    return "\n".join(lines) + "\n"


def type_name(kind: pa.DataType) -> str:
    """The name of a type as the documents write it: ``list<string>``, ``date``."""
    if pa.types.is_list(kind):
        return f"list<{type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name} {type_name(field.type)}' for field in kind)}>"
    if pa.types.is_date(kind):
        return "date"
    return str(kind)


def _null(field: pa.Field[Any]) -> str:
    return "?" if field.nullable else ""


def _description(field: pa.Field[Any]) -> str:
    return (field.metadata or {})[DESCRIPTION].decode()


if __name__ == "__main__":
    DOCUMENT.write_text(page(), encoding="utf-8")
