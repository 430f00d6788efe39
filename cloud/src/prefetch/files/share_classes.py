"""Two share classes of one company: the same call under two tickers counts once."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from os.path import commonprefix
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.firm_ids import ADVICE, firm_slug

# Behind the company's name: "Alphabet Inc. (Class A)", "Fox Corp. - Cl B".
_CLASS = re.compile(r"[\s,(-]+(?:class|cl|series)\.? [a-k](?: (?:common )?(?:stock|shares?))?\)?$", re.IGNORECASE)
_LEAST_TEXT = 1_000  # characters
_MOST_DIFFERENT = 2  # letters at the ends of two tickers of one company: GOOG and GOOGL, BRK.A and BRK.B

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
    named: set[str] = set()
    for firm_id, company in zip(pairs["firm_id"].to_pylist(), pairs["company"].to_pylist(), strict=True):
        if company and firm_id in firms_by_ticker:
            tickers[firm_slug(_CLASS.sub("", str(company)))].add(str(firm_id))
            named.add(str(firm_id))
    left_out = _without_names(rows, sorted(firms_by_ticker - named))
    for company, several in tickers.items():
        first, *others = sorted(several)
        kept = _calls(rows, first) if others else {}
        for other in others:
            if any(kept.get(call) != turns for call, turns in _calls(rows, other).items()):
                raise InvalidInput(f"company {company!r} has other calls as {first!r} than as {other!r}: {ADVICE}")
            left_out[other] = first
    return left_out


def _without_names(rows: pa.Table, tickers: list[str]) -> dict[str, str]:
    """Neighbours among the tickers that are alike and have the same calls, of more than a few words."""
    lengths = pa.table({"firm_id": rows["firm_id"], "text": pc.utf8_length(rows["text"])})
    sums = lengths.group_by("firm_id").aggregate([("text", "sum")]).to_pylist()
    length_of = {row["firm_id"]: row["text_sum"] for row in sums}
    left_out: dict[str, str] = {}
    for before, ticker in pairwise(tickers):
        same = len(commonprefix([before, ticker]))
        is_alike = same and max(len(before), len(ticker)) - same <= _MOST_DIFFERENT
        is_long = length_of[before] == length_of[ticker] and (length_of[ticker] or 0) >= _LEAST_TEXT
        if is_alike and is_long and _calls(rows, before) == _calls(rows, ticker):
            left_out[ticker] = left_out.get(before, before)
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
