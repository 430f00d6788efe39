"""Part files: what a map job leaves for at most CHECKPOINT_INTERVAL firms, and how a repeated job knows them again.

A part is two Parquet files, sentences and topics. Both carry in their metadata a fingerprint of everything they were
made from, so a part made from other input, models, prompts or settings is never taken for this one. The topics file
is written last: it stands for the whole part.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import cast

import pyarrow as pa

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.contract.record import read_record, with_record
from cloud.src.contract.rows import FirmRow, NamedBy, TopicRow
from cloud.src.worker.progress import FirmReason
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts, split_by_firm

log = logging.getLogger(__name__)


@dataclass
class Part:
    """``sentences`` are tables of schema SENTENCE_VECTOR, one per firm."""

    fingerprint: str
    firms: list[FirmRow] = field(default_factory=list)
    skipped: list[FirmReason] = field(default_factory=list)
    failed: list[FirmReason] = field(default_factory=list)
    topics: list[TopicRow] = field(default_factory=list)
    sentences: list[pa.Table] = field(default_factory=list)
    without_llm: list[str] = field(default_factory=list)  # ids of firms with names that no LLM was to be had for
    names_by: NamedBy | None = None  # of the topics

    def n_settled(self) -> int:
        """How many firms are done, skipped or failed."""
        return len(self.firms) + len(self.skipped) + len(self.failed)

    def missing(self, firms: list[FirmTranscripts]) -> list[FirmTranscripts]:
        """The firms that are neither analysed nor skipped yet; one that failed is missing."""
        finished = {firm["firm_id"] for firm in self.firms} | {firm.firm_id for firm in self.skipped}
        return [firm for firm in firms if firm.firm_id not in finished]

    def record(self) -> dict[str, object]:
        """What the part's files carry about it as metadata."""
        return {
            "fingerprint": self.fingerprint,
            "firms": self.firms,
            "skipped": [asdict(firm) for firm in self.skipped],
            "failed": [asdict(firm) for firm in self.failed],
            "without_llm": self.without_llm,
            "names_by": self.names_by,
        }


def fingerprint(recipe: Mapping[str, object], firms: list[FirmTranscripts]) -> str:
    """A hash of how a part is made (models, prompts, settings) and from what (each firm's sentences)."""
    ingredients = {"recipe": recipe, "firms": [[firm.firm_id, firm.digest()] for firm in firms]}
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


def write_part(store: Store, quarter: str, batch_id: str, number: int, part: Part) -> None:
    """Write both files. Rows come by firm, in whatever order the firms were analysed."""
    part.firms.sort(key=lambda firm: firm["firm_id"])
    part.topics.sort(key=lambda topic: (topic["firm_id"], topic["local_topic_id"]))
    part.sentences.sort(key=lambda table: table["firm_id"][0].as_py())
    sentences = pa.concat_tables(part.sentences) if part.sentences else schemas.SENTENCE_VECTOR.empty_table()
    topics = pa.Table.from_pylist(part.topics, schema=schemas.TOPIC)
    store.write_table(keys.sentences_part(quarter, batch_id, number), with_record(sentences, part.record()))
    store.write_table(keys.topics_part(quarter, batch_id, number), with_record(topics, part.record()))


def read_part(store: Store, quarter: str, batch_id: str, number: int, wanted: str) -> Part | None:
    """The part as far as it was made with this fingerprint, or None when it was not, or cannot be read.

    Firms that were named while the LLM was away are left out, so that they are made again.
    """
    topics = _read_or_none(store, keys.topics_part(quarter, batch_id, number))
    sentences = _read_or_none(store, keys.sentences_part(quarter, batch_id, number))
    if topics is None or sentences is None:
        return None
    record = read_record(topics)
    if record["fingerprint"] != wanted or record != read_record(sentences):
        return None
    to_do_again = set(record["without_llm"])
    tables = split_by_firm(sentences.replace_schema_metadata(None))
    return Part(
        fingerprint=wanted,
        firms=[firm for firm in record["firms"] if firm["firm_id"] not in to_do_again],
        skipped=[FirmReason(**firm) for firm in record["skipped"]],
        failed=[FirmReason(**firm) for firm in record["failed"]],
        topics=[topic for topic in cast(list[TopicRow], topics.to_pylist()) if topic["firm_id"] not in to_do_again],
        sentences=[table for firm_id, table in tables.items() if firm_id not in to_do_again],
        names_by=record["names_by"],
    )


def _read_or_none(store: Store, key: str) -> pa.Table | None:
    try:
        return store.read_table_if_there(key)
    except FtmError as error:
        log.warning("%s; making the part again", error)
        return None
