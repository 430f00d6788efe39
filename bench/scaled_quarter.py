"""A quarter of many firms with sentences, made from a real one, and how long reduce and package take for it.

    python bench/scaled_quarter.py write ftm-output/run 2020Q1 --firms 5000 --out /tmp/scaled
    python bench/scaled_quarter.py time /tmp/scaled
    python bench/scaled_quarter.py tables ftm-output/run 2020Q1 --firms 5000 --out /tmp/tables
    python bench/scaled_quarter.py write ftm-output/run 2020Q2 --firms 500 --out /tmp/scaled --as 2099Q2 --first-copy 4

``write`` makes what map jobs leave, in the layout of the bucket, one part at a time: each firm of the run is copied
under other ids, and the vectors of a copy's sentences and topics are turned by random angles, so far that they are as
near to the first ones' as neighbours in a quarter are. Texts stay as they are. The 149 firms of 2020Q1 become 5,000
with 2.3 million sentences in 159,000 topics; 3,937 have 125,000 topics, 787 have 25,000 and 158 have 5,000. ``time``
runs both steps in this process, with names by keywords, and prints the seconds by the clock and of processor time, and
the largest memory.

``--as`` gives the quarter another name, so that one folder has several for ``ftm panel``; ``--first-copy`` gives other
ids to its firms and calls, where the same quarter is copied twice.

``tables`` copies the firms in the finished tables instead, for what only reads them, as the report does. Families and
themes stay those of the run, with the counts of the copies, and no word is new.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud.src.contract import keys, schemas
from cloud.src.contract.record import of_run, read_record, with_record
from cloud.src.models import byte_vectors, packaged_models
from cloud.src.models.embeddings import Embedder, unit
from cloud.src.naming.namer import KeywordNamer
from cloud.src.worker import package_sentiment, reduce_themes
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store

QUARTER = "2099Q1"
BATCH = keys.batch_id(QUARTER, 0)
RUN_ID = "bench"
# How near a sentence, and a topic, lies to the one that it is made of: an assumption, not measured.
SENTENCE_COSINE, TOPIC_COSINE = 0.62, 0.8
FIRST_PERMNO = 10_000  # every firm has one, so that package has all of them to write
_IDS = ("sentence_id", "firm_id", "call_id", "topic_id")
_ID_LISTS = ("representative_sentence_ids", "evidence_sentence_ids")
_COUNTS_OF_THEMES = ("n_topics", "n_firms", "n_sentences")

Part = tuple[pa.Table, pa.Table]  # topics and sentences


class FolderStore(Store):
    """The bucket as a folder: no server whose time and memory would count."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None, str(folder))
        self._folder = folder

    def read(self, key: str) -> bytes | None:
        path = self._folder / key
        return path.read_bytes() if path.is_file() else None

    def write(self, key: str, body: bytes) -> None:
        (self._folder / key).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / key).write_bytes(body)

    def write_json(self, key: str, document: Any) -> None:
        self.write(key, json.dumps(document).encode())

    def write_table(self, key: str, table: pa.Table) -> None:
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="snappy")
        self.write(key, buffer.getvalue())

    def upload(self, key: str, file: Path) -> None:
        (self._folder / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, self._folder / key)

    def list(self, prefix: str) -> list[str]:
        found = (self._folder / prefix).rglob("*")
        return sorted(str(path.relative_to(self._folder)) for path in found if path.is_file())

    def delete(self, key: str) -> None:
        (self._folder / key).unlink()


def manifest(quarter: str) -> str:
    """The key of the only manifest of a quarter that is written here."""
    return f"{keys.batch_manifests_prefix(quarter)}manifest_bench.jsonl"


def write(
    run: Path, quarter: str, n_firms: int, store: Store, written_as: str = QUARTER, first_copy: int = 0
) -> tuple[int, int, int]:
    """Write the parts of ``n_firms`` firms; return how many firms, topics and sentences there are.

    The quarter is called ``written_as``, its copies are numbered from ``first_copy``.
    """
    batch = keys.batch_id(written_as, 0)
    firm_ids: list[str] = []
    names: list[str] = []
    n_topics = n_sentences = 0
    for copy, part in _endless(_parts_of(run, quarter)):
        copied = _copied(*part, first_copy + copy, written_as)
        record = read_record(copied[0])
        record["firms"] = [
            firm | {"permno": FIRST_PERMNO + number}
            for number, firm in enumerate(record["firms"][: n_firms - len(firm_ids)], start=len(firm_ids))
        ]
        own = [firm["firm_id"] for firm in record["firms"]]
        is_own = pa.array(own, pa.string())
        topics, sentences = (table.filter(pc.is_in(table["firm_id"], is_own)) for table in copied)
        names.append(keys.part_name(batch, len(names), own))
        store.write_table(keys.topics_part(written_as, names[-1]), with_record(topics, record))
        store.write_table(keys.sentences_part(written_as, names[-1]), with_record(sentences, record))
        firm_ids += own
        n_topics, n_sentences = n_topics + len(topics), n_sentences + len(sentences)
        if len(firm_ids) == n_firms:
            break
    key = manifest(written_as)
    store.write_json(key, {"batch_id": batch, "firm_ids": firm_ids})
    store.write_json(keys.progress(written_as, batch), {"manifest_key": key, "parts": names})
    # For a panel: the run's own themes, as if they were those of the copies.
    store.write_json(keys.themes_progress(written_as), {"manifest_key": key, "run": RUN_ID})
    themes = _table(run / keys.themes(quarter))
    for name in ("theme_id", "family_id"):
        ids: Any = pc.replace_substring(themes[name], quarter, written_as)
        themes = _with_column(themes, name, ids)
    store.write_table(keys.themes(written_as), of_run(themes, RUN_ID))
    return len(firm_ids), n_topics, n_sentences


