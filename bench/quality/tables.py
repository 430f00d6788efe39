"""The results as Markdown tables; what is pooled over quarters has its interval over labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from bench.quality.measures import interval

MEASURES = {
    "spearman": "Spearman",
    "sentence_f1": "F1 by sentences",
    "firm_f1_1": "F1 by firms, >= 1",
    "firm_f1_2": ">= 2",
    "firm_f1_3": ">= 3",
}
GOALS = ("spearman", "sentence_f1", "firm_f1_2")
VARIANTS = {
    "own": "Own number of groups, without a dictionary",
    "own_dictionary": "Own number of groups, with the dictionary step",
    "equal": "At most FTM's number of groups, without a dictionary",
    "equal_dictionary": "At most FTM's number of groups, with the dictionary step",
}
LABELLED = ("groups", "error_in_number", "v_measure", "ari", "ami", "harmonic_purity")
Quarters = dict[str, dict[str, Any]]


def markdown(results: dict[str, Any]) -> str:
    quarters = results["quarters"]
    coverages = [rows.pop("coverage") for rows in quarters.values()]
    parts = []
    if quarters:
        parts += [_variant(quarters, variant, title) for variant, title in VARIANTS.items()]
        parts += [_by_quarter(quarters), _by_themselves(quarters, coverages), *_differences(quarters)]
    parts += [_labelled(name, rows) for name, rows in results["labelled"].items()]
    return "\n\n".join(parts)


def _table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [f"**{title}**", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _methods(quarters: Quarters) -> list[str]:
    """Those that every quarter has."""
    first, *others = quarters.values()
    return [method for method in first if all(method in rows for rows in others)]


def per_label(quarters: Quarters, method: str, variant: str, measure: str) -> dict[str, float]:
    """Of each label the mean over the quarters that have it: their firms are the same."""
    values: dict[str, list[float]] = {}
    for rows in quarters.values():
        for label, row in rows[method][variant].items():
            values.setdefault(label, []).append(row[measure])
    return {label: float(np.nanmean(of_label)) for label, of_label in sorted(values.items())}


def _variant(quarters: Quarters, variant: str, title: str) -> str:
    rows = []
    for method in _methods(quarters):
        seeds = min(of_quarter[method]["seeds"] for of_quarter in quarters.values())
        cells = []
        for measure in MEASURES:
            mean, low, high = interval(list(per_label(quarters, method, variant, measure).values()))
            cells.append(f"{mean:.2f} [{low:.2f}, {high:.2f}]")
        rows.append([method, str(seeds), *cells])
    return _table(title, ["", "seeds", *MEASURES.values()], rows)


def _by_quarter(quarters: Quarters) -> str:
    """Means over the labels of each quarter."""
    rows = []
    for method in _methods(quarters):
        cells = []
        for variant in ("own", "own_dictionary"):
            for measure in GOALS:
                means = [
                    np.nanmean([row[measure] for row in of_quarter[method][variant].values()])
                    for of_quarter in quarters.values()
                ]
                cells.append(" / ".join(f"{mean:.2f}" for mean in means))
        rows.append([method, *cells])
    names = [MEASURES[measure] if measure != "firm_f1_2" else "F1 by firms, >= 2" for measure in GOALS]
    head = ["", *names, *(f"{name}, dictionary" for name in names)]
    return _table(f"Each quarter by itself ({' / '.join(quarters)}), own number of groups", head, rows)


def _by_themselves(quarters: Quarters, coverages: list[float]) -> str:
    rows = []
    for method in _methods(quarters):
        of_quarters = [of_quarter[method] for of_quarter in quarters.values()]
        family = [np.mean(list(row["family_share"].values())) for row in of_quarters]
        cells = [
            " / ".join(f"{row['groups']:.0f}" for row in of_quarters),
            " / ".join(f"{row['assigned']:.2f}" for row in of_quarters),
            *(" / ".join(f"{row[name]:.2f}" for row in of_quarters) for name in ("coherence", "npmi")),
            " / ".join("-" if row["stability"] is None else f"{row['stability']:.2f}" for row in of_quarters),
            " / ".join(f"{share:.2f}" for share in family),
        ]
        rows.append([method, *cells])
    at = " / ".join(f"{coverage:.2f}" for coverage in coverages)
    head = ["", "groups", "assigned", "coherence", "NPMI", "stability", "share of a label in its best family"]
    return _table(f"{' / '.join(quarters)}; coherence, NPMI and stability at equal coverage ({at})", head, rows)


def _differences(quarters: Quarters) -> list[str]:
    """FTM, the first method, less each other one."""
    ftm, *others = _methods(quarters)
    if not others:
        return []
    parts = []
    for variant in ("own", "own_dictionary", "equal", "equal_dictionary"):
        rows = []
        for method in others:
            cells = []
            for measure in GOALS:
                one, other = (per_label(quarters, name, variant, measure) for name in (ftm, method))
                mean, low, high = interval([one[label] - other[label] for label in one])
                cells.append(f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]")
            rows.append([method, *cells])
        title = VARIANTS[variant][0].lower() + VARIANTS[variant][1:]
        parts.append(_table(f"{ftm} less the others: {title}", ["", *(MEASURES[name] for name in GOALS)], rows))
    return parts


def _labelled(name: str, rows: dict[str, Any]) -> str:
    cells = [
        [method, str(row["seeds"]), *(f"{row[column]:.2f}" for column in LABELLED)] for method, row in rows.items()
    ]
    return _table(name, ["", "seeds", "groups", "error in number", "V-measure", "ARI", "AMI", "harmonic purity"], cells)
