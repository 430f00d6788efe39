"""Every S3 key of the contract, for one quarter with one batch of one part."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

from cloud.src.contract import keys

QUARTER = "2023Q1"

_ARGUMENTS = {
    "quarter": QUARTER,
    "number": 0,
    "batch": keys.batch_id(QUARTER, 0),
    "part": 0,
    "name": keys.part_name(keys.batch_id(QUARTER, 0), 0, ["101"]),
    "created_at": datetime(2023, 5, 2, 9, 30, tzinfo=UTC),
}
_NO_KEYS = {"batch_id", "part_name", "part_of", "folder_of", "is_batch_progress", "panel_table", "created_at"}


def _all_keys() -> list[str]:
    functions = [
        function
        for name, function in inspect.getmembers(keys, inspect.isfunction)
        if function.__module__ == keys.__name__
        and name not in _NO_KEYS
        and not name.startswith(("_", "check_", "is_"))
        and not name.endswith("_prefix")
    ]
    return [
        function(**{name: _ARGUMENTS[name] for name in inspect.signature(function).parameters})
        for function in functions
    ]


KEYS = _all_keys()
