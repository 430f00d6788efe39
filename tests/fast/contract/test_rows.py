"""The rows' types say what the tables' schemas say: the same columns, and the same of them may be empty."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pyarrow as pa
import pytest

from cloud.src.contract import rows, schemas


@pytest.mark.parametrize(
    ("row", "schema"),
    [(rows.FirmRow, schemas.FIRM), (rows.TopicRow, schemas.TOPIC), (rows.ThemeRow, schemas.THEME)],
    ids=["firms", "topics", "themes"],
)
def test_a_row_has_the_columns_of_its_table(row: type, schema: pa.Schema) -> None:
    may_be_empty = {name: type(None) in get_args(hint) for name, hint in get_type_hints(row).items()}
    assert may_be_empty == {field.name: field.nullable for field in schema}
