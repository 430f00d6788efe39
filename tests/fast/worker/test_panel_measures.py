"""Momentum, affinity and novelty by hand, and that none of them knows what is said later."""

from __future__ import annotations

import numpy as np
import pytest

from cloud.src.worker.panel.measures import affinity, momentum, novelty


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_momentum_is_against_the_mean_of_the_four_calls_before() -> None:
    exposure = column(0.9, 0.1, 0.2, 0.3, 0.4, 0.5)
    found = momentum(exposure, ["a"] * 6, np.arange(0, 600, 100))

    np.testing.assert_allclose(found[:, 0], [np.nan, -0.8, -0.3, -0.1, 0.025, 0.25])


def test_momentum_ignores_other_firms_and_calls_that_day() -> None:
    found = momentum(column(0.1, 0.2, 0.3, 0.6), ["a", "a", "b", "a"], np.array([5, 5, 5, 9]))

    np.testing.assert_allclose(found[:, 0], [np.nan, np.nan, np.nan, 0.45])


def test_affinity_compares_with_the_sectors_latest_calls() -> None:
    firms = ["a", "b", "c", "d", "e", "a", "f", "x"]
    exposure = column(0.9, 0.2, 0.3, 0.4, 0.5, 0.1, 0.7, 0.0)
    days = np.array([0, 1, 2, 3, 4, 5, 6, 3])
    sectors = ["Tools"] * 7 + ["Banks"]

    found = affinity(exposure, firms, sectors, days)

    # Only f has five others before it; of a the second call counts.
    assert np.isnan(found[[0, 1, 2, 3, 4, 5, 7], 0]).all()
    assert found[6, 0] == pytest.approx(0.7 - (0.1 + 0.2 + 0.3 + 0.4 + 0.5) / 5)


@pytest.mark.parametrize(("day", "is_known"), [(365, True), (366, False), (0, False)])
def test_affinity_looks_back_one_year_before_the_day(day: int, is_known: bool) -> None:
    found = affinity(column(0, 0, 0, 0, 0, 0.5), list("abcdef"), ["Tools"] * 6, np.array([0, 0, 0, 0, 0, day]))

    assert bool(np.isfinite(found[5, 0])) == is_known


def test_affinity_without_a_sector_is_not_known() -> None:
    found = affinity(column(0, 0, 0, 0, 0, 0.5), list("abcdef"), [None] * 6, np.array([0, 0, 0, 0, 0, 1]))

    assert np.isnan(found).all()


def test_novelty_is_against_up_to_four_quarters_before() -> None:
    found = novelty(column(0.1, 0.3, 0.2, 0.2, 0.2, 0.9))

    np.testing.assert_allclose(found[:, 0], [np.nan, 0.2, 0.0, 0.0, 0.0, 0.675])


def test_later_calls_change_nothing() -> None:
    rng = np.random.default_rng(0)
    n_calls = 200
    exposure, days = rng.random((n_calls, 3)), np.sort(rng.integers(0, 700, n_calls))
    firms = [f"firm {number}" for number in rng.integers(0, 20, n_calls)]
    sectors = [["Tools", "Banks"][number] for number in rng.integers(0, 2, n_calls)]
    until = int(np.searchsorted(days, 400))

    before, after = (momentum(exposure[:n], firms[:n], days[:n]) for n in (until, n_calls))
    np.testing.assert_array_equal(before, after[:until])
    before, after = (affinity(exposure[:n], firms[:n], sectors[:n], days[:n]) for n in (until, n_calls))
    np.testing.assert_array_equal(before, after[:until])
    assert np.isfinite(affinity(exposure, firms, sectors, days)[until:]).any()
