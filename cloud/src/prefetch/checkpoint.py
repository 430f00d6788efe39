"""How far a prefetch has come: kept beside its chunks, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cloud.src.contract import keys
from cloud.src.prefetch.storage import Storage


@dataclass
class Checkpoint:
    """What the chunks written so far hold, and which firm was the last one.

    Attributes:
        fingerprint: of the source and of the rules that make sentences; another one cannot be continued.
        created_at: when the prefetch was begun, ISO 8601 in UTC. Goes into the manifest, so that the manifest of a
            continued prefetch does not depend on when and how often it was interrupted.
        last_firm: firm_id of the last firm that is done, in a chunk or without content.
        firms_done: number of firms that are done; n_firms of these have sentences.
        chunk_of_firm: firm_id -> file name of its chunk, in the order of the chunks.
    """

    fingerprint: str
    created_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    last_firm: str | None = None
    firms_done: int = 0
    n_firms: int = 0
    n_calls: int = 0
    n_sentences: int = 0
    n_firms_without_permno: int = 0
    n_calls_without_time: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    chunks: list[str] = field(default_factory=list)
    chunk_of_firm: dict[str, str] = field(default_factory=dict)


def save(storage: Storage, quarter: str, progress: Checkpoint) -> None:
    """Write the checkpoint."""
    storage.put(keys.prefetch_checkpoint(quarter), json.dumps(vars(progress)).encode())


def load(storage: Storage, quarter: str, fingerprint: str) -> Checkpoint | None:
    """Return how far a prefetch of the same source has come, None when there is nothing to continue."""
    found = storage.get(keys.prefetch_checkpoint(quarter))
    if not found:
        return None
    try:
        progress = Checkpoint(**json.loads(found[0]))
    except (ValueError, TypeError):  # of another version of this program
        return None
    progress.skipped = Counter(progress.skipped)
    return progress if progress.fingerprint == fingerprint else None
