"""Shows how far a run has got: a moving bar on a terminal, plain lines everywhere else (a log file, a pipe, CI)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from cloud.src.contract.text import one_line as text_on_one_line
from cloud.src.contract.text import printable

SECONDS_BETWEEN_LINES = 10.0
EXAMPLE_LENGTH = 160  # characters
WIDTH_WITHOUT_TERMINAL = 140

# Before this much of a stage is done, the time left is a guess that misleads: jobs start one after another.
LEAST_DONE_FOR_ESTIMATE = 5
LEAST_SECONDS_FOR_ESTIMATE = 10.0
LEAST_SECONDS_FOR_RATE = 1.0


@dataclass
class StagePace:
    """How fast a stage is and how long it will still take, from its counts and a clock.

    ``reused``: how many were already done by an earlier run. They took no time, so they say nothing about the rest.
    """

    total: int | None
    unit: str
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    reused: int = 0
    started: float = field(init=False)
    counting_since: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.counting_since = self.clock()

    def update(self, done: int, total: int | None = None, reused: int = 0) -> None:
        """Record that ``done`` of ``total`` are done, ``reused`` of them by an earlier run."""
        if total and not self.total:  # what came before does not count
            self.counting_since = self.clock()
        self.done = done
        self.total = total or self.total
        self.reused = reused

    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return self.clock() - self.started

    def counts(self) -> str:
        """For example ``12 of 149 firms``."""
        return "" if self.total is None else f"{self.done:,} of {self.total:,} {self.unit}"

    def speed(self) -> str:
        """For example ``0.4 firms/s, 5 min 42 s left``; empty until this run has finished its first.

        The time left is only told once it means something.
        """
        elapsed = self.clock() - self.counting_since
        done_now = self.done - self.reused
        if not self.total or done_now <= 0 or elapsed < LEAST_SECONDS_FOR_RATE:
            return ""
        rate = done_now / elapsed
        speed = f"{rate:,.1f} {self.unit}/s" if rate >= 0.1 else f"{rate * 60:,.1f} {self.unit}/min"
        is_guess = done_now < LEAST_DONE_FOR_ESTIMATE or elapsed < LEAST_SECONDS_FOR_ESTIMATE
        if is_guess or self.done >= self.total:
            return speed
        return f"{speed}, {duration((self.total - self.done) / rate)} left"


class Stage(Protocol):
    """One stage of a run, while it lasts."""

    def update(self, done: int, note: str = "", total: int | None = None, reused: int = 0) -> None:
        """Say how much is done, how much there is to do (once known), and how much an earlier run had done."""


class Screen:
    """Where a run says what it does: on standard error, so that standard output holds only results."""

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic, quiet: bool = False
    ) -> None:
        self._console = console or Console(stderr=True, quiet=quiet)
        self._clock = clock
        self.stages: list[tuple[str, float]] = []  # the finished ones: name and seconds

    def line(self, text: str) -> None:
        """Show one line; characters that could steer a terminal become blanks, because logs may hold anything."""
        self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "firms") -> Iterator[Stage]:
        """Show a stage until the block ends."""
        pace = StagePace(total, unit, self._clock)
        if self._console.is_terminal:
            with _bar(self._console, name, pace) as stage:
                yield stage
        else:
            yield _Lines(self, name, pace)
        done = ": ".join(filter(None, [name, pace.counts()]))
        seconds = pace.elapsed()
        self.stages.append((name, seconds))
        self.line(f"{done} in {duration(seconds)}")


class _Lines:
    """A line at the start, then one every few seconds while something changes."""

    def __init__(self, screen: Screen, name: str, pace: StagePace) -> None:
        self._screen = screen
        self._name = name
        self._pace = pace
        self._shown: tuple[int, str] = (0, "")
        self._shown_at = pace.clock()
        screen.line(f"{name} ...")

    def update(self, done: int, note: str = "", total: int | None = None, reused: int = 0) -> None:
        self._pace.update(done, total, reused)
        now = self._pace.clock()
        if (done, note) != self._shown and now - self._shown_at >= SECONDS_BETWEEN_LINES:
            parts = filter(None, [self._pace.counts(), note, self._pace.speed()])
            self._screen.line(f"{self._name}: {', '.join(parts)}")
            self._shown, self._shown_at = (done, note), now


class _Bar:
    def __init__(self, bars: RichProgress, task: TaskID, pace: StagePace) -> None:
        self._bars = bars
        self._task = task
        self._pace = pace

    def update(self, done: int, note: str = "", total: int | None = None, reused: int = 0) -> None:
        self._pace.update(done, total, reused)
        parts = filter(None, [self._pace.counts(), note, self._pace.speed()])
        self._bars.update(self._task, completed=done, total=self._pace.total, text=escape(", ".join(parts)))


@contextmanager
def _bar(console: Console, name: str, pace: StagePace) -> Iterator[_Bar]:
    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    ]
    # transient: the finished bar makes room for the line that says how long the stage took.
    with RichProgress(*columns, console=console, transient=True) as bars:
        yield _Bar(bars, bars.add_task(escape(name), total=pace.total, text=""), pace)


def duration(seconds: float) -> str:
    """Return a duration for people: ``0.4 s``, ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def show_finding(about: str, finding: str) -> None:
    """Print one line of a check immediately: what was checked, and what was found."""
    console = output_console()
    longest = len("structured output")
    console.print(f"{about:{longest}}  {one_line(finding, longest=1000)}", markup=False, soft_wrap=True)


def one_line(text: str, longest: int = EXAMPLE_LENGTH) -> str:
    """The text on one line, shortened, without characters that could steer a terminal."""
    words = text_on_one_line(text)
    return words if len(words) <= longest else words[: longest - 3].rstrip() + "..."


def output_console() -> Console:
    """Standard output: as wide as COLUMNS or the terminal, or wide enough for tables if it is a file or a pipe."""
    console = Console(highlight=False)
    has_width = console.is_terminal or os.environ.get("COLUMNS", "").isdecimal()
    return console if has_width else Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)
