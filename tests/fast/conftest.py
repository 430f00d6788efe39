"""Holds every test of this folder to its rule: pure functions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fast.purity import seen_impurities


@pytest.fixture(autouse=True)
def pure() -> Iterator[None]:
    with seen_impurities() as seen:
        yield
    assert not seen, f"a fast test {seen[0]}: it belongs into tests/component"
