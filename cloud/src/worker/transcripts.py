"""The map job's input: which firms a batch holds, and their sentences out of the prefetch chunks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cloud.src.contract import documents, keys, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.worker.progress import FirmReason
from cloud.src.worker.store import Store


@dataclass(frozen=True)
class FirmTranscripts:
    """All sentences of one firm in the quarter, in the order they were spoken. ``table`` has schema SENTENCE."""

    firm_id: str
    table: pa.Table

    def column(self, name: str) -> list[Any]:
        """The values of a column, one for each sentence."""
        return self.table.column(name).to_pylist()

    def digest(self) -> str:
        """A hash of the content: it changes when a word, a date or an identifier changes."""
        rows = json.dumps(self.table.to_pydict(), default=str, sort_keys=True)
        return hashlib.sha256(rows.encode()).hexdigest()


def read_batch(store: Store, manifest_key: str, batch_id: str) -> list[str]:
    """The firm_ids of a batch; raise FtmError when the manifest does not list it."""
    batches = read_batches(store, manifest_key)
    if batch_id in batches:
        return batches[batch_id]
    raise FtmError(f"batch {batch_id} is not in {store.where(manifest_key)}")


def read_batches(store: Store, manifest_key: str) -> dict[str, list[str]]:
    """The firm_ids of each batch."""
    return documents.batches(store.require(manifest_key), store.where(manifest_key))


class TranscriptReader:
    """Reads firms out of the prefetch chunks. One chunk is held in memory at a time; firms come in chunk order."""

    def __init__(self, store: Store, quarter: str) -> None:
        self._store = store
        self._quarter = quarter
        self._prefix = keys.prefetch_prefix(quarter)
        self._chunk_of_firm: dict[str, str] = documents.prefetched_firms(
            store.require(keys.prefetch_manifest(quarter)), f"s3://{store.bucket}/{keys.prefetch_manifest(quarter)}"
        )
        self._chunk_name = ""
        self._chunk_firms: dict[str, pa.Table] = {}

    def read(self, firm_ids: list[str]) -> tuple[list[FirmTranscripts], list[FirmReason]]:
        """Each firm's sentences, and the firms that are not in their chunk.

        Raises FtmError when a chunk is not there, or the prefetch manifest does not know a firm.
        """
        found, missing = [], []
        for firm_id in firm_ids:
            chunk_name = self._chunk_of_firm.get(firm_id)
            if chunk_name is None:
                raise FtmError(f"firm {firm_id} is not in the prefetch manifest: start the quarter again")
            self._load(chunk_name)
            if firm_id in self._chunk_firms:
                found.append(FirmTranscripts(firm_id, self._chunk_firms[firm_id]))
            else:
                chunk = f"s3://{self._store.bucket}/{self._prefix}{chunk_name}"
                missing.append(FirmReason(firm_id, f"it is not in {chunk}: prefetch the quarter again"))
        return found, missing

    def _load(self, chunk_name: str) -> None:
        if chunk_name == self._chunk_name:
            return
        table = self._store.read_table(self._prefix + chunk_name)
        missing = [name for name in schemas.SENTENCE.names if name not in table.column_names]
        if missing:
            raise FtmError(
                f"s3://{self._store.bucket}/{self._prefix}{chunk_name} was written by an earlier version of ftm "
                f"(no column {', '.join(missing)}): prefetch the quarter again with: ftm prefetch {self._quarter} "
                "--force"
            )
        self._chunk_firms = split_by_firm(table)
        self._chunk_name = chunk_name


def split_by_firm(table: pa.Table) -> dict[str, pa.Table]:
    """Cut a chunk into its firms. Rows of one firm stand together; each piece is a view, not a copy."""
    firm_ids = np.array(table.column("firm_id").to_pylist(), dtype=object)
    starts = [i for i in range(len(firm_ids)) if i == 0 or firm_ids[i] != firm_ids[i - 1]]
    ends = [*starts[1:], len(firm_ids)] if starts else []
    return {firm_ids[start]: table.slice(start, end - start) for start, end in zip(starts, ends, strict=True)}
