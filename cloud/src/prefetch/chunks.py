"""Writes a quarter's sentences to S3: chunks of whole firms, and last the manifest that makes them count."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from cloud.src.contract import keys
from cloud.src.prefetch.storage import Storage

FIRMS_PER_CHUNK = 100


class ChunkWriter:
    """Takes one firm after the other and uploads a chunk whenever it has ``firms_per_chunk`` of them.

    Only one chunk is in memory. The quarter's old manifest is deleted before the first chunk is written, so that an
    unfinished prefetch is never taken for a complete one; nothing is touched when no firm comes.
    """

    def __init__(self, storage: Storage, quarter: str, firms_per_chunk: int = FIRMS_PER_CHUNK) -> None:
        self._storage = storage
        self._quarter = quarter
        self._firms_per_chunk = firms_per_chunk
        self._firms: list[str] = []
        self._rows: list[pa.RecordBatch] = []
        self.chunks: list[str] = []  # keys
        self.chunk_of_firm: dict[str, str] = {}  # firm_id -> file name of its chunk

    def add(self, firm_id: str, rows: pa.RecordBatch) -> None:
        """Add all sentences (schema ``schemas.SENTENCE``) of one firm."""
        self._firms.append(firm_id)
        self._rows.append(rows)
        if len(self._firms) == self._firms_per_chunk:
            self._write_chunk()

    def finish(self, manifest: dict[str, object]) -> str:
        """Write the last chunk, remove what an earlier prefetch has left, write the manifest, and return its key.

        ``manifest`` is completed with the chunks and with the chunk of each firm.
        """
        if self._firms:
            self._write_chunk()
        self._delete_leftovers()
        key = keys.prefetch_manifest(self._quarter)
        body = json.dumps({**manifest, "chunks": self.chunks, "firms": self.chunk_of_firm}, indent=1)
        self._storage.put(key, body.encode())
        return key

    def _write_chunk(self) -> None:
        if not self.chunks:
            self._storage.delete(keys.prefetch_manifest(self._quarter))
        key = keys.prefetch_chunk(self._quarter, len(self.chunks))
        buffer = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_batches(self._rows), buffer, compression="snappy")
        self._storage.put(key, buffer.getvalue().to_pybytes())
        self.chunks.append(key)
        self.chunk_of_firm |= dict.fromkeys(self._firms, PurePosixPath(key).name)
        self._firms, self._rows = [], []

    def _delete_leftovers(self) -> None:
        """Delete the chunks of an earlier, larger prefetch and the checkpoint of one that was not finished."""
        written = set(self.chunks)
        for key in self._storage.list(keys.prefetch_prefix(self._quarter)):
            is_chunk = PurePosixPath(key).name.startswith("chunk_")
            if (is_chunk and key not in written) or key == keys.prefetch_checkpoint(self._quarter):
                self._storage.delete(key)
