"""What `ftm aws follow` says of an execution, and when it dares to say how long it will take."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.src.cli.aws import quarters
from cloud.src.cli.aws.pace import Pace
from cloud.src.cli.aws.quarters import line_of
from cloud.src.cli.run.execution import ExecutionProgress, ReduceProgress
from cloud.src.contract import names_count


def progress(**changes: object) -> ExecutionProgress:
    known = {
        "status": "RUNNING",
        "map_done": False,
        "n_batches": 9,
        "batches_done": 3,
        "firms_done": 1200,
        "firms_failed": 1,
        "firms_reused": 40,
    }
    return ExecutionProgress(**{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "n_firms", "reduce", "line"),
    [
        (
            progress(n_batches=0, batches_done=0, firms_done=0, firms_failed=0, firms_reused=0),
            None,
            ReduceProgress(),
            "RUNNING: 0 of 0 batches, 0 firms (0 done before, 0 failed)",
        ),
        (
            progress(topics_named=9500, topics_asked=9800),
            4500,
            ReduceProgress(),
            "RUNNING: 3 of 9 batches, 1,200 of 4,500 firms (40 done before, 1 failed), 9,500 of 9,800 topics named",
        ),
        (
            progress(map_done=True, batches_done=9),
            4500,
            ReduceProgress("naming themes", 5, 80),
            "RUNNING: 9 of 9 batches, 1,200 of 4,500 firms (40 done before, 1 failed), 5 of 80 themes named, "
            "naming themes",
        ),
        (
            progress(map_done=True),
            4500,
            ReduceProgress(),
            "RUNNING: 3 of 9 batches, 1,200 of 4,500 firms (40 done before, 1 failed), reduce",
        ),
    ],
    ids=["just started", "naming topics", "naming themes", "reduce starts"],
)
def test_batches_firms_and_names_are_counted(
    now: ExecutionProgress, n_firms: int | None, reduce: ReduceProgress, line: str
) -> None:
    assert line_of(now, n_firms, reduce) == line


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        ([(0, 0)], None),
        ([(0, 0), (600, 0)], None),  # no instance yet
        ([(0, 0), (600, 5), (650, 25)], None),  # a burst
        ([(0, 0), (600, 5), (720, 9)], None),  # too few
        ([(0, 0), (600, 5), (720, 25)], 75 * 6.0),  # 20 in 120 s, after the wait for instances
        ([(0, 40), (100, 50)], 50 * 10.0),  # followed from the middle on
        ([(0, 40), (100, 100)], None),
    ],
)
def test_the_time_left_is_said_when_it_means_something(seen: list[tuple[float, int]], left: float | None) -> None:
    times = iter([time for time, _ in seen])
    pace = Pace(lambda: next(times))

    said = [pace.seconds_left(n_done, 100) for _, n_done in seen]

    assert said[-1] == (None if left is None else pytest.approx(left))


def test_what_was_skipped_by_plan_is_not_asked() -> None:
    count: names_count.NamesCount = {
        "by_llm": 90,
        "by_keywords": {"off topic": 7, "outage": 3, names_count.NOT_ASKED: 50},
    }
    assert names_count.asked(count) == 100


class Seen:
    """An execution, as it is found look by look."""

    def __init__(self, looks: list[ExecutionProgress]) -> None:
        self._looks = iter(looks)

    def progress(self) -> ExecutionProgress:
        return next(self._looks)

    def n_firms(self) -> int:
        return 100


def test_the_line_changes_only_with_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time left is said with it, and not each time that it is another."""
    times = iter(range(0, 1000, 100))
    monkeypatch.setattr(quarters, "Pace", lambda: Pace(lambda: next(times)))
    looks = [progress(firms_done=done, firms_reused=0) for done in (10, 30, 30)]
    execution: Any = Seen([*looks, progress(firms_done=100, firms_reused=0, status="SUCCEEDED")])
    watched = quarters._Watched(execution)

    first, second, again, end = (watched.look()[1] for _ in range(4))

    assert "left" not in first
    assert second.endswith("30 of 100 firms (0 done before, 1 failed); about 5 min 50 s left for the firms")
    assert again == second
    assert end.startswith("SUCCEEDED: ")
    assert "left" not in end
