"""Filling in the state machine's file as Terraform does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cloud.src.contract.errors import FtmError
from cloud.src.localaws.child_environment import full_python_path
from cloud.src.localaws.provision import definition, fill_in

VARIABLES: dict[str, str | int] = {
    **{
        f"{name}_arn": f"arn:aws:test:us-east-1:123456789012:{name}"
        for name in (
            "prefetch_check",
            "create_batch_manifest",
            "summarize_results",
            "notify_completion",
            "job_queue",
            "firm_processor",
            "theme_aggregator",
        )
    },
    "max_concurrency": 4,
    "retry_interval_seconds": 1,
    "map_timeout_seconds": 60,
    "reduce_timeout_seconds": 60,
    "execution_timeout_seconds": 600,
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ('{"Resource": "${name}"}', '{"Resource": "value"}'),
        ('{"MaxConcurrency": ${number}}', '{"MaxConcurrency": 4}'),
        ('{"a.$": "$.name", "b.$": "$$.Map.Item.Value"}', '{"a.$": "$.name", "b.$": "$$.Map.Item.Value"}'),
        ("${name}${name}", "valuevalue"),
    ],
)
def test_only_variables_are_replaced(template: str, filled: str) -> None:
    assert fill_in(template, {"name": "value", "number": 4}) == filled


def test_variables_without_a_value_are_named() -> None:
    with pytest.raises(FtmError, match="variables without a value: first, second$"):
        fill_in("${second} ${first} ${known}", {"known": 1})


def test_the_real_file_has_exactly_the_filled_variables() -> None:
    states = json.loads(definition(VARIABLES))["States"]
    assert states["ProcessBatches"]["MaxConcurrency"] == 4
    for name in VARIABLES:
        with pytest.raises(FtmError, match=f"without a value: {name}$"):
            definition({key: value for key, value in VARIABLES.items() if key != name})


def test_the_real_file_is_read_the_same_in_every_locale() -> None:
    code = f"import sys; sys.path[:0] = {full_python_path()}; "
    code += f"from cloud.src.localaws.provision import definition; definition({VARIABLES})"
    locale_is_an_error = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"]
    subprocess.run([sys.executable, *locale_is_an_error, "-c", code], check=True)
