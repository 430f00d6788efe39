"""What ``ftm compare`` shows on the terminal, and the table of all names that it writes."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from cloud.src.cli.compare.judging import JudgedNames
from cloud.src.cli.compare.runs import SAME_SENTENCES, ComparedTopic, Comparison, Pair
from cloud.src.cli.run.run_folder import FAMILY, THEME
from cloud.src.cli.screen import one_line
from cloud.src.contract.errors import FtmError

# A name this far from its topic is about something else (docs/measurements/models.md).
LOW_GROUNDING = 0.4
NAMES_SHOWN = 20
# Of the figures of a run; all others are shares.
_COUNTS = {"topics", "of these in both runs", "families", "themes"}
_COSINES = {"grounding, mean", "grounding, lowest tenth below"}
_PLURAL = {"family": "families", "theme": "themes", "topic": "topics"}


def figures(comparison: Comparison) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """Of A and of B: counts, and shares from 0 to 1; None where there is nothing that could have a share."""
    sides = []
    for run, side in ((comparison.a, "a"), (comparison.b, "b")):
        topics = [getattr(pair, side) for pair in comparison.pairs]
        grounding = _grounding(comparison, side)
        other = _grounding(comparison, "b" if side == "a" else "a")
        sides.append(
            {
                "topics": len(run.topics),
                "of these in both runs": len(comparison.pairs),
                "named by keywords": _by_keywords(Counter(topic.naming_method for topic in topics)),
                "grounding, mean": grounding.mean(),
                "grounding, lowest tenth below": np.quantile(grounding, 0.1),
                f"grounding below {LOW_GROUNDING}": (grounding < LOW_GROUNDING).mean(),
                "grounding higher than the other's": (grounding > other).mean(),
                "names used twice within a firm": _repeated(topics),
                "families": run.naming_of(FAMILY).total(),
                "families named by keywords": _by_keywords(run.naming_of(FAMILY)),
                "themes": run.naming_of(THEME).total(),
                "themes named by keywords": _by_keywords(run.naming_of(THEME)),
            }
        )
    a, b = (
        {name: value if value is None or name in _COUNTS else float(value) for name, value in side.items()}
        for side in sides
    )
    return a, b


def runs_table(comparison: Comparison) -> Table:
    """The two runs in figures: their families and themes, and the topics that both have."""
    table = Table(title=f"Names of {comparison.quarter}", title_justify="left")
    table.add_column("")
    table.add_column("A", justify="right")
    table.add_column("B", justify="right")
    a, b = figures(comparison)
    for name in a:
        table.add_row(name, *(_shown(name, side[name]) for side in (a, b)))
    return table


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "none"
    if name in _COUNTS:
        return f"{value:,.0f}"
    return f"{value:.3f}" if name in _COSINES else f"{value:.1%}"


def names_table(pairs: list[Pair]) -> Table:
    """Topics with both names and their grounding."""
    table = Table(title="Some of the names", title_justify="left", expand=True)
    table.add_column("Firm", ratio=2)
    table.add_column("A", ratio=3)
    table.add_column("", justify="right")
    table.add_column("B", ratio=3)
    table.add_column("", justify="right")
    for pair in pairs[:: math.ceil(len(pairs) / NAMES_SHOWN)]:  # they are ordered by firm
        # Text, not str: names are untrusted and rich would read [...] in them as markup.
        firm, name_a, name_b = (Text(one_line(text)) for text in (pair.a.firm_name, pair.a.name, pair.b.name))
        table.add_row(firm, name_a, f"{pair.grounding_a:.2f}", name_b, f"{pair.grounding_b:.2f}")
    return table


def verdict_table(verdict: JudgedNames) -> Table:
    """How the judge chose."""
    table = Table(title=f"Judged names of {verdict.key.quarter}", title_justify="left")
    table.add_column("Better name")
    table.add_column("Names", justify="right")
    rows = [
        (f"A: {verdict.key.run_a}", verdict.a_better),
        (f"B: {verdict.key.run_b}", verdict.b_better),
        ("equally good", verdict.same),
        ("neither good", verdict.neither),
        ("not judged", verdict.not_judged),
    ]
    for text, count in rows:
        table.add_row(Text(one_line(text)), str(count))
    return table


def matching_lines(comparison: Comparison) -> list[str]:
    """How topics, families and themes were matched, in words."""
    by_sentences = sum(pair.matched_by == SAME_SENTENCES for pair in comparison.pairs)
    by_centroid = len(comparison.pairs) - by_sentences
    only_a, only_b = (len(run.topics) - len(comparison.pairs) for run in (comparison.a, comparison.b))
    same_names = sum(pair.same_name for pair in comparison.pairs)
    return [
        *(
            f"{side}: {run.folder}, topics named by {one_line(run.named_by)}, families and themes by "
            f"{one_line(run.groups_named_by)}"
            for side, run in (("A", comparison.a), ("B", comparison.b))
        ),
        f"{len(comparison.pairs):,} topics matched: {by_sentences:,} by id and representative sentences, "
        f"{by_centroid:,} by firm and centroid; in A only: {only_a:,}, in B only: {only_b:,}",
        f"{same_names:,} of the matched topics have the same name in both",
        f"{sum(pair.same_name for pair in comparison.groups):,} of the {len(comparison.groups):,} families and themes "
        "that are in both (by id and centroid) have the same name in both",
    ]


def verdict_line(verdict: JudgedNames) -> str:
    """What the count says about the two runs, in one line."""
    decided = verdict.a_better + verdict.b_better
    if not decided:
        return "no name was decided for one of the runs"
    return (
        f"of {decided} decided names A won {verdict.a_better / decided:.0%}; were both runs as good, chance alone "
        f"would give a difference as large in {verdict.p_value:.1%} of such comparisons (sign test)"
    )


def kinds_line(verdict: JudgedNames) -> str:
    """Who won families, themes and topics, in one line."""
    won = [f"{_PLURAL[kind]} {a} for A and {b} for B" for kind, (a, b) in verdict.decided.items()]
    return f"decided: {'; '.join(won)}"


def write_names(comparison: Comparison, topics_file: Path, groups_file: Path) -> None:
    """Write all that was matched, with both names: topics to one Parquet file, families and themes to another.

    Raises FtmError when one cannot be written.
    """
    topics = [
        {
            "firm_id": pair.a.firm_id,
            "firm_name": pair.a.firm_name,
            "topic_id_a": pair.a.topic_id,
            "topic_id_b": pair.b.topic_id,
            "matched_by": pair.matched_by,
            "name_a": pair.a.name,
            "name_b": pair.b.name,
            "naming_method_a": pair.a.naming_method,
            "naming_method_b": pair.b.naming_method,
            "grounding_a": pair.grounding_a,
            "grounding_b": pair.grounding_b,
        }
        for pair in comparison.pairs
    ]
    groups = [
        {
            "level": pair.kind,
            "theme_id_a": pair.a.theme_id,
            "theme_id_b": pair.b.theme_id,
            "name_a": pair.a.name,
            "name_b": pair.b.name,
            "named_by_a": pair.a.named_by,
            "named_by_b": pair.b.named_by,
            "n_firms": pair.a.n_firms,
        }
        for pair in comparison.groups
    ]
    for path, rows in ((topics_file, topics), (groups_file, groups)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows), path)
        except OSError as error:
            raise FtmError(f"cannot write {path}: {error.strerror or error}") from error


def _grounding(comparison: Comparison, side: str) -> NDArray[np.float64]:
    return np.array([getattr(pair, f"grounding_{side}") for pair in comparison.pairs])


def _by_keywords(methods: Counter[str]) -> float | None:
    return methods["keywords"] / methods.total() if methods else None


def _repeated(topics: list[ComparedTopic]) -> float:
    """The share of topics whose name is also that of another topic of the firm."""
    used = Counter((topic.firm_id, topic.name.casefold()) for topic in topics)
    return sum(count for count in used.values() if count > 1) / len(topics)
