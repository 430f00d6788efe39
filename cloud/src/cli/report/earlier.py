"""What the report says of the quarters before, when the output folder has some.

Of the last one: the share of firms of each family and theme, and each firm's exposure. Of those before it: the shares.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from cloud.src.cli.run import run_folder
from cloud.src.contract import schemas
from cloud.src.contract.errors import InvalidInput

MOST_QUARTERS = 7  # before the report's own

_TABLES = {
    "sentences": run_folder.columns(schemas.SENTENCE_TOPIC, "sentence_id firm_id says"),
    "evidence": run_folder.columns(schemas.EVIDENCE, "sentence_id theme_id"),
}

# By theme_id of the later quarter: what has no partner in the earlier one is not in it.
Shares = dict[str, float]


@dataclass(frozen=True)
class Earlier:
    """The quarter before. ``shares``: of its firms that speak of each theme or family.

    ``new``: the ids of what is like no theme and no family of it.

    ``history``: the same of each quarter, oldest first, this one included.

    ``exposures``: by firm_id, of what the firm said then the share that is about each theme; without the themes of
    which it did not speak, and without the firms that said nothing.
    """

    quarter: str
    shares: Shares
    history: dict[str, Shares] = field(default_factory=dict)
    exposures: dict[str, dict[str, float]] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)


def earlier_quarter(folder: Path, quarter: str) -> Earlier | None:
    """Match the quarter's families and themes with those of the ones before it in the folder.

    None if there is no such quarter, or if the last of them cannot be compared because it is damaged or was made with
    another embedding model; an older one that cannot is left out. The report of a quarter does not fail for what is
    wrong with another one.
    """
    before = [each for each in run_folder.quarters_in(folder) if each < quarter][-MOST_QUARTERS:]
    if not before:
        return None
    from cloud.src.cli.report import matching  # here, because scipy takes a second to load

    history: dict[str, Shares] = {}
    exposures: dict[str, dict[str, float]] = {}
    new: set[str] = set()
    with suppress(InvalidInput):
        own = matching.read_quarter(folder, quarter)
        for each in before:
            with suppress(InvalidInput):
                then = matching.read_quarter(folder, each)
                matched = [
                    (then[level].theme_ids[earlier], own[level].theme_ids[later], then[level].shares[earlier])
                    for level in own
                    for earlier, later in matching.match(then[level], own[level])
                ]
                if each == before[-1]:
                    exposures = _exposures(folder, each, {earlier: later for earlier, later, _ in matched})
                    new = set().union(*(matching.new_themes(then, level) for level in own.values()))
                history[each] = {later: share for _, later, share in matched}
    if before[-1] not in history:
        return None
    return Earlier(before[-1], history[before[-1]], history, exposures, new)


def _exposures(folder: Path, quarter: str, known_as: dict[str, str]) -> dict[str, dict[str, float]]:
    """The exposures of a quarter's firms; ``known_as``: the theme_id of the later quarter, by the theme_id of then."""
    found: dict[str, dict[str, float]] = {}
    with duckdb.connect() as tables:
        for name, schema in _TABLES.items():
            tables.register(name, run_folder.read_table(folder, quarter, name, schema))
        rows = tables.execute("""
            SELECT firm_id, theme_id, n / n_said
            FROM (SELECT firm_id, count(*) FILTER (says) AS n_said FROM sentences GROUP BY firm_id)
            LEFT JOIN (
                SELECT firm_id, theme_id, count(*) AS n FROM evidence JOIN sentences USING (sentence_id) GROUP BY ALL
            ) USING (firm_id)
            WHERE n_said > 0
            """)
        for firm_id, theme_id, exposure in rows.fetchall():
            of_firm = found.setdefault(firm_id, {})
            if theme_id in known_as:
                of_firm[known_as[theme_id]] = exposure
    return found
