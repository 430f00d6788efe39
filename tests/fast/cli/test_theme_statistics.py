"""Tests with the firm as the unit: against scipy, by hand, and how often they are wrong where nothing has changed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cloud.src.cli.quarters.changes import MAX_Q, STEADY, Point, between, status_of
from cloud.src.cli.quarters.statistics import MAX_EXACT, paired_change, q_values, unpaired_change

PANELS, FIRMS, THEMES = 100, 150, 60
SHARE_NEAR = 0.4  # of the firms with a sentence, those that are near to a theme by themselves


@pytest.mark.parametrize("n_firms", [8, MAX_EXACT, 40])
def test_p_is_that_of_wilcoxon(n_firms: int) -> None:
    rng = np.random.default_rng(n_firms)
    before, after = rng.random(n_firms), rng.random(n_firms) + 0.2
    method = "exact" if n_firms <= MAX_EXACT else "approx"
    expected = stats.wilcoxon(after, before, method=method, correction=False).pvalue

    _, p = paired_change(before, after)

    assert p == pytest.approx(expected, rel=1e-6)


def test_firms_that_do_not_differ_play_no_part() -> None:
    changed = paired_change(np.zeros(6), np.arange(1.0, 7.0))
    assert changed == paired_change(np.zeros(50), np.concatenate([np.arange(1.0, 7.0), np.zeros(44)]))
    assert changed[1] == 2 / 2**6
    assert paired_change(np.ones(9), np.ones(9)) == (0.0, 1.0)


def test_firms_of_two_groups_are_compared_by_their_ranks() -> None:
    low, high = np.linspace(0, 1, 20), np.linspace(2, 3, 20)
    change, p = unpaired_change(low, high)
    assert change == 200
    assert p < 1e-6
    assert unpaired_change(np.zeros(5), np.zeros(5)) == (0.0, 1.0)


def test_q_values_by_hand() -> None:
    np.testing.assert_allclose(q_values(np.array([0.01, 0.04, 0.03, 0.9])), [0.04, 0.16 / 3, 0.16 / 3, 0.9])
    assert q_values(np.zeros(0)).size == 0


def without_change(rng: np.random.Generator, n_firms: int) -> list[dict[str, np.ndarray]]:
    """Two quarters of the same firms, which speak of each theme as much as before, on average."""
    of_theme = rng.beta(0.5, 8, THEMES)
    of_firm = rng.gamma(0.5, 2, (n_firms, THEMES))
    sentences = [rng.poisson(300 * 0.05 * of_theme * of_firm) / 300 for _ in range(2)]
    return [{f"firm {number}": row for number, row in enumerate(of_quarter)} for of_quarter in sentences]


def test_where_nothing_has_changed_almost_nothing_is_called_a_change() -> None:
    rng = np.random.default_rng(13)
    panels_with_a_false_one, statuses = 0, []
    for _ in range(PANELS):
        before, after = without_change(rng, FIRMS)
        found = between(before, after, range(THEMES))
        assert found.n_paired == FIRMS
        points = [
            [
                Point(int(n), n / FIRMS, 0, rng.binomial(n, SHARE_NEAR))
                for n in np.count_nonzero(list(quarter.values()), axis=0)
            ]
            for quarter in (before, after)
        ]
        of_panel = [
            status_of(first, last, (FIRMS, FIRMS), change, q)
            for first, last, change, q in zip(*points, found.change, found.q, strict=True)
        ]
        panels_with_a_false_one += bool((found.q < MAX_Q).any())
        statuses += of_panel

    # The q-values promise 5 % of panels; 11 of 100 would be three standard errors above it.
    assert panels_with_a_false_one <= 11
    # New and gone are by rule, and promise nothing: 0.9 % is what they come to here.
    assert np.mean([status != STEADY for status in statuses]) < 0.01


def test_a_clear_change_is_found() -> None:
    rng = np.random.default_rng(13)
    before, after = without_change(rng, FIRMS)
    for firm in list(after)[:60]:
        after[firm][0] += 0.02

    found = between(before, after, range(THEMES))

    assert found.q[0] < MAX_Q
    assert found.change[0] > 0
    assert (found.q[1:] >= MAX_Q).all()
