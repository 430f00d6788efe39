"""An event study of a panel: abnormal returns around earnings calls, by how much the calls speak of a theme.

    pip install -r examples/requirements.txt
    python examples/event_study.py GRID RETURNS --theme "Supply Chain"

GRID is a panel's ``grid.parquet`` or ``grid.csv``; RETURNS is a CSV file with the columns permno, date and ret. What is
estimated, and why so: docs/event_study.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

# Trading days from the event day, which is 0; both ends belong to it. The days that normal returns are estimated on end
# before the first day that is shown.
ESTIMATION = (-120, -11)
SHOWN = (-10, 10)
WINDOW = (0, 1)
PLACEBO = (-7, -6)
# A call with fewer returns than this in ESTIMATION is left out.
MIN_DAYS = 60
GROUPS = ("none", "low", "middle", "high")
FIXED_EFFECTS = ("quarter", "sector")

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Returns:
    """Daily returns, 0.01 is one percent; NaN where one is missing.

    ``days`` are the trading days in order, ``by_firm`` has shape (days, firms), ``market`` has one per day.
    """

    days: NDArray[np.datetime64]
    permnos: Numbers
    by_firm: Floats
    market: Floats


@dataclass(frozen=True)
class Estimate:
    """A coefficient. ``se`` is corrected for few clusters, ``usual_se`` is not; ``dof`` belongs to ``se``."""

    value: float
    se: float
    dof: float
    usual_se: float = np.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Of 95 %."""
        half = float(stats.t.ppf(0.975, self.dof)) * self.se
        return self.value - half, self.value + half

    @property
    def p(self) -> float:
        """That a coefficient of zero comes out so far from zero."""
        return float(2 * stats.t.sf(abs(self.value / self.se), self.dof))


# --- what goes in ------------------------------------------------------------------------------


def read_calls(path: Path, theme: str, measure: str, date: str) -> pd.DataFrame:
    """One row per call, with its ``exposure`` to the theme in percentage points and its event ``day``.

    ``theme`` is a name or id of the grid, ``measure`` one of its columns, ``date`` the column with the event day.
    """
    grid = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"gvkey": str})
    calls = grid[(grid.theme_name == theme) | (grid.theme_id == theme)]
    if calls.empty:
        raise SystemExit(f"{path} has no theme {theme!r}: its themes are {', '.join(sorted(grid.theme_name.unique()))}")
    return calls.assign(exposure=100 * calls[measure].astype(float), day=pd.to_datetime(calls[date]))


def read_returns(path: Path, market: str | None) -> Returns:
    """A CSV file, a row per firm and day. ``market`` is the column of the market's return; None: the mean of firms."""
    columns = ["permno", "date", "ret", *([market] if market else [])]
    table = pd.read_csv(path, usecols=columns, dtype=str)
    # CRSP writes letters where there is no return.
    numbers = {name: pd.to_numeric(table[name], errors="coerce") for name in columns[2:]}
    return returns_of(table.assign(**numbers), market)


def returns_of(table: pd.DataFrame, market: str | None) -> Returns:
    """The same from a table with the columns permno, date, ret, and that of the market if it has one."""
    table = table.assign(permno=table.permno.astype("int64"), date=pd.to_datetime(table.date))
    by_firm = table.pivot(index="date", columns="permno", values="ret").sort_index()
    market_of_day = table.groupby("date")[market].first() if market else by_firm.mean(axis=1)
    return Returns(
        by_firm.index.to_numpy().astype("datetime64[D]"),
        by_firm.columns.to_numpy(),
        by_firm.to_numpy(dtype=np.float64),
        market_of_day.reindex(by_firm.index).to_numpy(dtype=np.float64),
    )


def usable(calls: pd.DataFrame, returns: Returns) -> tuple[pd.DataFrame, dict[str, int]]:
    """The calls that can be studied, and how many others there are, by reason."""
    reasons = {
        "without the measure": calls.exposure.isna(),
        "without a PERMNO": calls.permno.isna(),
        "without an event day": calls.day.isna(),
        "of firms without returns": ~calls.permno.isin(returns.permnos),
        "on days without returns": ~calls.day.isin(pd.to_datetime(returns.days)),
    }
    left = pd.Series(data=True, index=calls.index)
    counts = {}
    for reason, applies in reasons.items():
        counts[reason] = int((left & applies).sum())
        left &= ~applies
    return calls[left].reset_index(drop=True), counts


# --- abnormal returns --------------------------------------------------------------------------


