"""What Lambda functions whose input is a person's say when it is no JSON object: AWS hands over any JSON value."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.lambdas import create_batch_manifest, prefetch_check

FUNCTIONS = (prefetch_check, create_batch_manifest)


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (None, "None"),
        ([], "[]"),
        ([{"quarter": "2023Q1"}], "[{'quarter': '2023Q1'}]"),
        ("2023Q1", "'2023Q1'"),
        (20231, "20231"),
        (True, "True"),
        ("two\nlines", "'two\\nlines'"),
        ("long " * 1000, "'long long"),
    ],
)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__.rpartition(".")[2])
def test_input_that_is_not_an_object_is_one_line(no_aws: None, function: Any, event: object, shown: str) -> None:
    with pytest.raises(InvalidInput) as error:
        function.handler(event, None)

    message = str(error.value)
    assert message.startswith(f"input {shown}")
    assert message.endswith(" is not a JSON object with quarter and bucket")
    assert "\n" not in message
    assert len(message) < 300
