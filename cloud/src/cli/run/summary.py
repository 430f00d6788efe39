"""The end of a run: its themes, its times, and where everything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloud.src.cli.report import data as report_data
from cloud.src.cli.report.contents import ReportData, ReportTheme
from cloud.src.cli.screen import duration, one_line, output_console
from cloud.src.contract import keys, names_count
from cloud.src.naming.ask import in_words

FAMILIES_SHOWN = 12
THEMES_SHOWN = 3  # of each family

_TABLES = (
    keys.themes,
    keys.exposures,
    keys.evidence_prefix,
    keys.theme_contributions,
    keys.topics,
    keys.firms,
    keys.calls,
    keys.sentences_prefix,
    keys.themes_for_sentiment,
)


@dataclass
class Outcome:
    """What a finished run leaves, besides its tables."""

    quarter: str
    folder: Path
    report: Path
    cost: str
    firms_skipped: int
    firms_failed: int
    stages: list[tuple[str, float]] = field(default_factory=list)  # name and seconds, in their order
    stale_image: str | None = None  # what the jobs ran in, when it is not what was deployed
    naming: Mapping[str, int] = field(default_factory=dict)  # what the map jobs counted while they named topics
    theme_naming: Mapping[str, int] = field(default_factory=dict)  # and the reduce job for themes
    naming_advice: str | None = None  # what a reader should know about who made the names


def show_outcome(outcome: Outcome, next_steps: Sequence[str] = (), console: Console | None = None) -> None:
    """Print the families with their themes, the time of each stage, the paths, and what one may do next."""
    console = console or output_console()
    report = report_data.load(outcome.folder, outcome.quarter)
    console.print()
    console.print(families_table(report))
    for line in lines_below(report):
        console.print(line, markup=False, soft_wrap=True)
    console.print()
    console.print(stages_table(outcome.stages))
    console.print()
    for line in [*closing_lines(outcome, report), *next_steps]:
        console.print(line, markup=False, soft_wrap=True)


def as_json_object(outcome: Outcome) -> dict[str, Any]:
    """The outcome for scripts: counts, names, seconds by stage, and the path of each table."""
    report = report_data.load(outcome.folder, outcome.quarter)
    return {
        "quarter": outcome.quarter,
        "folder": str(outcome.folder),
        "report": str(outcome.report),
        "tables": [str(outcome.folder / key(outcome.quarter)) for key in _TABLES],
        "counts": {
            **asdict(report.counts),
            "firms_skipped": outcome.firms_skipped,
            "firms_failed": outcome.firms_failed,
            "themes": len(report.themes),
            "families": len(report.families),
        },
        "naming": {"topics": dict(outcome.naming), "themes": dict(outcome.theme_naming)},
        "seconds": {name: round(seconds, 1) for name, seconds in outcome.stages},
        "stale_image": outcome.stale_image,
    }


def families_table(report: ReportData) -> Table:
    """The first families of a quarter with their first themes, each theme with a sentence that stands for a topic."""
    table = Table(title=f"Families of {report.quarter} and their themes", title_justify="left", expand=True)
    table.add_column("", justify="right")
    table.add_column("Family and themes", ratio=2)
    for header in ("Firms", "Share", "Stability"):
        table.add_column(header, justify="right")
    table.add_column("Example", ratio=4, no_wrap=True, overflow="ellipsis")
    specific = [family for family in report.families if not family.general]
    for rank, family in enumerate(specific[:FAMILIES_SHOWN], start=1):
        themes = report.themes_of(family)
        left_out = f"{len(themes)} themes, the first {THEMES_SHOWN}:" if len(themes) > THEMES_SHOWN else ""
        # Text, not str: names and sentences are untrusted and rich would read [...] in them as markup.
        table.add_row(str(rank), Text(one_line(family.name), style="bold"), *_figures(family), left_out)
        for theme in themes[:THEMES_SHOWN]:
            name, example = Text(f"  {one_line(theme.name)}"), Text(one_line(example_of(theme, report)))
            table.add_row("", name, *_figures(theme), example)
        table.add_section()
    return table


def lines_below(report: ReportData) -> list[str]:
    """The families that the table leaves out, the general ones last."""
    general = [family for family in report.families if family.general]
    left = len(report.families) - len(general) - FAMILIES_SHOWN
    lines = [f"... and {left} more families: see the report."] if left > 0 else []
    if general:
        names = ", ".join(one_line(family.name) for family in general)
        lines.append(f"General, said on every call or without a common word: {names}")
    return lines


def _figures(group: ReportTheme) -> tuple[str, str, str]:
    """Firms, their share, and stability."""
    stability = "-" if group.stability is None else f"{group.stability:.2f}"
    return f"{group.n_firms:,}", f"{group.share_of_firms:.0%}", stability


def stages_table(stages: list[tuple[str, float]]) -> Table:
    """The time of each stage and of all of them."""
    table = Table(title="Time", title_justify="left", show_footer=True)
    table.add_column("Stage", footer="total")
    table.add_column("Took", footer=duration(sum(seconds for _, seconds in stages)), justify="right")
    for name, seconds in stages:
        table.add_row(name, duration(seconds))
    return table


def closing_lines(outcome: Outcome, report: ReportData) -> list[str]:
    """Counts, cost and paths."""
    counts = report.counts
    without_topic = counts.sentences_without_topic / max(1, counts.sentences)
    return [
        f"{counts.firms:,} firms ({outcome.firms_skipped} skipped, {outcome.firms_failed} failed), "
        f"{counts.calls:,} calls, {counts.sentences:,} sentences ({without_topic:.0%} without a topic), "
        f"{report.counts.topics:,} topics, {len(report.themes):,} themes in {len(report.families):,} families",
        *naming_lines(outcome.naming, outcome.theme_naming, report),
        outcome.cost,
        *([outcome.stale_image] if outcome.stale_image else []),
        *([outcome.naming_advice] if outcome.naming_advice else []),
        "",
        "Tables, for pandas or DuckDB:",
        *(f"  {outcome.folder / key(outcome.quarter)}" for key in _TABLES),
        f"Report: {outcome.report}",
    ]


def stale_image(counts: dict[str, Any]) -> str | None:
    """The line that says so when jobs ran in another image than the deployed one; ``counts`` of SummarizeResults."""
    if not counts.get("stale_image"):
        return None
    ran, deployed = (one_line(", ".join(counts[name])) for name in ("commits", "deployed_commits"))
    return f"Stale image: the jobs ran commit {ran}, but {deployed} was deployed; build the image again and deploy it"


def naming_lines(naming: Mapping[str, int], theme_naming: Mapping[str, int], report: ReportData) -> list[str]:
    """How many names are by the LLM, and why the others of this run are not; nothing where no LLM was asked.

    ``naming`` and ``theme_naming`` are what the jobs have counted while they named topics and themes.
    """
    topics = report.topic_methods.get("llm", 0)
    families, themes = (
        sum(group.naming_method == "llm" for group in level) for level in (report.families, report.themes)
    )
    if not topics and not families and not themes and not naming and not theme_naming:
        return []
    lines = [
        f"named by the LLM: {topics:,} of {report.counts.topics:,} topics, "
        f"{families:,} of {len(report.families):,} families, {themes:,} of {len(report.themes):,} themes"
    ]
    lines += reason_lines("topics", naming) + reason_lines("themes", theme_naming)
    return lines


def reason_lines(named: str, naming: Mapping[str, int]) -> list[str]:
    """Why names are by keywords, and what to do about it; ``named``: "topics" or "themes"."""
    reasons = names_count.reasons_for_keywords(naming)
    lines = [f"{named} named by keywords in this run: {in_words(reasons)}"] if reasons else []
    if reasons.get("outage"):
        lines.append(f"the LLM was unavailable for too long: run the same command again to name these {named}")
    return lines


def example_of(theme: ReportTheme, report: ReportData) -> str:
    """Of the sentences that stand for the theme's topics, the one with most of the theme's keywords in it.

    Where there are too many topics to have been read, of those that are near the theme.
    """
    of_topics = [
        sentence
        for topic in report.topics
        if topic.theme_id == theme.theme_id
        for sentence in topic.sentences[: topic.n_representative]
    ]
    texts = [sentence.text for sentence in of_topics or report.measured[theme.theme_id].evidence]
    return max(texts, key=lambda text: sum(keyword in text.lower() for keyword in theme.keywords), default="")
