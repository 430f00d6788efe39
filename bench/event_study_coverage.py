"""Whether the intervals of examples/event_study.py hold what they promise, on panels and returns that are made up.

    python bench/event_study_coverage.py --panels 200

Needs examples/requirements.txt. In each panel 150 firms call in two quarters, on days of very different numbers of
calls. Firms that call on one day have returns and exposures in common, as those of an industry do; beyond that, returns
are a market's, times a beta, and noise. A point of exposure changes the return of the event day by EFFECT points. It
prints the share of panels whose 95 % interval has EFFECT in it, the share in which a window before the event rejects no
effect at 5 %, and the same for the usual standard errors: with clusters but without correction (CR1), and without
clusters.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from examples import event_study
from examples.event_study import PLACEBO, SHOWN, WINDOW, Estimate, Floats, Numbers, Returns

EFFECT = -0.3
N_FIRMS, N_DAYS = 150, 300
SEASONS = (150, 215)  # the first day on which a call of each quarter can be
CALL_DAYS = 25  # of each season
N_SECTORS = 6

Regress = Callable[[Floats, Floats, Numbers, int], list[Estimate]]


def simulated(seed: int) -> tuple[pd.DataFrame, Returns]:
    """Calls with ``exposure``, ``day``, ``quarter`` and ``sector`` as event_study reads them, and daily returns."""
    random = np.random.default_rng(seed)
    market = random.normal(0.0003, 0.01, N_DAYS)
    by_firm = np.outer(market, random.uniform(0.5, 1.5, N_FIRMS)) + random.normal(0, 0.02, (N_DAYS, N_FIRMS))
    days = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-01-01") + N_DAYS)
    calls = []
    for quarter, first in enumerate(SEASONS):
        crowded = random.dirichlet(np.ones(CALL_DAYS))
        chosen = random.choice(CALL_DAYS, N_FIRMS, p=crowded)
        in_common = random.normal(0, 0.01, (CALL_DAYS, SHOWN[1] - SHOWN[0] + 1))
        exposure = np.maximum(0, random.normal(1, 1, CALL_DAYS)[chosen] + random.normal(0, 1.5, N_FIRMS))
        for firm in range(N_FIRMS):
            event = first + chosen[firm]
            by_firm[event + SHOWN[0] : event + SHOWN[1] + 1, firm] += in_common[chosen[firm]]
            by_firm[event, firm] += EFFECT * exposure[firm] / 100
            calls.append((firm, days[event], f"Q{quarter}", f"sector {firm % N_SECTORS}", exposure[firm]))
    frame = pd.DataFrame(calls, columns=["permno", "day", "quarter", "sector", "exposure"])
    return frame, Returns(days, np.arange(N_FIRMS), by_firm, market)


@dataclass(frozen=True)
class Rates:
    """Shares of panels: whose interval covers the effect, and in which the placebo rejects."""

    covers: float
    rejects: float


def rates(seeds: Iterable[int], regress: Regress = event_study.regress) -> dict[str, Rates]:
    """Of the corrected errors, of CR1 and of errors without clusters."""
    found: dict[str, list[tuple[bool, bool]]] = {}
    for seed in seeds:
        calls, returns = simulated(seed)
        days = calls.day.to_numpy().astype("datetime64[D]")
        abnormal = event_study.abnormal_returns(returns, calls.permno.to_numpy(), days)
        x = event_study.design(calls.exposure.to_numpy(), [calls[effect] for effect in event_study.FIXED_EFFECTS])
        clusters = np.unique(days, return_inverse=True)[1].astype(np.int64)
        windows = [event_study.cumulated(abnormal, window) for window in (WINDOW, PLACEBO)]
        by_kind = [_of_each_kind(y, x, clusters, regress) for y in windows]
        for kind in by_kind[0]:
            low, high = by_kind[0][kind].interval
            found.setdefault(kind, []).append((low <= EFFECT <= high, by_kind[1][kind].p < 0.05))
    return {kind: Rates(*map(float, np.mean(of_kind, axis=0))) for kind, of_kind in found.items()}


def _of_each_kind(y: Floats, x: Floats, clusters: Numbers, regress: Regress) -> dict[str, Estimate]:
    [corrected] = regress(y, x, clusters, 1)
    n_clusters, dof = len(np.unique(clusters)), len(y) - x.shape[1]
    residuals = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    alone = float(np.sqrt(residuals @ residuals / dof * np.linalg.inv(x.T @ x)[0, 0]))
    return {
        "corrected": corrected,
        "CR1": Estimate(corrected.value, corrected.usual_se, n_clusters - 1),
        "without clusters": Estimate(corrected.value, alone, dof),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=200)
    n_panels = parser.parse_args().panels
    of_chance = stats.binom.ppf([0.025, 0.975], n_panels, 0.95) / n_panels
    print(f"{n_panels} panels; an interval that keeps its promise covers in {of_chance[0]:.0%} to {of_chance[1]:.0%}")
    for kind, rate in rates(range(n_panels)).items():
        print(f"{kind:>17}: covers {rate.covers:.1%}, the placebo rejects {rate.rejects:.1%}")


if __name__ == "__main__":
    main()
