"""What the map jobs of an execution have left: its parts, their topics, and its firms."""

from __future__ import annotations

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
    """A part of a batch that map has finished."""

    batch_id: str
    number: int


@dataclass(frozen=True)
class MappedQuarter:
    """What the map jobs left. ``topics`` has schema TOPIC, sorted by topic.

    ``names_by``: the models and prompts that named the topics, usually one. ``fingerprints``: of what the parts are
    made.
    """

    parts: list[FinishedPart]
    topics: pa.Table
    firms: list[FirmRow]
    names_by: list[NamedBy]
    fingerprints: list[str]

    def embeddings(self) -> Vectors:
        """Shape (topics, dimensions)."""
        column = cast("pa.ListArray[Any]", self.topics.column("embedding").combine_chunks())
        numbers: Vectors = column.flatten().to_numpy()
        return numbers.reshape(self.topics.num_rows, len(numbers) // max(1, self.topics.num_rows))


def read_mapped(store: Store, quarter: str, manifest_key: str) -> MappedQuarter:
    """The finished parts of this execution's batches; raise FtmError when no part is finished.

    The progress files say which parts count: a part left by an earlier execution with other batches is not theirs.
    """
    finished, tables, fingerprints = [], [], []
    firms: list[FirmRow] = []
    names_by: list[NamedBy] = []
    for batch_id, firms_of_batch in read_batches(store, manifest_key).items():
        progress = store.read_json_if_there(keys.progress(quarter, batch_id))
        if progress is None or progress["manifest_key"] != manifest_key:
            continue
        unclaimed = firms_of_batch
        for number in progress["parts"]:
            table = store.read_table(keys.topics_part(quarter, batch_id, number))
            finished.append(FinishedPart(batch_id, number))
            record = read_record(table)
            fingerprints.append(record["fingerprint"])
            firms_of_part = [firm_with_dates(firm) for firm in record["firms"]]
            unclaimed = claim_firms(unclaimed, firms_of_part, keys.topics_part(quarter, batch_id, number))
            firms += firms_of_part
            if record["names_by"] not in names_by:
                names_by.append(record["names_by"])
            tables.append(table.replace_schema_metadata(None))
    if not finished:
        raise FtmError(f"no batch of {manifest_key} left any result: see the reasons in progress/{quarter}/")
    # Sorted, so that the themes do not depend on how the firms were put into batches.
    topics = pa.concat_tables(tables).sort_by([("firm_id", "ascending"), ("local_topic_id", "ascending")])
    return MappedQuarter(finished, topics, sorted(firms, key=lambda firm: firm["firm_id"]), names_by, fingerprints)


def claim_firms(unclaimed: set[str], firms_of_part: list[FirmRow], key: str) -> set[str]:
    """The firms of a batch that are still unclaimed after this part; raise FtmError when one of the part's is not.

    Two executions of one quarter with other batch sizes write parts of the same names: no firm must count twice.
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
