"""The example's own arithmetic: normal returns by hand, groups, few clusters, and what 200 made-up panels come to.

statsmodels is not in the product's environment: least squares are numpy's here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.event_study_coverage import rates
from examples import event_study
from examples.event_study import ESTIMATION, GROUPS, SHOWN, Estimate, Floats, Numbers, Returns

N_DAYS = 200
DAYS = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-01-01") + N_DAYS)
EVENT = 150


def least_squares(y: Floats, x: Floats, clusters: Numbers, n_reported: int) -> list[Estimate]:
    """In the place of event_study.regress."""
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    corrected = event_study.few_cluster_errors(x, y - x @ coefficients, clusters, n_reported)
    return [Estimate(float(value), *found) for value, found in zip(coefficients, corrected, strict=False)]


def two_firms() -> Returns:
    """Each is a line of the market's return; the first one does better by 3 % on its event day."""
    market = np.random.default_rng(0).normal(0, 0.01, N_DAYS)
    by_firm = np.column_stack([0.001 + 1.5 * market, -0.002 + 0.5 * market])
    by_firm[EVENT, 0] += 0.03
    return Returns(DAYS, np.array([10001, 10002]), by_firm, market)


def test_abnormal_is_what_the_market_does_not_explain() -> None:
    returns = two_firms()
    found = event_study.abnormal_returns(returns, np.array([10002, 10001]), DAYS[[EVENT, EVENT]])

    expected = np.zeros((2, SHOWN[1] - SHOWN[0] + 1))
    expected[1, -SHOWN[0]] = 0.03
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(event_study.cumulated(found, (0, 1)), [0, 3], atol=1e-9)
    np.testing.assert_allclose(event_study.cumulated(found, (-7, -6)), [0, 0], atol=1e-9)


def test_normal_returns_do_not_know_the_days_that_are_shown() -> None:
    returns = two_firms()
    before = event_study.abnormal_returns(returns, np.array([10001]), DAYS[[EVENT]])
    returns.by_firm[EVENT + SHOWN[0] :] += 0.5
    after = event_study.abnormal_returns(returns, np.array([10001]), DAYS[[EVENT]])

    np.testing.assert_allclose(after, before + 0.5)


@pytest.mark.parametrize(("n_known", "is_known"), [(event_study.MIN_DAYS, True), (event_study.MIN_DAYS - 1, False)])
def test_a_firm_needs_returns_before_its_call(n_known: int, is_known: bool) -> None:
    returns = two_firms()
    returns.by_firm[: EVENT + ESTIMATION[1] + 1 - n_known, 0] = np.nan
    found = event_study.abnormal_returns(returns, np.array([10001, 10002]), DAYS[[EVENT, EVENT]])

    assert np.isfinite(found[0]).all() == is_known
    assert np.isfinite(found[1]).all()


def test_missing_and_later_days_are_not_known() -> None:
    returns = two_firms()
    returns.by_firm[EVENT + 1, 0] = np.nan
    found = event_study.abnormal_returns(returns, np.array([10001, 10002]), DAYS[[EVENT, N_DAYS - 1]])

    assert np.isnan(event_study.cumulated(found, (0, 1))).all()
    np.testing.assert_allclose(event_study.cumulated(found, (0, 0)), [3, 0], atol=1e-9)


def test_groups_are_no_exposure_and_three_equal_ones() -> None:
    found = event_study.exposure_groups(np.array([0, 5, 1, 0, 2, 6, 3, 4]))
    assert [GROUPS[number] for number in found] == ["none", "high", "low", "none", "low", "high", "middle", "middle"]


def test_regressors_are_exposure_constant_and_dummies() -> None:
    found = event_study.design(np.array([1.0, 2, 3]), [["Q1", "Q2", "Q2"], ["Banks", None, "Banks"]])
    np.testing.assert_array_equal(found, [[1, 1, 0, 0], [2, 1, 1, 1], [3, 1, 1, 0]])


