"""What a quarter's sentences come to: the published sentences, calls, evidence and exposures, in one pass.

The sentences are read one part at a time: those of 5,000 firms, 2.3 million, would not fit into the job's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import pyarrow as pa

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.contract.record import of_run
from cloud.src.worker.calls import calls_of
from cloud.src.worker.exposures import exposures_of
from cloud.src.worker.mapped_quarter import FinishedPart
from cloud.src.worker.store import Store

# Which of a part's sentences (schema SENTENCE_VECTOR) count for which theme: a table EVIDENCE.
EvidenceOf = Callable[[pa.Table], pa.Table]


def sentence_parts(store: Store, quarter: str, parts: list[FinishedPart]) -> Iterator[tuple[FinishedPart, pa.Table]]:
    """Each part's sentences, as schema SENTENCE_VECTOR; raise FtmError when an earlier version has written them."""
    for part in parts:
        key = keys.sentences_part(quarter, part.name)
        table = store.read_table(key)
        missing = [name for name in schemas.SENTENCE_VECTOR.names if name not in table.column_names]
        if missing:
            raise FtmError(
                f"{store.where(key)} was written by an earlier version of ftm (no column {', '.join(missing)}): "
                f"prefetch and run the quarter again, beginning with: ftm prefetch {quarter} --force"
            )
        yield part, table


def publish(
    store: Store, quarter: str, parts: list[FinishedPart], themes: pa.Table, evidence_of: EvidenceOf, run_id: str
) -> None:
    """Write sentences (without vectors) and evidence part by part, and one table each of calls and exposures.

    Args:
        themes: schema THEME, themes and families.
        evidence_of: what it returns has the order of the sentences.
        run_id: goes into the metadata of the tables.
    """
    calls, exposures = [schemas.CALL.empty_table()], [schemas.EXPOSURE.empty_table()]
    published = set()
    for part, mapped in sentence_parts(store, quarter, parts):
        sentences, evidence = mapped.drop_columns(["vector"]), evidence_of(mapped)
        calls.append(calls_of(sentences))
        exposures.append(exposures_of(evidence, sentences, calls[-1], themes))
        for key, table in ((keys.sentences, sentences), (keys.evidence, evidence)):
            store.write_table(key(quarter, part.batch_id, part.number), of_run(table, run_id))
            published.add(key(quarter, part.batch_id, part.number))
    published.add(keys.themes(quarter))  # written last, by reduce
    # Sorted, so that the tables do not depend on how the firms were put into batches. Equal ones keep their order,
    # which is that of the themes.
    by_call: list[tuple[str, Literal["ascending", "descending"]]] = [
        (name, "ascending") for name in ("firm_id", "earnings_call_date", "call_id")
    ]
    store.write_table(keys.calls(quarter), of_run(pa.concat_tables(calls).sort_by(by_call), run_id))
    store.write_table(keys.exposures(quarter), of_run(pa.concat_tables(exposures).sort_by(by_call), run_id))
    _delete_others(store, quarter, published)


def _delete_others(store: Store, quarter: str, published: set[str]) -> None:
    """Remove what an earlier execution had published and this one has not.

    These are its parts, and the table that earlier versions had put beside that of the themes: a folder is one table.
    """
    for prefix in (keys.sentences_prefix(quarter), keys.evidence_prefix(quarter), keys.themes_prefix(quarter)):
        for key in store.list(prefix):
            if key not in published:
                store.delete(key)
