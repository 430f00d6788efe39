"""Part files: what a map job leaves for at most CHECKPOINT_INTERVAL firms, and how a repeated job knows them again.

A part is two Parquet files, sentences and topics. Both carry in their metadata, for each firm, a fingerprint of
everything that the firm's rows were made from, so rows made from other input, models, prompts or settings are never
taken for these. The topics file is written last: it stands for the whole part.
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


@dataclass(frozen=True)
class PlannedPart:
    """Which firms of a batch go into one part."""

    number: int
    name: str
    firm_ids: list[str]


@dataclass
class Part:
    """``made_of``: fingerprint by firm. ``sentences`` are tables of schema SENTENCE_VECTOR, one per firm."""

    made_of: Mapping[str, str] = field(default_factory=dict)
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

    def finished(self) -> set[str]:
        """The firms that are analysed or skipped; one that failed is not."""
        return {firm["firm_id"] for firm in self.firms} | {firm.firm_id for firm in self.skipped}

    def take_over(self, other: Part) -> None:
        """Add the firms that another part has finished."""
        self.firms += other.firms
        self.skipped += other.skipped
        self.topics += other.topics
        self.sentences += other.sentences

    def record(self) -> dict[str, object]:
        """What the part's files carry about it as metadata."""
        finished = self.finished()
        return {
            "made_of": {firm_id: made_of for firm_id, made_of in sorted(self.made_of.items()) if firm_id in finished},
            "firms": self.firms,
            "skipped": [asdict(firm) for firm in self.skipped],
            "failed": [asdict(firm) for firm in self.failed],
            "without_llm": self.without_llm,
            "names_by": self.names_by,
        }


def plan(batch_id: str, firm_ids: list[str], firms_a_part: int) -> list[PlannedPart]:
    """The parts of a batch."""
    cuts = [firm_ids[start : start + firms_a_part] for start in range(0, len(firm_ids), firms_a_part)]
    return [PlannedPart(number, keys.part_name(batch_id, number, cut), cut) for number, cut in enumerate(cuts)]


def fingerprints(recipe: Mapping[str, object], firms: list[FirmTranscripts]) -> dict[str, str]:
    """By firm, a hash of how its rows are made (models, prompts, settings) and from what (its sentences)."""
    made_with = json.dumps(recipe, sort_keys=True)
    return {
        firm.firm_id: hashlib.sha256(json.dumps([made_with, firm.firm_id, firm.digest()]).encode()).hexdigest()
        for firm in firms
    }


def write_part(store: Store, quarter: str, name: str, part: Part) -> None:
    """Write both files. Rows come by firm, in whatever order the firms were analysed."""
    part.firms.sort(key=lambda firm: firm["firm_id"])
    part.skipped.sort(key=lambda firm: firm.firm_id)
    part.topics.sort(key=lambda topic: (topic["firm_id"], topic["local_topic_id"]))
    part.sentences.sort(key=lambda table: table["firm_id"][0].as_py())
    sentences = pa.concat_tables(part.sentences) if part.sentences else schemas.SENTENCE_VECTOR.empty_table()
    topics = pa.Table.from_pylist(part.topics, schema=schemas.TOPIC)
    store.write_table(keys.sentences_part(quarter, name), with_record(sentences, part.record()))
    store.write_table(keys.topics_part(quarter, name), with_record(topics, part.record()))


def read_part(store: Store, quarter: str, name: str, wanted: Mapping[str, str]) -> Part:
    """The part as far as it has these firms, made of what these fingerprints say; empty when it cannot be read.

    Firms that were named while the LLM was away are left out, so that they are made again.
    """
    topics = read_or_none(store, keys.topics_part(quarter, name))
    sentences = read_or_none(store, keys.sentences_part(quarter, name))
    if topics is None or sentences is None:
        return Part(wanted)
    record = read_record(topics)
    if record != read_record(sentences):
        return Part(wanted)
    made_of, to_do_again = record["made_of"], set(record["without_llm"])
    known = {firm_id for firm_id in wanted.keys() - to_do_again if made_of.get(firm_id) == wanted[firm_id]}
    tables = split_by_firm(sentences.replace_schema_metadata(None))
    return Part(
        made_of=wanted,
        firms=[firm for firm in record["firms"] if firm["firm_id"] in known],
        skipped=[FirmReason(**firm) for firm in record["skipped"] if firm["firm_id"] in known],
        failed=[FirmReason(**firm) for firm in record["failed"]],
        topics=[topic for topic in cast(list[TopicRow], topics.to_pylist()) if topic["firm_id"] in known],
        sentences=[table for firm_id, table in tables.items() if firm_id in known],
    )


def read_or_none(store: Store, key: str) -> pa.Table | None:
    """The table; None when it is not there or cannot be read."""
    try:
        return store.read_table_if_there(key)
    except FtmError as error:
        log.warning("%s; making the part again", error)
        return None
