"""Prefetch: brings a quarter's transcripts into the bucket, as sentences, where the map jobs find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.keys import check_bucket, check_quarter
from cloud.src.prefetch.calls import Call, TranscriptSource
from cloud.src.prefetch.chunks import ChunkWriter
from cloud.src.prefetch.files import FileTranscripts
from cloud.src.prefetch.sentences import FirmSentences, firm_sentences
from cloud.src.prefetch.storage import S3Storage, Storage


@dataclass(frozen=True)
class PrefetchSummary:
    """What there is of the quarter now, and whether it was there before.

    Attributes:
        n_firms, n_calls, n_sentences: in the chunks.
        n_firms_without_permno: of these firms; they have topics and themes, but no place in an event study.
        skipped: what was left out: reason -> count (of calls, turns or rows, as the reason says).
        created_at: when its prefetch was begun, ISO 8601 in UTC.
        source: what it was made from: ``files`` or ``wrds``.
        already_there: the quarter was finished before: nothing has been read or written, all figures are of then.
    """

    quarter: str
    n_firms: int
    n_calls: int
    n_sentences: int
    n_chunks: int
    n_firms_without_permno: int
    skipped: dict[str, int]
    manifest_key: str
    created_at: str
    source: str
    already_there: bool = False


def prefetch_files(
    s3: Any, bucket: str, quarter: str, source: Path, on_progress: Callable[[int, int], None] | None = None
) -> PrefetchSummary:
    """Write the quarter's sentences from files to the bucket, in place of what was there.

    Firms without a PERMNO are kept, as a user's own files often have none, and counted.

    Args:
        s3: boto3 S3 client.
        source: CSV, Parquet or JSON lines file, or a folder of them.
        on_progress: called with (firms done, firms in all) after each firm.

    Raises:
        InvalidInput: quarter, bucket or input are not usable. Nothing has been written.
    """
    check_quarter(quarter)
    storage = S3Storage(s3, check_bucket(bucket))
    return write_quarter(storage, quarter, FileTranscripts(source, quarter), on_progress, force=True)


def finished_prefetch(storage: Storage, quarter: str) -> PrefetchSummary | None:
    """Return what a finished prefetch of the quarter has left, None when there is none.

    To be asked before a source is opened that is slow to open. Raises FtmError when the manifest cannot be read.
    """
    raise NotImplementedError


def write_quarter(
    storage: Storage,
    quarter: str,
    source: TranscriptSource,
    on_progress: Callable[[int, int], None] | None = None,
    force: bool = False,
) -> PrefetchSummary:
    """Write the sentences of any source's calls, so that it may be interrupted and repeated at any point.

    A quarter that is finished is left as it is, and the summary says so (``already_there``). One that was interrupted
    is continued after its last chunk, if it is of the same source, and then has the bytes of an undisturbed one.

    Args:
        storage: ``S3Storage(s3, bucket)`` or ``FolderStorage(folder)``.
        on_progress: called with (firms done, firms in all) after each firm.
        force: write a finished quarter anew. Its manifest goes before anything else does.

    Raises:
        InvalidInput: there is no sentence in any call; an earlier prefetch is as it was.
        PrefetchRunning: another process is prefetching this quarter to the same place.
    """
    writer = ChunkWriter(storage, quarter)
    totals = _Totals()
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    for done, calls in enumerate(source.firms(), start=1):
        firm = firm_sentences(calls, quarter)
        totals.add(calls, firm)
        if firm.rows.num_rows:
            writer.add(calls[0].firm_id, firm.rows)
        if on_progress:
            on_progress(done, source.n_firms)
    skipped = dict(sorted((totals.skipped + source.skipped).items()))
    if not totals.n_firms:
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise InvalidInput(f"no call of {quarter} has any content: {reasons}")
    manifest = {
        "quarter": quarter,
        "created_at": created_at,
        "source": source.name,
        "n_firms": totals.n_firms,
        "n_calls": totals.n_calls,
        "n_sentences": totals.n_sentences,
        "skipped": skipped,
    }
    manifest_key = writer.finish(manifest)
    return PrefetchSummary(
        quarter=quarter,
        n_firms=totals.n_firms,
        n_calls=totals.n_calls,
        n_sentences=totals.n_sentences,
        n_chunks=len(writer.chunks),
        n_firms_without_permno=totals.n_firms_without_permno,
        skipped=skipped,
        manifest_key=manifest_key,
        created_at=created_at,
        source=source.name,
    )


@dataclass
class _Totals:
    n_firms: int = 0
    n_calls: int = 0
    n_sentences: int = 0
    n_firms_without_permno: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, calls: list[Call], firm: FirmSentences) -> None:
        self.skipped += firm.skipped
        if firm.rows.num_rows:
            self.n_firms += 1
            self.n_calls += firm.n_calls
            self.n_sentences += firm.rows.num_rows
            self.n_firms_without_permno += all(call.permno is None for call in calls)
