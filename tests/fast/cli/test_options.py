"""Quarters as people type them."""

from __future__ import annotations

import pytest

from cloud.src.cli.options import quarter_of
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput


@pytest.mark.parametrize("typed", ["2020Q2", "2020q2", "2020-Q2", "2020-q2", "2020 Q2", " 2020_Q2 "])
def test_a_quarter_is_understood_as_it_is_typed(typed: str) -> None:
    assert quarter_of(typed) == "2020Q2"


@pytest.mark.parametrize("typed", ["2020Q5", "20Q2", "Q2 2020", "2020", "", "2020--Q2", "2020Q2x", "\uff12020Q2"])
def test_an_invalid_quarter_is_one_line_with_an_example(typed: str) -> None:
    with pytest.raises(InvalidInput, match="is not a quarter: write it like 2023Q1"):
        quarter_of(typed)


@pytest.mark.parametrize("typed", ["2020q2", "2020-Q2", " 2020Q2"])
def test_payloads_and_keys_stay_strict(typed: str) -> None:
    with pytest.raises(InvalidInput):
        keys.check_quarter(typed)