def abnormal_returns(returns: Returns, permnos: Numbers, days: NDArray[np.datetime64]) -> Floats:
    """Return minus what the market model expects, shape (calls, days of SHOWN); NaN where it is not known.

    The model is ret = a + b * market, fitted to each call's days of ESTIMATION by least squares. A call with fewer than
    MIN_DAYS of them has NaN only.
    """
    event = np.searchsorted(returns.days, days).astype(np.int64)
    firm = np.searchsorted(returns.permnos, permnos).astype(np.int64)
    ret, market = _around(returns, event, firm, ESTIMATION)
    known = np.isfinite(ret) & np.isfinite(market)
    n_days = known.sum(axis=1, keepdims=True)
    mean_ret, mean_market = (
        np.where(known, values, 0).sum(axis=1, keepdims=True) / np.maximum(n_days, 1) for values in (ret, market)
    )
    off_market = np.where(known, market - mean_market, 0)
    variation = (off_market**2).sum(axis=1, keepdims=True)
    enough = (n_days >= MIN_DAYS) & (variation > 0)
    slope = (off_market * np.where(known, ret, 0)).sum(axis=1, keepdims=True) / np.where(enough, variation, 1)
    ret, market = _around(returns, event, firm, SHOWN)
    abnormal: Floats = np.where(enough, ret - mean_ret - slope * (market - mean_market), np.nan)
    return abnormal


def _around(returns: Returns, event: Numbers, firm: Numbers, window: tuple[int, int]) -> tuple[Floats, Floats]:
    """The firms' and the market's returns on the days of a window, both of shape (calls, days of the window)."""
    rows = event[:, None] + np.arange(window[0], window[1] + 1)
    outside = (rows < 0) | (rows >= len(returns.days))
    rows = np.where(outside, 0, rows)
    ret = np.where(outside, np.nan, returns.by_firm[rows, firm[:, None]])
    return ret, np.where(outside, np.nan, returns.market[rows])


def cumulated(abnormal: Floats, window: tuple[int, int]) -> Floats:
    """The sum over a window in percent; NaN where a day of it is not known."""
    total: Floats = 100 * abnormal[:, window[0] - SHOWN[0] : window[1] - SHOWN[0] + 1].sum(axis=1)
    return total


# --- estimates ---------------------------------------------------------------------------------


def exposure_groups(exposure: Floats) -> Numbers:
    """Number in GROUPS: none where it is zero, the others in three of the same size; equal values are not parted."""
    some = exposure != 0
    group = np.zeros(len(exposure), dtype=np.int64)
    if some.any():
        group[some] = 1 + np.searchsorted(np.quantile(exposure[some], [1 / 3, 2 / 3]), exposure[some])
    return group


def design(exposure: Floats, factors: Sequence[Sequence[Any]]) -> Floats:
    """Regressors of shape (calls, regressors): the exposure, a constant, and all values but one of each factor."""
    dummies = [
        pd.get_dummies(pd.Series(list(factor), dtype=object).fillna("unknown"), drop_first=True) for factor in factors
    ]
    return np.column_stack([exposure, np.ones(len(exposure)), *(each.to_numpy(dtype=np.float64) for each in dummies)])


def regress(y: Floats, x: Floats, clusters: Numbers, n_reported: int) -> list[Estimate]:
    """The first ``n_reported`` coefficients of least squares, with standard errors clustered."""
    import statsmodels.api as sm  # pants: no-infer-dep

    fitted = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    corrected = few_cluster_errors(x, np.asarray(fitted.resid), clusters, n_reported)
    return [
        Estimate(float(value), se, dof, float(usual_se))
        for value, usual_se, (se, dof) in zip(fitted.params, fitted.bse, corrected, strict=False)
    ]


def few_cluster_errors(x: Floats, residuals: Floats, clusters: Numbers, n_reported: int) -> list[tuple[float, float]]:
    """Standard errors and their degrees of freedom, for few clusters or clusters of very different sizes.

    The residuals of each cluster are made larger by as much as the fit makes them too small (CR2), and the degrees of
    freedom are those of Satterthwaite: Bell and McCaffrey (2002), "Bias reduction in standard errors for linear
    regression with multi-stage samples"; Pustejovsky and Tipton (2018), doi:10.1080/07350015.2016.1247004.
    """
    bread = np.linalg.pinv(x.T @ x)
    of_cluster = [np.flatnonzero(clusters == cluster) for cluster in np.unique(clusters)]
    scores, sizes, turned = [], [], []
    for rows in of_cluster:
        weights = _inverse_root(np.eye(len(rows)) - x[rows] @ bread @ x[rows].T) @ x[rows] @ bread[:, :n_reported]
        scores.append(residuals[rows] @ weights)
        sizes.append((weights**2).sum(axis=0))
        turned.append(x[rows].T @ weights)
    errors = np.sqrt((np.array(scores) ** 2).sum(axis=0))
    found = []
    for column in range(n_reported):
        across = np.array([each[:, column] for each in turned])
        spread = np.diag([size[column] for size in sizes]) - across @ bread @ across.T
        found.append((float(errors[column]), float(np.trace(spread) ** 2 / (spread**2).sum())))
    return found


def _inverse_root(symmetric: Floats) -> Floats:
    """Its inverse square root; of what it sends to zero, zero."""
    values, vectors = np.linalg.eigh(symmetric)
    roots = np.where(values > 1e-10, 1 / np.sqrt(np.maximum(values, 1e-10)), 0)
    root: Floats = (vectors * roots) @ vectors.T
    return root


