"""What ``ftm compare`` shows on the terminal, and the table of all names that it writes."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table
from rich.text import Text

from cloud.src.cli.compare.judging import Verdict
from cloud.src.cli.compare.runs import SAME_SENTENCES, ComparedTopic, Comparison, Pair
from cloud.src.cli.screen import one_line
from cloud.src.contract.errors import FtmError

# A name this far from its topic is about something else (docs/measurements/models.md).
LOW_GROUNDING = 0.4
NAMES_SHOWN = 20


def runs_table(comparison: Comparison) -> Table:
    """The two runs in figures: their families and themes, and the topics that both have."""
    table = Table(title=f"Names of {comparison.quarter}", title_justify="left")
    table.add_column("")
    table.add_column("A", justify="right")
    table.add_column("B", justify="right")
    topics_a, topics_b = ([pair.a for pair in comparison.pairs], [pair.b for pair in comparison.pairs])
    grounding_a = np.array([pair.grounding_a for pair in comparison.pairs])
    grounding_b = np.array([pair.grounding_b for pair in comparison.pairs])
    rows = [
        ("topics", f"{len(comparison.a.topics):,}", f"{len(comparison.b.topics):,}"),
        ("of these in both runs", *[f"{len(comparison.pairs):,}"] * 2),
        ("named by keywords", _by_keywords(_methods(topics_a)), _by_keywords(_methods(topics_b))),
        ("grounding, mean", *(f"{scores.mean():.3f}" for scores in (grounding_a, grounding_b))),
        ("grounding, lowest tenth below", *(f"{np.quantile(s, 0.1):.3f}" for s in (grounding_a, grounding_b))),
        (
            f"grounding below {LOW_GROUNDING}",
            *(f"{(s < LOW_GROUNDING).mean():.1%}" for s in (grounding_a, grounding_b)),
        ),
        ("grounding higher than the other's", *_higher(grounding_a, grounding_b)),
        ("names used twice within a firm", _repeated(topics_a), _repeated(topics_b)),
        ("families", *(f"{run.naming_of_families.total():,}" for run in (comparison.a, comparison.b))),
        ("families named by keywords", *(_by_keywords(run.naming_of_families) for run in (comparison.a, comparison.b))),
        ("themes", *(f"{run.naming_of_themes.total():,}" for run in (comparison.a, comparison.b))),
        ("themes named by keywords", *(_by_keywords(run.naming_of_themes) for run in (comparison.a, comparison.b))),
    ]
    for row in rows:
        table.add_row(*row)
    return table


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


def verdict_table(verdict: Verdict) -> Table:
    """How the judge chose."""
    table = Table(title=f"Judged names of {verdict.key.quarter}", title_justify="left")
    table.add_column("Better name")
    table.add_column("Topics", justify="right")
    rows = [
        (f"A: {verdict.key.run_a}", verdict.a_better),
        (f"B: {verdict.key.run_b}", verdict.b_better),
        ("both as good", verdict.same),
        ("neither good", verdict.neither),
        ("not judged", verdict.not_judged),
    ]
    for text, count in rows:
        table.add_row(Text(one_line(text)), str(count))
    return table


def matching_lines(comparison: Comparison) -> list[str]:
    """How the topics were matched, in words."""
    by_sentences = sum(pair.matched_by == SAME_SENTENCES for pair in comparison.pairs)
    by_centroid = len(comparison.pairs) - by_sentences
    only_a, only_b = (len(run.topics) - len(comparison.pairs) for run in (comparison.a, comparison.b))
    same_names = sum(pair.same_name for pair in comparison.pairs)
    return [
        f"A: {comparison.a.folder}, named by {one_line(comparison.a.named_by)}",
        f"B: {comparison.b.folder}, named by {one_line(comparison.b.named_by)}",
        f"{len(comparison.pairs):,} topics matched: {by_sentences:,} by id and representative sentences, "
        f"{by_centroid:,} by firm and centroid; in A only: {only_a:,}, in B only: {only_b:,}",
        f"{same_names:,} of the matched topics have the same name in both",
    ]


def verdict_line(verdict: Verdict) -> str:
    """What the count says about the two runs, in one line."""
    decided = verdict.a_better + verdict.b_better
    if not decided:
        return "no topic was decided for one of the runs"
    return (
        f"of {decided} decided topics A won {verdict.a_better / decided:.0%}; were both runs as good, chance alone "
        f"would give a difference as large in {verdict.p_value:.1%} of such comparisons (sign test)"
    )


def write_names(comparison: Comparison, path: Path) -> None:
    """Write all matched topics with both names as a Parquet file; raise FtmError when it cannot be written."""
    rows = [
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
    except OSError as error:
        raise FtmError(f"cannot write {path}: {error.strerror or error}") from error


def _methods(topics: list[ComparedTopic]) -> Counter[str]:
    return Counter(topic.naming_method for topic in topics)


def _by_keywords(methods: Counter[str]) -> str:
    return f"{methods['keywords'] / methods.total():.1%}" if methods else "none"


def _higher(a: np.ndarray, b: np.ndarray) -> tuple[str, str]:
    return f"{(a > b).mean():.1%}", f"{(b > a).mean():.1%}"


def _repeated(topics: list[ComparedTopic]) -> str:
    """The share of topics whose name is also that of another topic of the firm."""
    used = Counter((topic.firm_id, topic.name.casefold()) for topic in topics)
    return f"{sum(count for count in used.values() if count > 1) / len(topics):.1%}"
