"""The record in a table's metadata: what the table was made with, and what else its readers need to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

METADATA_KEY = b"ftm"
_RUN = "run"


def with_record(table: pa.Table, record: Mapping[str, object]) -> pa.Table:
    """The table with a record in its metadata, beside what pandas looks for there."""
    written = {METADATA_KEY: json.dumps(record, default=str).encode()}
    return table.replace_schema_metadata({**written, **_for_pandas(table.schema)})


def _for_pandas(schema: pa.Schema) -> dict[bytes, bytes]:
    """Says that whole numbers which may be null are such: by itself pandas makes a PERMNO 10001.0.

    The keys are pandas' own: https://pandas.pydata.org/docs/development/developer.html.
    """
    columns = [
        {"name": field.name, "pandas_type": str(field.type), "numpy_type": str(field.type).capitalize()}
        for field in schema
        if field.nullable and pa.types.is_signed_integer(field.type)
    ]
    if not columns:
        return {}
    named = [{**column, "field_name": column["name"], "metadata": None} for column in columns]
    return {b"pandas": json.dumps({"index_columns": [], "column_indexes": [], "columns": named}).encode()}


def read_record(table: pa.Table) -> dict[str, Any]:
    """A part's metadata: made_of, firms, skipped, failed, without_llm, names_by.

    ``made_of`` is empty in a part by an earlier version, which had one fingerprint for all its firms.
    """
    written = read_metadata(table.schema)
    nothing: dict[str, Any] = {
        "made_of": {},
        "firms": [],
        "skipped": [],
        "failed": [],
        "without_llm": [],
        "names_by": {},
    }
    return {**nothing, **written}


def of_run(table: pa.Table, run_id: str) -> pa.Table:
    """The table with the id of the run that has made it, in the record that it has."""
    return with_record(table, {**read_metadata(table.schema), _RUN: run_id})


def run_of(schema: pa.Schema) -> str | None:
    """The id that all tables of one run share; None where an earlier version has written none."""
    run_id: str | None = read_metadata(schema).get(_RUN)
    return run_id


def read_metadata(schema: pa.Schema) -> dict[str, Any]:
    """What ``with_record`` put there; empty if it put nothing."""
    return dict(json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}")))