# --- what comes out ----------------------------------------------------------------------------


def effect_of_exposure(
    calls: pd.DataFrame, abnormal: Floats, window: tuple[int, int], effects: Sequence[str]
) -> Estimate:
    """The change of the window's abnormal return per percentage point of exposure."""
    y, known = _known(abnormal, window)
    x = design(calls.exposure[known].to_numpy(), [calls[effect][known] for effect in effects])
    return regress(y[known], x, _day_numbers(calls[known]), 1)[0]


def means_by_group(calls: pd.DataFrame, abnormal: Floats, window: tuple[int, int]) -> dict[str, Estimate]:
    """The mean abnormal return of each group in the window, in percent."""
    y, known = _known(abnormal, window)
    group = exposure_groups(calls.exposure.to_numpy())[known]
    there = np.unique(group)
    found = regress(y[known], (group[:, None] == there).astype(np.float64), _day_numbers(calls[known]), len(there))
    return {GROUPS[number]: estimate for number, estimate in zip(there, found, strict=True)}


def _known(abnormal: Floats, window: tuple[int, int]) -> tuple[Floats, NDArray[np.bool_]]:
    y = cumulated(abnormal, window)
    return y, np.isfinite(y)


def _days(calls: pd.DataFrame) -> NDArray[np.datetime64]:
    days: NDArray[np.datetime64] = calls.day.to_numpy().astype("datetime64[D]")
    return days


def _day_numbers(calls: pd.DataFrame) -> Numbers:
    return np.unique(_days(calls), return_inverse=True)[1].astype(np.int64)


def paths(calls: pd.DataFrame, abnormal: Floats) -> pd.DataFrame:
    """The mean abnormal return in percent of each group on each day of SHOWN."""
    group = exposure_groups(calls.exposure.to_numpy())
    days = pd.RangeIndex(SHOWN[0], SHOWN[1] + 1, name="day")
    means = pd.DataFrame(100 * abnormal, columns=days).groupby(group).mean().T
    return means.rename(columns=dict(enumerate(GROUPS)))


def line(name: str, estimate: Estimate) -> str:
    """An estimate as it is printed."""
    low, high = estimate.interval
    return (
        f"{name:>19} {estimate.value:8.3f}  se {estimate.se:.3f} (CR1 {estimate.usual_se:.3f})  95 % {low:.3f} to "
        f"{high:.3f}  p {estimate.p:.3f}  dof {estimate.dof:.1f}"
    )


def main() -> None:
    """Print the study of one theme."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grid", type=Path, help="grid.parquet or grid.csv of a panel")
    parser.add_argument("returns", type=Path, help="CSV file with permno, date, ret")
    parser.add_argument("--theme", required=True, help="name or id of a theme or family")
    parser.add_argument("--measure", choices=["exposure", "momentum", "affinity"], default="exposure")
    parser.add_argument("--market", help="column of RETURNS with the market's return, for example vwretd")
    parser.add_argument("--date", choices=["event_date", "first_trading_day"], default="event_date")
    parser.add_argument(
        "--fixed-effects", nargs="*", choices=[*FIXED_EFFECTS, "industry", "day"], default=FIXED_EFFECTS
    )
    parser.add_argument("--out", type=Path, help="CSV file of each call's abnormal returns, for models of your own")
    asked = parser.parse_args()

    returns = read_returns(asked.returns, asked.market)
    calls, left_out = usable(read_calls(asked.grid, asked.theme, asked.measure, asked.date), returns)
    abnormal = abnormal_returns(returns, calls.permno.to_numpy(dtype=np.int64), _days(calls))
    n_unknown = int((~np.isfinite(cumulated(abnormal, WINDOW))).sum())
    left_out["with too few returns"] = n_unknown
    print(f"{asked.theme}: {len(calls) - n_unknown:,} calls on {calls.day.nunique():,} days")
    print("Left out:", ", ".join(f"{count:,} {reason}" for reason, count in left_out.items()))
    print("\nMean abnormal return in %, by exposure\n" + paths(calls, abnormal).to_string(float_format="%.3f"))
    for name, window in (("Window", WINDOW), ("Placebo window", PLACEBO)):
        print(f"\n{name}, days {window[0]} to {window[1]}: mean abnormal return in %")
        for group, mean in means_by_group(calls, abnormal, window).items():
            print(line(group, mean))
        print(line("a point of exposure", effect_of_exposure(calls, abnormal, window, asked.fixed_effects)))
    if asked.out:
        names = [f"day_{day}" for day in range(SHOWN[0], SHOWN[1] + 1)]
        columns = ["call_id", "permno", "day", "quarter", "exposure"]
        calls[columns].join(pd.DataFrame(abnormal, columns=names)).to_csv(asked.out, index=False)


if __name__ == "__main__":
    main()
