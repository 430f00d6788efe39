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


@dataclass(frozen=True)
class PrefetchSummary:
    """What has been written.

    Attributes:
        n_firms, n_calls, n_sentences: in the chunks.
        n_firms_without_permno: of these firms; they have topics and themes, but no place in an event study.
        skipped: what was left out: reason -> count (of calls, turns or rows, as the reason says).
    """

    quarter: str
    n_firms: int
    n_calls: int
    n_sentences: int
    n_chunks: int
    n_firms_without_permno: int
    skipped: dict[str, int]
    manifest_key: str


def prefetch_files(
    s3: Any, bucket: str, quarter: str, source: Path, on_progress: Callable[[int, int], None] | None = None
) -> PrefetchSummary:
    """Write the quarter's sentences from CSV or Parquet files to the bucket, in place of what was there.

    Firms without a PERMNO are kept, as a user's own files often have none, and counted.

    Args:
        s3: boto3 S3 client.
        source: CSV or Parquet file, or a folder of them.
        on_progress: called with (firms done, firms in all) after each firm.

    Raises:
        InvalidInput: quarter, bucket or input are not usable. Nothing has been written.
    """
    check_quarter(quarter)
    check_bucket(bucket)
    return write_quarter(s3, bucket, quarter, FileTranscripts(source, quarter), on_progress)


def write_quarter(
    s3: Any,
    bucket: str,
    quarter: str,
    source: TranscriptSource,
    on_progress: Callable[[int, int], None] | None = None,
) -> PrefetchSummary:
    """Write the sentences of any source's calls; raises InvalidInput when there is none in any call."""
    writer = ChunkWriter(s3, bucket, quarter)
    totals = _Totals()
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
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
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
