"""Writes the tables of a small panel that ``ftm themes`` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cloud.src.contract import keys, schemas
from cloud.src.contract.record import with_record

QUARTERS = ("2022Q4", "2023Q1")
SAID = 100  # sentences of each call that say something


@dataclass(frozen=True)
class FakeTheme:
    """A theme, or a family: of each quarter the sentences of firm 0, firm 1, ... that count for it."""

    name: str
    sentences: Sequence[Sequence[int]]
    level: str = "theme"
    general: bool = False
    keywords: list[str] = field(default_factory=lambda: ["lead times"])
    n_firms_near: Sequence[int] | None = None  # of each quarter; None: all firms with a sentence


def write_panel(
    folder: Path,
    themes: Sequence[FakeTheme],
    firms: Sequence[Sequence[str]],
    inputs: dict[str, str] | None = None,
    quarters: Sequence[str] = QUARTERS,
    run: str = "a panel",
) -> Path:
    """``firms`` has the firms that call in each quarter; each calls once. ``run`` is the id in all tables."""
    calls, exposures, points, rows = [], [], [], []
    for quarter, of_quarter in zip(quarters, firms, strict=True):
        calls += [_of(schemas.CALL, {**_call(firm, quarter), "n_sentences_said": SAID}) for firm in of_quarter]
    for number, theme in enumerate(themes, start=1):
        theme_id = f"{theme.level}_spring_{number:03d}"
        named = {"theme_id": theme_id, "level": theme.level, "general": theme.general}
        rows.append(_of(schemas.PANEL_THEME, {**named, "name": theme.name, "keywords": theme.keywords}))
        near = theme.n_firms_near or [sum(count > 0 for count in counts) for counts in theme.sentences]
        for quarter, of_quarter, counts, n_near in zip(quarters, firms, theme.sentences, near, strict=True):
            found = [(firm, count) for firm, count in zip(of_quarter, counts, strict=True) if count]
            exposures += [
                _of(schemas.PANEL_EXPOSURE, {**_call(firm, quarter), **named, "n_sentences": count})
                for firm, count in found
            ]
            n_sentences = sum(count for _, count in found)
            point = {"quarter": quarter, "n_firms": len(found), "n_firms_near": n_near, "n_sentences": n_sentences}
            share = len(found) / max(1, len(of_quarter))
            points.append(_of(schemas.PANEL_QUARTER, {**named, **point, "share_of_firms": share}))
    tables = {
        "calls": (calls, schemas.CALL),
        "exposures": (exposures, schemas.PANEL_EXPOSURE),
        "quarters": (points, schemas.PANEL_QUARTER),
        "grid": ([], schemas.GRID),
        "themes": (rows, schemas.PANEL_THEME),
    }
    for name, (content, schema) in tables.items():
        path = folder / keys.panel_table(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(content, schema=schema)
        record = {"inputs": inputs or dict.fromkeys(quarters, "a run"), "run": run}
        pq.write_table(with_record(table, record), path)
    return folder


def _call(firm: str, quarter: str) -> dict[str, Any]:
    return {"firm_id": firm, "call_id": f"{firm}_{quarter}", "quarter": quarter}


def _of(schema: pa.Schema, known: dict[str, Any]) -> dict[str, Any]:
    """A row with something in each column that must not be null."""
    return {name: known.get(name, _something(schema.field(name))) for name in schema.names}


def _something(column: pa.Field[Any]) -> Any:
    if column.nullable:
        return None
    if pa.types.is_list(column.type):
        return []
    if pa.types.is_date(column.type):
        return date(2023, 2, 14)
    if pa.types.is_boolean(column.type):
        return False
    return "" if pa.types.is_string(column.type) else 0