def test_with_one_row_per_cluster_errors_are_hc2() -> None:
    random = np.random.default_rng(1)
    x = np.column_stack([random.normal(size=30), np.ones(30)])
    residuals = random.normal(size=30)
    residuals -= x @ np.linalg.lstsq(x, residuals, rcond=None)[0]
    bread = np.linalg.inv(x.T @ x)
    leverage = np.einsum("ij,jk,ik->i", x, bread, x)
    hc2 = bread @ (x.T * (residuals**2 / (1 - leverage))) @ x @ bread

    found = event_study.few_cluster_errors(x, residuals, np.arange(30), 2)
    np.testing.assert_allclose([se for se, _ in found], np.sqrt(np.diag(hc2)))


def test_equal_clusters_have_one_degree_of_freedom_less() -> None:
    y = np.repeat([1.0, 4, 2, 7, 6], 3)
    [(se, dof)] = event_study.few_cluster_errors(np.ones((15, 1)), y - y.mean(), np.repeat(np.arange(5), 3), 1)

    assert dof == pytest.approx(4)
    assert se == pytest.approx(np.std([1, 4, 2, 7, 6], ddof=1) / np.sqrt(5))


def test_one_crowded_day_leaves_fewer_degrees_of_freedom() -> None:
    clusters = np.array([0] * 40 + [1, 2, 3, 4])
    [(_, dof)] = event_study.few_cluster_errors(np.ones((44, 1)), np.zeros(44), clusters, 1)
    assert dof < 2


def test_intervals_cover_the_planted_effect_and_the_placebo_seldom_rejects() -> None:
    found = rates(range(200), least_squares)["corrected"]

    assert 0.90 <= found.covers <= 0.98
    assert 0.02 <= found.rejects <= 0.08


def test_unusable_calls_in_the_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "returns.csv").write_text(
        "PERMCO,permno,date,ret,vwretd\n7,10001,20200102,0.01,0.002\n7,10002,20200102,C,0.002\n7,10001,20200103,,0.003\n"
    )
    returns = event_study.read_returns(tmp_path / "returns.csv", "vwretd")
    np.testing.assert_array_equal(returns.by_firm, [[0.01, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(returns.market, [0.002, 0.003])
    assert event_study.read_returns(tmp_path / "returns.csv", None).market[0] == 0.01

    grid = pd.DataFrame(
        {
            "theme_id": "family_spring_001",
            "theme_name": "Supply Chain",
            "permno": [10001, 10002, None, 10001, 10009, 10001],
            "event_date": ["2020-01-02", "2020-01-03", "2020-01-02", None, "2020-01-02", "2020-01-04"],
            "exposure": [0.01, 0, 0, 0, 0, 0],
            "gvkey": "001234",
        }
    )
    grid.to_csv(tmp_path / "grid.csv", index=False)
    calls = event_study.read_calls(tmp_path / "grid.csv", "Supply Chain", "exposure", "event_date")
    left, counts = event_study.usable(calls, returns)
    assert left.exposure.tolist() == [1.0, 0.0]
    assert list(counts.values()) == [0, 1, 1, 1, 1]
    grid.assign(permno=grid.permno.astype("Int64")).to_parquet(tmp_path / "grid.parquet")  # as a panel's grid is
    same, counts_again = event_study.usable(
        event_study.read_calls(tmp_path / "grid.parquet", "Supply Chain", "exposure", "event_date"), returns
    )
    assert (same.permno.tolist(), counts_again) == (left.permno.tolist(), counts)
    with pytest.raises(SystemExit, match="has no theme 'Labor': its themes are Supply Chain"):
        event_study.read_calls(tmp_path / "grid.csv", "Labor", "exposure", "event_date")


def test_an_estimate_as_it_is_printed() -> None:
    printed = event_study.line("high", Estimate(-1.0, 0.25, 20.0, 0.2))
    assert printed.split() == ("high -1.000 se 0.250 (CR1 0.200) 95 % -1.521 to -0.479 p 0.001 dof 20.0".split())