def write_tables(run: Path, quarter: str, n_firms: int, store: Store) -> None:
    """Write the tables that the report reads, with ``n_firms`` firms in them."""
    firms = _table(run / keys.firms(quarter))
    copies = [f"{copy:03d}-" for copy in range(-(-n_firms // firms.num_rows))]
    all_firms = pa.concat_tables(_with_copied_names(_renamed(firms, prefix), prefix) for prefix in copies)
    own = all_firms.slice(0, n_firms)
    topics = _table(run / keys.topics(quarter))
    all_topics = pa.concat_tables(_renamed(topics, prefix) for prefix in copies)
    _publish(store, keys.firms(QUARTER), own, firms)
    _publish(store, keys.topics(QUARTER), _of_firms(all_topics, own), topics)
    themes = _table(run / keys.themes(quarter))
    _publish(store, keys.themes(QUARTER), _with_counts(_renamed(themes, copies[0]), n_firms / firms.num_rows), themes)
    for number, path in enumerate(sorted((run / keys.sentences_prefix(quarter)).glob("*.parquet"))):
        sentences, evidence = _table(path), _table(run / keys.evidence_prefix(quarter) / path.name)
        for copy, prefix in enumerate(copies):
            part = (QUARTER, BATCH, number * len(copies) + copy)
            said = _of_firms(_renamed(sentences, prefix), own)
            counted = _renamed(evidence, prefix)
            counted = counted.filter(pc.is_in(counted["sentence_id"], said["sentence_id"]))
            _publish(store, keys.sentences(*part), said, sentences)
            _publish(store, keys.evidence(*part), counted, evidence)


def _table(path: Path) -> pa.Table:
    return pq.read_table(path, partitioning=None)


def _publish(store: Store, key: str, table: pa.Table, of: pa.Table) -> None:
    """Write a table with the run's id and whatever else is recorded in the one that it was made of."""
    store.write_table(key, table.replace_schema_metadata(of.schema.metadata))


def _of_firms(table: pa.Table, firms: pa.Table) -> pa.Table:
    return table.filter(pc.is_in(table["firm_id"], firms["firm_id"]))


def _with_copied_names(firms: pa.Table, prefix: str) -> pa.Table:
    pieces: list[Any] = [firms["firm_name"], pa.scalar(prefix.strip("-")), pa.scalar(" ")]
    return _with_column(firms, "firm_name", pc.binary_join_element_wise(*pieces))


def _with_counts(themes: pa.Table, factor: float) -> pa.Table:
    for name in _COUNTS_OF_THEMES:
        counts = np.rint(themes[name].to_numpy() * factor).astype(np.int64)
        themes = _with_column(themes, name, pa.array(counts).cast(themes.schema.field(name).type))
    return themes


def _parts_of(run: Path, quarter: str) -> Callable[[], Iterator[Part]]:
    """Reads the parts of a run's folder, again at each call."""
    topics = sorted((run / keys.topics_parts_prefix(quarter)).glob("*.parquet"))
    if not topics:
        raise SystemExit(f"{run} has no parts of {quarter}: give the output folder of a run")
    sentences = [run / keys.sentences_parts_prefix(quarter) / path.name for path in topics]
    return lambda: (
        (pq.read_table(one, partitioning=None), pq.read_table(other, partitioning=None))
        for one, other in zip(topics, sentences, strict=True)
    )


def _endless(parts: Callable[[], Iterator[Part]]) -> Iterator[tuple[int, Part]]:
    copy = 0
    while True:
        yield from ((copy, part) for part in parts())
        copy += 1


def _copied(topics: pa.Table, sentences: pa.Table, copy: int, quarter: str) -> Part:
    """The part with firms of their own; copy 0 keeps its vectors."""
    record = read_record(topics)
    prefix = f"{copy:03d}-"
    record["firms"] = [firm | {"firm_id": prefix + firm["firm_id"], "quarter": quarter} for firm in record["firms"]]
    topics, sentences = _renamed(topics, prefix, quarter), _renamed(sentences, prefix, quarter)
    if copy:
        random = np.random.default_rng([copy, topics.num_rows, sentences.num_rows])
        topics = _with_turned_topics(topics, random)
        sentences = _with_turned_sentences(sentences, random)
    return with_record(topics, record), sentences


def _renamed(table: pa.Table, prefix: str, quarter: str = QUARTER) -> pa.Table:
    columns: dict[str, Any] = {name: table.column(name) for name in table.column_names}
    for name in set(_IDS) & set(columns):
        columns[name] = pc.binary_join_element_wise(pa.scalar(prefix), columns[name], pa.scalar(""))
    for name in set(_ID_LISTS) & set(columns):
        ids = columns[name].combine_chunks()
        renamed = pc.binary_join_element_wise(pa.scalar(prefix), ids.flatten(), pa.scalar(""))
        columns[name] = pa.ListArray.from_arrays(ids.offsets, renamed)
    columns["quarter"] = pa.array([quarter] * table.num_rows)
    return pa.table(columns).cast(table.schema.remove_metadata())


def _with_turned_topics(topics: pa.Table, random: np.random.Generator) -> pa.Table:
    values = cast("pa.ListArray[Any]", topics.column("embedding").combine_chunks())
    vectors = _turned(values.flatten().to_numpy().reshape(len(values), -1), TOPIC_COSINE, random)
    column = pa.ListArray.from_arrays(values.offsets, pa.array(vectors.ravel(), pa.float32()))
    return _with_column(topics, "embedding", column.cast(schemas.TOPIC.field("embedding").type))


def _with_turned_sentences(sentences: pa.Table, random: np.random.Generator) -> pa.Table:
    vectors = byte_vectors.from_column(sentences.column("vector")).astype(np.float32)
    turned = byte_vectors.to_bytes(_turned(unit(vectors), SENTENCE_COSINE, random))
    rows = np.flatnonzero(sentences.column("vector").is_valid())
    return _with_column(sentences, "vector", byte_vectors.to_column(turned, rows, sentences.num_rows))


def _turned(vectors: NDArray[np.float32], cosine: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Each at about this cosine to where it was: in so many dimensions a random direction is nearly a right angle."""
    length = np.sqrt(1 / cosine**2 - 1) / np.sqrt(vectors.shape[1])
    return unit(vectors + np.float32(length) * random.standard_normal(vectors.shape, dtype=np.float32))


def _with_column(table: pa.Table, name: str, column: Any) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), column)


def measure(store: Store) -> str:
    """Run reduce and package; return what they took."""
    embedder = Embedder(packaged_models.EMBEDDING)
    settings = ReduceSettings(quarter=QUARTER, s3_bucket="ftm-bench", manifest_key=manifest(QUARTER))
    lines = []
    steps: dict[str, Callable[[], None]] = {
        "reduce": lambda: reduce_themes.run(settings, store, KeywordNamer(embedder), embedder),
        "package": lambda: package_sentiment.run(store, QUARTER),
    }
    for name, step in steps.items():
        started, cpu_started = time.perf_counter(), time.process_time()
        step()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
        gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        lines.append(f"{name}: {seconds:.0f} s ({cpu_seconds:.0f} s of processor time), {gigabytes:.2f} GB so far")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    to_write = commands.add_parser("write", help="make a large quarter from a run's parts")
    to_write.add_argument("--as", dest="written_as", metavar="QUARTER", type=keys.check_quarter, default=QUARTER)
    to_write.add_argument("--first-copy", type=int, default=0)
    to_time = commands.add_parser("time", help="run reduce and package on it")
    to_time.add_argument("folder", type=Path)
    of_tables = commands.add_parser("tables", help="copy the firms in a run's finished tables")
    for command in (to_write, of_tables):
        command.add_argument("run", type=Path, help="output folder of a run")
        command.add_argument("quarter", type=keys.check_quarter)
        command.add_argument("--firms", type=int, default=5_000)
        command.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "tables":
        write_tables(arguments.run, arguments.quarter, arguments.firms, FolderStore(arguments.out))
    elif arguments.command == "write":
        named = {"written_as": arguments.written_as, "first_copy": arguments.first_copy}
        written = write(arguments.run, arguments.quarter, arguments.firms, FolderStore(arguments.out), **named)
        print("{:,} firms, {:,} topics, {:,} sentences".format(*written))
    else:
        print(measure(FolderStore(arguments.folder)))


if __name__ == "__main__":
    main()
