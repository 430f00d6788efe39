"""What ``ftm explain`` shows of an explanation on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cloud.src.cli.explain.explanation import Explanation, Said
from cloud.src.cli.explain.find import Row
from cloud.src.cli.run.run_folder import FAMILY
from cloud.src.cli.screen import one_line
from cloud.src.themes.count import NEAR, NEAR_WITH_FAMILY_PHRASE, NEAR_WITH_PHRASE

PHRASES_SHOWN = 12
LONGEST_SENTENCE = 400  # characters
NOT_KNOWN = "-"


def overview(explained: Explanation, n_firms: int) -> Iterator[RenderableType]:
    """What the theme is, how a sentence gets to count for it, its dictionary, and a family's themes.

    ``n_firms`` is the number of firms in the quarter.
    """
    yield Text(one_line(explained.group["name"]), style="bold")
    yield _facts(explained, n_firms)
    yield Text(rule(explained.group["level"]))
    yield _dictionary(explained.group["dictionary"])
    if explained.themes:
        yield _themes(explained.themes)


def rule(level: str) -> str:
    """When a sentence counts, in a sentence."""
    if level == FAMILY:
        return (
            "A sentence counts when it counts for one of the family's themes, or when it has a phrase of the family's "
            f"dictionary and its cosine to the family is {NEAR_WITH_FAMILY_PHRASE} or more."
        )
    return (
        f"A sentence counts when its cosine to the theme is {NEAR:.1f} or more, or when it has a phrase of the "
        f"dictionary and its cosine is {NEAR_WITH_PHRASE} or more."
    )


def sentence_tables(explained: Explanation, n_shown: int, one_per_firm: bool) -> Iterator[Table]:
    """The sentences that count by nearness and by a phrase alone, and those left out; at most ``n_shown`` of each."""
    counting = "Count for one of its themes" if explained.group["level"] == FAMILY else "Count because they are near"
    of_each_firm = ", the nearest of each firm" if one_per_firm else ""
    titles = {
        "near": f"{counting}{of_each_firm}",
        "by_phrase": "Count by a phrase alone, the farthest first",
        "left_out": "Left out: in its topics, but they do not count; the nearest first",
    }
    for kind, (n_all, shown) in explained.shown(n_shown, one_per_firm).items():
        yield _sentences(titles[kind], shown, n_all)


def exposures(rows: Sequence[Row], firm: str) -> Table:
    """The firm's exposure, one line per call."""
    table = Table(title=Text(f"Exposure of {one_line(firm)}, call by call"), title_justify="left")
    for header in ("Call", "Said", "Count", "Exposure", "Prepared", "Q&A", "Management", "Analysts"):
        table.add_column(header, justify="left" if header == "Call" else "right")
    for row in rows:
        shares = [row.get(f"exposure{part}") for part in ("", "_prepared", "_qa", "_management", "_analysts")]
        table.add_row(
            f"{row['earnings_call_date']}",
            f"{row['n_sentences_said']:,}",
            f"{row['n_sentences']:,}",
            *(NOT_KNOWN if share is None else f"{share:.1%}" for share in shares),
        )
    return table


def _facts(explained: Explanation, n_firms: int) -> Table:
    group, family = explained.group, explained.family
    how = f"{len(explained.near):,} near it, {len(explained.by_phrase):,} by a phrase alone"
    if explained.themes:
        how = f"{len(explained.near):,} for one of its themes, {len(explained.by_phrase):,} by a phrase of its own"
    stability = "not measured" if group["stability"] is None else f"{group['stability']:.2f}"
    rows = {
        "Id": group["theme_id"],
        "Quarter": explained.quarter,
        "Level": group["level"] + (", general: on every call, or without a common word" if group["general"] else ""),
        "Family": f"{family['name']} ({family['theme_id']})" if family else None,
        "Says": group["description"],
        "Firms": f"{group['n_firms']:,} of {n_firms:,} ({group['share_of_firms']:.0%})",
        "Sentences": f"{group['n_sentences']:,}",
        "Shown here": how,
        "Stability": stability,
        "Named by": group["named_by"],
    }
    table = Table.grid(padding=(0, 2))
    for label, value in rows.items():
        if value:
            table.add_row(label, Text(one_line(value, LONGEST_SENTENCE)))
    return table


def _dictionary(phrases: Sequence[Row]) -> Table:
    table = Table(title="Dictionary", title_justify="left")
    if not phrases:
        table.add_column("It has no phrase of its own")
        return table
    table.add_column("Phrase")
    table.add_column("Its sentences that have it", justify="right")
    table.add_column("Sentences with it that are its own", justify="right")
    for phrase in phrases[:PHRASES_SHOWN]:
        table.add_row(Text(one_line(phrase["phrase"])), f"{phrase['share']:.0%}", f"{phrase['purity']:.0%}")
    if len(phrases) > PHRASES_SHOWN:
        table.caption = f"... and {len(phrases) - PHRASES_SHOWN} more"
    return table


def _themes(themes: Sequence[Row]) -> Table:
    table = Table(title="Its themes", title_justify="left")
    table.add_column("Theme")
    table.add_column("Firms", justify="right")
    table.add_column("Sentences", justify="right")
    table.add_column("Id", overflow="fold")
    for theme in themes:
        table.add_row(
            Text(one_line(theme["name"])), f"{theme['n_firms']:,}", f"{theme['n_sentences']:,}", theme["theme_id"]
        )
    return table


def _sentences(title: str, shown: Sequence[Said], n_all: int) -> Table:
    table = Table(title=f"{title} ({len(shown):,} of {n_all:,})", title_justify="left", expand=True, show_lines=True)
    table.add_column("Cosine", justify="right")
    has_phrases = any(said.phrase for said in shown)
    if has_phrases:
        table.add_column("Phrase")
    table.add_column("Sentence", ratio=1)
    for said in shown:
        cosine = "says nothing" if not said.says else NOT_KNOWN if said.nearness is None else f"{said.nearness:.2f}"
        phrase = [Text(one_line(said.phrase or ""))] if has_phrases else []
        table.add_row(cosine, *phrase, _sentence(said))
    return table


def _sentence(said: Said) -> Text:
    # Text, not str: sentences and names are untrusted and rich would read [...] in them as markup.
    about = " · ".join([said.firm_name, said.speaker, f"{said.call_date}", said.sentence_id])
    return Text.assemble(one_line(said.text, LONGEST_SENTENCE), "\n", (one_line(about, LONGEST_SENTENCE), "dim"))
