"""What the map jobs of an execution have left: its parts, their topics, and its firms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import pyarrow as pa

from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError
from cloud.src.contract.record import read_record
from cloud.src.contract.rows import FirmRow, NamedBy
from cloud.src.models.embeddings import Vectors
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import read_batches


@dataclass(frozen=True)
class FinishedPart:
    """A part of a batch that map has finished; what reduce publishes of it goes by its number."""

    batch_id: str
    number: int
    name: str


@dataclass(frozen=True)
class MappedQuarter:
    """What the map jobs left. ``topics`` has schema TOPIC, sorted by topic.

    ``names_by``: the models and prompts that named the topics, usually one. ``made_of``: the fingerprint of each firm.
    ``unsettled``: the firms of the manifest that are in none of the parts. ``being_made``: the batches that another
    execution has begun since.
    """

    parts: list[FinishedPart]
    topics: pa.Table
    firms: list[FirmRow]
    names_by: list[NamedBy]
    made_of: dict[str, str]
    unsettled: set[str]
    being_made: list[str]

    def embeddings(self) -> Vectors:
        """Shape (topics, dimensions)."""
        column = cast("pa.ListArray[Any]", self.topics.column("embedding").combine_chunks())
        numbers: Vectors = column.flatten().to_numpy()
        return numbers.reshape(self.topics.num_rows, len(numbers) // max(1, self.topics.num_rows))


def read_mapped(store: Store, quarter: str, manifest_key: str, columns: Sequence[str] | None = None) -> MappedQuarter:
    """The finished parts of this execution's batches; raise FtmError when no part is finished.

    ``columns``: which of the topics are read, None for all; ``firm_id`` and ``local_topic_id`` are among them.
    The progress files say which parts count: a part left by an earlier execution with other batches is not theirs.
    """
    finished, tables = [], []
    made_of: dict[str, str] = {}
    unsettled: set[str] = set()
    being_made: list[str] = []
    firms: list[FirmRow] = []
    names_by: list[NamedBy] = []
    for batch_id, firms_of_batch in read_batches(store, manifest_key).items():
        progress = store.read_json_if_there(keys.progress(quarter, batch_id))
        unclaimed = set(firms_of_batch)
        unsettled |= unclaimed
        if progress is None or progress["manifest_key"] != manifest_key:
            being_made += [] if progress is None else [batch_id]
            continue
        for number, part in enumerate(progress["parts"]):
            name = part_name(batch_id, part)
            table = store.read_table(keys.topics_part(quarter, name), columns)
            finished.append(FinishedPart(batch_id, number, name))
            record = read_record(table)
            made_of |= record["made_of"]
            firms_of_part = [firm_with_dates(firm) for firm in record["firms"]]
            unclaimed = claim_firms(unclaimed, firms_of_part, keys.topics_part(quarter, name))
            unsettled -= {firm["firm_id"] for kind in ("firms", "skipped", "failed") for firm in record[kind]}
            firms += firms_of_part
            if record["names_by"] not in names_by:
                names_by.append(record["names_by"])
            tables.append(table.replace_schema_metadata(None))
    if not finished:
        raise FtmError(f"no batch of {manifest_key} left any result: see the reasons in progress/{quarter}/")
    # Sorted, so that the themes do not depend on how the firms were put into batches.
    topics = pa.concat_tables(tables).sort_by([("firm_id", "ascending"), ("local_topic_id", "ascending")])
    firms.sort(key=lambda firm: firm["firm_id"])
    return MappedQuarter(finished, topics, firms, names_by, made_of, unsettled, being_made)


def part_name(batch_id: str, part: str | int) -> str:
    """The name of a part in a batch's progress; earlier versions wrote its number, and named it by that."""
    return part if isinstance(part, str) else f"{batch_id}_part_{part:02d}"


def claim_firms(unclaimed: set[str], firms_of_part: list[FirmRow], key: str) -> set[str]:
    """The firms of a batch that are still unclaimed after this part; raise FtmError when one of the part's is not.

    No firm must count twice, whatever has written to the bucket meanwhile.
    """
    still_unclaimed = set(unclaimed)
    for firm in firms_of_part:
        if firm["firm_id"] not in still_unclaimed:
            raise FtmError(
                f"{key} holds firm {firm['firm_id']}, which this execution has elsewhere: another execution of the "
                "quarter has overwritten it; start the quarter again when no other one is running"
            )
        still_unclaimed.remove(firm["firm_id"])
    return still_unclaimed


def firm_with_dates(firm: dict[str, Any]) -> FirmRow:
    """A firm's row from a part's metadata, where JSON has made strings of its dates."""
    link_date = firm["link_date"]
    return cast(
        "FirmRow",
        {
            **firm,
            "earnings_call_date": date.fromisoformat(firm["earnings_call_date"]),
            "link_date": date.fromisoformat(link_date) if link_date else None,
        },
    )
