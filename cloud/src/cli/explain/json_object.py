"""What ``ftm explain --json`` prints of an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cloud.src.cli.explain.explanation import Explanation
from cloud.src.cli.explain.find import Row
from cloud.src.cli.explain.tables import rule

_GROUP = "theme_id name level description general n_firms share_of_firms n_sentences stability named_by dictionary"
_THEME = "theme_id name n_firms n_sentences"


def as_json_object(
    explained: Explanation, n_firms: int, n_shown: int, firm: Row | None, exposures: Sequence[Row]
) -> dict[str, Any]:
    """The same as the tables show, with whole texts and the whole dictionary; dates as dates.

    ``n_firms``: in the quarter. ``firm``: the one that is asked for, with its ``exposures``, call by call.
    """
    family = explained.family
    sentences = explained.shown(n_shown, one_per_firm=firm is None)
    return {
        "quarter": explained.quarter,
        "n_firms_in_quarter": n_firms,
        **_columns(explained.group, _GROUP),
        "family": family and _columns(family, "theme_id name"),
        "themes": [_columns(theme, _THEME) for theme in explained.themes],
        "rule": rule(explained.group["level"]),
        "firm": firm,
        "exposures": [{name: value for name, value in row.items() if name != "theme_id"} for row in exposures],
        "sentences": {
            kind: {"n": n_all, "shown": [asdict(said) for said in shown]} for kind, (n_all, shown) in sentences.items()
        },
    }


def _columns(row: Row, names: str) -> Row:
    return {name: row[name] for name in names.split()}
