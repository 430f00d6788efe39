"""The end of ``ftm prefetch``: what there is of the quarter, what was left out, and where it is."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cloud.src.cli.screen import duration, one_line, output_console
from cloud.src.prefetch.calls import TranscriptSource
from cloud.src.prefetch.prefetch import PrefetchSummary
from cloud.src.prefetch.wrds.transcripts import WrdsTranscripts

NAMES_SHOWN = 20

# For an estimate: the first was measured on 25,755 sentences of 2020's calls, the second is assumed, because it depends
# on the network; the bar shows the real pace.
_BYTES_A_SENTENCE = 108
_BYTES_A_SECOND = 1_000_000


def show_summary(summary: PrefetchSummary, seconds: float, unlinked: list[str], where: str) -> None:
    """Print the counts, the firms without a PERMNO, and where the manifest is."""
    console = output_console()
    if summary.already_there:
        console.print(
            f"{summary.quarter} already exists, since {summary.created_at} from {summary.source}: nothing was read "
            "or written (--force overwrites it)",
            soft_wrap=True,
        )
    rows = [
        ("firms", f"{summary.n_firms:,}"),
        ("of them without a PERMNO", f"{summary.n_firms_without_permno:,}"),
        ("calls", f"{summary.n_calls:,}"),
        ("of them without a time of day (no event_date)", f"{summary.n_calls_without_time:,}"),
        ("sentences", f"{summary.n_sentences:,}"),
        ("chunks", f"{summary.n_chunks:,}"),
        *((f"left out: {reason}", f"{count:,}") for reason, count in summary.skipped.items()),
    ]
    if not summary.already_there:
        rows.append(("time", duration(seconds)))
    _print(console, f"Prefetch of {summary.quarter}", rows, [*unlinked, where])


def show_plan(quarter: str, source: TranscriptSource) -> None:
    """Print what a prefetch from this source would take; nothing of it has been read from WRDS."""
    rows = [("firms", f"{source.n_firms:,}")]
    lines: list[str] = []
    if isinstance(source, WrdsTranscripts):
        amount = source.amount
        sentences = amount.n_bytes / _BYTES_A_SENTENCE
        rows += [
            ("calls", f"{source.n_calls:,}"),
            ("turns", f"{amount.n_turns - amount.n_operator_turns:,}"),
            ("text", f"{amount.n_bytes / 1e6:,.1f} MB"),
            ("sentences, about", f"{sentences:,.0f}"),
            ("estimated time (at 1 MB/s from WRDS)", duration(amount.n_bytes / _BYTES_A_SECOND)),
        ]
        lines = unlinked_lines(source)
    rows += [(f"left out: {reason}", f"{count:,}") for reason, count in source.skipped.items()]
    _print(output_console(), f"A prefetch of {quarter} would take", rows, [*lines, "Nothing was written."])


def unlinked_lines(source: TranscriptSource) -> list[str]:
    """Name the firms of which WRDS has no PERMNO; nothing where there are none, or the source does not know."""
    if not isinstance(source, WrdsTranscripts) or not source.unlinked:
        return []
    names = source.unlinked
    what = "kept" if source.keep_unlinked else "left out"
    if source.limit is not None and not source.keep_unlinked:
        what += " (counted before --limit)"
    shown = ", ".join(one_line(name) for name in names[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return [f"{len(names):,} firms without a PERMNO, {what}: {shown}{more}"]


def _print(console: Console, title: str, rows: list[tuple[str, str]], lines: list[str]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
