"""What a watcher reads from a job's log."""

from __future__ import annotations

import pytest

from cloud.src.cli.run.execution import themes_named, what_it_does

REDUCE = "2023-11-23 13:15:34,902 INFO cloud.src.worker.reduce_themes: "
CLIENT = "2023-11-23 13:15:35,117 INFO cloud.src.naming.ask: 7 of 9 themes named"
FOUND, ONE, TWO = (REDUCE + said for said in ("13 themes; naming them", "1 of 13 themes named", "2 of 13 themes named"))
WROTE = REDUCE + "wrote 13 themes, 40 topics, 6 firms"


@pytest.mark.parametrize(
    ("log", "does", "named"),
    [
        ([], "", None),
        (["Traceback (most recent call last):"], "", None),
        ([FOUND], "13 themes; naming them", None),
        ([FOUND, ONE], "", (1, 13)),
        ([FOUND, ONE, TWO, CLIENT], "", (2, 13)),
        ([FOUND, TWO, WROTE], "wrote 13 themes, 40 topics, 6 firms", (2, 13)),
        ([REDUCE + "named 'all 3 of 4 themes named'"], "named 'all 3 of 4 themes named'", None),
    ],
)
def test_a_log_tells_what_the_job_does_and_how_many_themes_are_named(
    log: list[str], does: str, named: tuple[int, int] | None
) -> None:
    assert (what_it_does(log), themes_named(log)) == (does, named)
