"""Writes a quarter's sentences: chunks of whole firms with a checkpoint after each, and last the manifest."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from cloud.src.contract import keys
from cloud.src.prefetch import checkpoint
from cloud.src.prefetch.checkpoint import Checkpoint
from cloud.src.prefetch.lock import QuarterLock
from cloud.src.prefetch.sentences.sentences import FirmSentences
from cloud.src.prefetch.storage import Storage

FIRMS_PER_CHUNK = 100
# Chunks, and what a killed process has left of an object that it was writing into a folder (``FolderStorage.put``).
_CHUNKS_AND_UNFINISHED = ("chunk_", ".chunk_", ".manifest.json.", "._checkpoint.json.")


class ChunkWriter:
    """Takes one firm after the other and writes a chunk whenever it has FIRMS_PER_CHUNK of them.

    Only one chunk is in memory. Before the first chunk the quarter's old manifest is deleted, so that an unfinished
    prefetch is never taken for a complete one; nothing is touched when no firm has content. Killed anywhere, what is in
    the checkpoint is in the chunks; a chunk that is newer than its checkpoint is written again with the same bytes.
    """

    def __init__(self, storage: Storage, quarter: str, progress: Checkpoint, lock: QuarterLock) -> None:
        self._storage = storage
        self._quarter = quarter
        self._lock = lock
        self.progress = progress
        self._firms: list[str] = []
        self._rows: list[pa.RecordBatch] = []

    def add(self, firm: FirmSentences) -> None:
        """Add all sentences of one firm; firms come in the order of their ids."""
        progress = self.progress
        progress.firms_done += 1
        progress.last_firm = firm.firm_id
        progress.skipped.update(firm.skipped)
        if not firm.rows.num_rows:
            return
        progress.n_firms += 1
        progress.n_calls += firm.n_calls
        progress.n_sentences += firm.rows.num_rows
        progress.n_firms_without_permno += not firm.has_permno
        progress.n_calls_without_time += firm.n_calls_without_time
        self._firms.append(firm.firm_id)
        self._rows.append(firm.rows)
        if len(self._firms) == FIRMS_PER_CHUNK:
            self._write_chunk()

    def write_rest(self) -> None:
        """Write the firms that fill no whole chunk."""
        if self._firms:
            self._write_chunk()

    def finish(self, manifest: dict[str, object]) -> None:
        """Delete what an earlier, larger prefetch has left, write the manifest, and only then drop the checkpoint."""
        self._lock.check()
        for key in self._storage.list(keys.prefetch_prefix(self._quarter)):
            if PurePosixPath(key).name.startswith(_CHUNKS_AND_UNFINISHED) and key not in self.progress.chunks:
                self._storage.delete(key)
        self._lock.check()  # the list may have been long
        self._storage.put(keys.prefetch_manifest(self._quarter), json.dumps(manifest, indent=1).encode())
        self._storage.delete(keys.prefetch_checkpoint(self._quarter))

    def _write_chunk(self) -> None:
        self._lock.check()
        progress = self.progress
        if not progress.chunks:
            self._begin()
        key = keys.prefetch_chunk(self._quarter, len(progress.chunks))
        buffer = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_batches(self._rows), buffer, compression="snappy")
        self._storage.put(key, buffer.getvalue().to_pybytes())
        progress.chunks.append(key)
        progress.chunk_of_firm |= dict.fromkeys(self._firms, PurePosixPath(key).name)
        self._firms, self._rows = [], []
        checkpoint.save(self._storage, self._quarter, progress)

    def _begin(self) -> None:
        """Write down when this began, with nothing done; then the quarter is no longer a finished one."""
        nothing_done = Checkpoint(self.progress.fingerprint, self.progress.created_at)
        checkpoint.save(self._storage, self._quarter, nothing_done)
        self._storage.delete(keys.prefetch_manifest(self._quarter))
