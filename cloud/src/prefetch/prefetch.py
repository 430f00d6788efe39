"""Prefetch: brings a quarter's transcripts into the bucket, as sentences, where the map jobs find them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.keys import check_quarter
from cloud.src.prefetch import checkpoint
from cloud.src.prefetch.calls import TranscriptSource
from cloud.src.prefetch.checkpoint import Checkpoint
from cloud.src.prefetch.chunks import ChunkWriter
from cloud.src.prefetch.lock import quarter_lock
from cloud.src.prefetch.parallel import sentences_of_firms
from cloud.src.prefetch.sentences.cleaning import rules_fingerprint
from cloud.src.prefetch.storage import Storage


@dataclass(frozen=True)
class PrefetchSummary:
    """What there is of the quarter now, and whether it was there before.

    Attributes:
        n_firms, n_calls, n_sentences: in the chunks.
        n_firms_without_permno: of these firms; they have topics and themes, but no place in an event study.
        n_calls_without_time: of these calls; the time of day is unknown, so their event_date is.
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
    n_calls_without_time: int
    skipped: dict[str, int]
    manifest_key: str
    created_at: str
    source: str
    already_there: bool = False


def finished_prefetch(storage: Storage, quarter: str, selection: str = "") -> PrefetchSummary | None:
    """Return what a finished prefetch of the quarter has left, None when it is not finished.

    To be asked before a source is opened that is slow to open.

    Args:
        selection: of the source that would be read (``TranscriptSource.selection``).

    Raises:
        FtmError: the manifest cannot be read.
        InvalidInput: it is of another selection, such as the first 20 firms where all are wanted.
    """
    key = keys.prefetch_manifest(quarter)
    found = storage.get(key)
    if not found:
        return None
    try:
        manifest = json.loads(found[0])
        summary, finished_selection = _summary(manifest, key, already_there=True), manifest["selection"]
        if manifest["columns"] != schemas.SENTENCE.names:
            raise ValueError("other columns")
    except (ValueError, KeyError, TypeError) as error:
        raise FtmError(
            f"{storage.where(key)} is not a manifest of this version of ftm: prefetch the quarter with --force"
        ) from error
    if finished_selection != selection:
        raise InvalidInput(
            f"{storage.where(key)} was made with {finished_selection or 'all firms'}, not with "
            f"{selection or 'all firms'}: --force overwrites it, another --to leaves it as it is"
        )
    return summary


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
        force: overwrite a finished quarter. Its manifest goes before any of its chunks does.

    Raises:
        InvalidInput: there is no sentence in any call, or the quarter is finished with another selection of firms; an
            earlier prefetch is as it was.
        PrefetchRunning: another process is prefetching this quarter to the same place; says who and since when.
    """
    check_quarter(quarter)
    with quarter_lock(storage, quarter) as lock:
        if not force and (finished := finished_prefetch(storage, quarter, source.selection)):
            storage.delete(keys.prefetch_checkpoint(quarter))  # its process may have been killed before it did this
            return finished
        writer = ChunkWriter(storage, quarter, _progress(storage, quarter, source), lock)
        progress = writer.progress
        for firm in sentences_of_firms(source.firms(progress.last_firm), quarter, source.n_firms, source.all_languages):
            writer.add(firm)
            if on_progress:
                on_progress(progress.firms_done, source.n_firms)
        writer.write_rest()
        skipped = dict(sorted((progress.skipped + source.skipped).items()))
        if not progress.n_firms:
            reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
            raise InvalidInput(f"no call of {quarter} has any content: {reasons}")
        manifest = _manifest(quarter, source, progress, skipped)
        writer.finish(manifest)
    return _summary(manifest, keys.prefetch_manifest(quarter))


def _progress(storage: Storage, quarter: str, source: TranscriptSource) -> Checkpoint:
    """How far an interrupted prefetch of this source has come, or a new beginning."""
    fingerprint = f"{source.fingerprint} {rules_fingerprint()}"
    is_finished = storage.get(keys.prefetch_manifest(quarter)) is not None
    earlier = None if is_finished else checkpoint.load(storage, quarter, fingerprint)
    return earlier or Checkpoint(fingerprint)


def _manifest(
    quarter: str, source: TranscriptSource, progress: Checkpoint, skipped: dict[str, int]
) -> dict[str, object]:
    return {
        "quarter": quarter,
        "created_at": progress.created_at,
        "source": source.name,
        "selection": source.selection,
        "fingerprint": progress.fingerprint,
        "n_firms": progress.n_firms,
        "n_calls": progress.n_calls,
        "n_sentences": progress.n_sentences,
        "n_firms_without_permno": progress.n_firms_without_permno,
        "n_calls_without_time": progress.n_calls_without_time,
        "skipped": skipped,
        "columns": schemas.SENTENCE.names,
        "chunks": progress.chunks,
        "firms": progress.chunk_of_firm,
    }


def _summary(manifest: dict[str, Any], manifest_key: str, already_there: bool = False) -> PrefetchSummary:
    return PrefetchSummary(
        quarter=manifest["quarter"],
        n_firms=manifest["n_firms"],
        n_calls=manifest["n_calls"],
        n_sentences=manifest["n_sentences"],
        n_chunks=len(manifest["chunks"]),
        n_firms_without_permno=manifest["n_firms_without_permno"],
        n_calls_without_time=manifest["n_calls_without_time"],
        skipped=manifest["skipped"],
        manifest_key=manifest_key,
        created_at=manifest["created_at"],
        source=manifest["source"],
        already_there=already_there,
    )
