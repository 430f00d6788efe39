"""What the report says of the quarter before, when the output folder has one: the share of firms of each theme then."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloud.src.cli.run import run_folder
from cloud.src.contract.errors import InvalidInput


@dataclass(frozen=True)
class Earlier:
    """The quarter before. ``shares``: of its firms, by theme_id of the later quarter; what is new is not in it."""

    quarter: str
    shares: dict[str, float]


def earlier_quarter(folder: Path, quarter: str) -> Earlier | None:
    """Match the quarter's families and themes with those of the one before it in the folder.

    None if there is no such quarter, or if it cannot be compared because it is damaged or was made with another
    embedding model: the report of a quarter does not fail for what is wrong with another one.
    """
    before = [each for each in run_folder.quarters_in(folder) if each < quarter]
    if not before:
        return None
    from cloud.src.cli.report import matching  # here, because scipy takes a second to load

    with suppress(InvalidInput):
        one, other = (matching.read_quarter(folder, each) for each in (before[-1], quarter))
        shares = {
            other[level].theme_ids[later]: one[level].shares[earlier]
            for level in other
            for earlier, later in matching.match(one[level], other[level])
        }
        return Earlier(before[-1], shares)
    return None
