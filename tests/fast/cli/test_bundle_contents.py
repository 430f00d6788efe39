"""The command that a bundle states makes its quarter again, and tables are compared by their rows."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cloud.src.cli.bundle.compare import Compared, compare
from cloud.src.cli.bundle.contents import Settings, command
from cloud.src.cli.run.naming_plan import KEYWORDS, LLM
from cloud.src.models import packaged_models


@pytest.mark.parametrize(
    ("settings", "stated"),
    [
        (
            Settings(25, KEYWORDS, KEYWORDS, None, [], "date", False),
            "ftm run 2020Q2 --input TRANSCRIPTS --batch-size 25 --no-llm",
        ),
        (
            Settings(6, LLM, LLM, packaged_models.LLM, ["topic_name_v2"], "file", True),
            "ftm run 2020Q2 --input TRANSCRIPTS --batch-size 6 --quarter-from file --all-languages --llm-topics",
        ),
        (
            Settings(25, KEYWORDS, LLM, packaged_models.LLM, ["theme_name_v3"], "date", False),
            "ftm run 2020Q2 --input TRANSCRIPTS --batch-size 25",
        ),
        (
            Settings(25, LLM, LLM, "Qwen/Qwen3-8B", ["theme_name_v3"], "date", False),
            "LLM_MODEL_NAME=Qwen/Qwen3-8B ftm run 2020Q2 --input TRANSCRIPTS --batch-size 25 --llm-url URL",
        ),
        (
            Settings(25, LLM, LLM, "my model; rm", ["theme_name_v3"], "date", False),
            "LLM_MODEL_NAME='my model; rm' ftm run 2020Q2 --input TRANSCRIPTS --batch-size 25 --llm-url URL",
        ),
    ],
)
def test_the_command_has_the_settings(settings: Settings, stated: str) -> None:
    assert command("2020Q2", settings) == stated


BEFORE = pa.table({"a": ["x", "x", "y"], "b": [[1.0], [1.0], None]})


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (BEFORE, Compared(3, 3, 3)),
        (BEFORE.take(pa.array([2, 0, 1])), Compared(3, 3, 3)),
        (BEFORE.replace_schema_metadata({"run": "another"}), Compared(3, 3, 3)),
        (BEFORE.append_column("c", pa.array([1, 2, 3])), Compared(3, 3, 3)),
        (BEFORE.slice(1), Compared(3, 2, 2)),
        (pa.table({"a": ["x", "x", "y"], "b": [[1.0], [1.5], None]}), Compared(3, 3, 2)),
        (BEFORE.drop_columns(["b"]), Compared(3, 3, 0)),
    ],
)
def test_rows_are_compared_in_whatever_order(after: pa.Table, found: Compared) -> None:
    assert compare(BEFORE, after) == found
    assert found.is_same == (found == Compared(3, 3, 3))
