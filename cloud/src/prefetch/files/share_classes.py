"""Two share classes of one company: the same call under two tickers counts once."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.firm_ids import ADVICE, firm_slug

_Calls = dict[object, list[tuple[int, str]]]  # by day


def share_classes(rows: pa.Table, firms_by_ticker: set[str]) -> dict[str, str]:
    """Return the ticker to leave out for the one that is kept: ``{"ALGB": "ALGA"}``.

    Args:
        rows: all rows of the quarter, with ids.
        firms_by_ticker: the firms whose id was made from their ticker.

    Raises:
        InvalidInput: a company has two tickers, and not the same calls under both.
    """
    pairs = rows.group_by(["firm_id", "company"]).aggregate([])
    tickers: dict[str, set[str]] = defaultdict(set)
    for firm_id, company in zip(pairs["firm_id"].to_pylist(), pairs["company"].to_pylist(), strict=True):
        if company and firm_id in firms_by_ticker:
            tickers[firm_slug(str(company))].add(str(firm_id))
    left_out: dict[str, str] = {}
    for company, several in tickers.items():
        first, *others = sorted(several)
        kept = _calls(rows, first) if others else {}
        for other in others:
            if any(kept.get(call) != turns for call, turns in _calls(rows, other).items()):
                raise InvalidInput(f"company {company!r} has other calls as {first!r} than as {other!r}: {ADVICE}")
            left_out[other] = first
    return left_out


def without_firms(rows: pa.Table, firm_ids: list[str]) -> pa.Table:
    """The rows of the other firms."""
    return rows.filter(pc.invert(pc.is_in(rows["firm_id"], pa.array(firm_ids, pa.string()))))


def _calls(rows: pa.Table, firm_id: str) -> _Calls:
    """The turns of each day's call."""
    calls: _Calls = defaultdict(list)
    own: Any = rows.filter(pc.equal(rows["firm_id"], pa.scalar(firm_id)))
    for row in own.select(["date", "position", "text"]).to_pylist():
        calls[row["date"]].append((row["position"], row["text"] or ""))
    return {day: sorted(turns) for day, turns in calls.items()}
