"""What a job has done so far, for whoever watches the quarter.

A map job writes progress/<quarter>/<batch_id>.json, the reduce job progress/<quarter>/_themes.json.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from cloud.src.contract import keys
from cloud.src.worker.store import Store

# Often enough for a progress bar, seldom enough that the PUT requests of a quarter, which may take hours with an LLM,
# cost less than a dollar.
SECONDS_BETWEEN_WRITES = 5.0


@dataclass
class FirmReason:
    """A firm, and why it was skipped or failed."""

    firm_id: str
    reason: str


@dataclass
class BatchProgress:
    """The document of a map job.

    ``parts`` are the names of the finished part files, which is what reduce reads; ``done``, ``skipped`` and
    ``failed`` are the firms in them. ``analysed`` also counts the firms of the part that is being made. ``naming``
    counts what this run of the job has asked of the LLM, and why some names are not by it. ``waited_s`` are the seconds
    in which it had nothing to do but wait for names. ``topics_per_firm``: the fewest and the most that it looks for.
    """

    quarter: str
    batch_id: str
    manifest_key: str
    n_firms: int
    commit: str
    deployed_commit: str = "unknown"
    stale_image: bool = False  # the two are known and differ
    topics_per_firm: tuple[int, ...] = ()
    status: str = "running"
    reason: str = ""  # why the job has given up, in one line
    analysed: int = 0
    done: list[str] = field(default_factory=list)
    skipped: list[FirmReason] = field(default_factory=list)
    failed: list[FirmReason] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    reused_parts: int = 0
    reused_firms: int = 0  # those in parts, also unfinished ones, that an earlier job had left
    naming: dict[str, int] = field(default_factory=dict)
    waited_s: float = 0.0
    updated_at: str = ""

    @property
    def key(self) -> str:
        """Where the batch's progress is kept."""
        return keys.progress(self.quarter, self.batch_id)

    def n_settled(self) -> int:
        """How many firms are in finished parts."""
        return len(self.done) + len(self.skipped) + len(self.failed)

    def settled(self) -> set[str]:
        """The firms in finished parts."""
        return {*self.done, *(firm.firm_id for firm in [*self.skipped, *self.failed])}


@dataclass
class ThemesProgress:
    """The document of the reduce job: what it is doing, for people to read, and how many themes have names.

    ``naming`` and ``waited_s`` are as in ``BatchProgress``, once all themes are named.
    """

    quarter: str
    manifest_key: str
    step: str = "reading topics"
    n_themes: int | None = None  # not known yet
    n_named: int = 0
    run: str | None = None  # the id in its tables; not known before it writes them
    naming: dict[str, int] = field(default_factory=dict)
    waited_s: float = 0.0
    updated_at: str = ""

    @property
    def key(self) -> str:
        """Where the progress of the themes is kept."""
        return keys.themes_progress(self.quarter)


class ProgressWriter:
    """Writes the document at once, and knows when it is due again."""

    def __init__(self, store: Store, progress: BatchProgress | ThemesProgress) -> None:
        self._store = store
        self._progress = progress
        self._written_at = float("-inf")

    def is_due(self) -> bool:
        """Whether the last write was long enough ago."""
        return time.monotonic() - self._written_at >= SECONDS_BETWEEN_WRITES

    def write(self) -> None:
        """Write the progress with the current time."""
        self._progress.updated_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._store.write_json(self._progress.key, asdict(self._progress))
        self._written_at = time.monotonic()
