"""How long does reduce take for many firms, and how much memory?

    python bench/bench_themes.py ftm-output/run/processed/topics/quarter=2020Q2/topics.parquet
    python bench/bench_themes.py TOPICS --quality     # condensed against exact clustering, as they are and at 25,000
    python bench/bench_themes.py TOPICS --cuts        # at which distance how many themes come out

Real topics are scaled up: each firm is copied under other ids, and every vector of a copy is turned by a random angle,
so far that a topic and its copy are as near as a topic and its nearest one of another firm (median, measured first).
For 5,000, 25,000 and 125,000 topics the whole reduce job runs in a process of its own against a local S3: it reads the
parts, finds, ranks and names the themes by keywords, and writes all tables. There are no sentences in them: for those
see bench/scaled_quarter.py. Printed are the seconds by the clock and of processor time, and the largest memory of that
process.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import resource
import time
from pathlib import Path
from typing import Any, cast

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from moto.server import ThreadedMotoServer
from sklearn.metrics import adjusted_rand_score

from cloud.src.contract import keys, schemas
from cloud.src.contract.record import with_record
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder, Vectors, unit
from cloud.src.naming.namer import KeywordNamer
from cloud.src.themes import find_themes
from cloud.src.themes.average_linkage import average_linkage
from cloud.src.topics.grid import on_coarse_grid
from cloud.src.worker import reduce_themes
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store

SIZES = (5_000, 25_000, 125_000)
FIRMS_A_PART = 50
FIRMS_TO_COUNT = (8, 15, 25, 40, 75, 110)
DISTANCES = tuple(round(0.5 + 0.025 * step, 3) for step in range(15))
MIN_FIRMS, MAX_FIRM_DOMINANCE = 2, 0.4
BUCKET, QUARTER, MANIFEST = "ftm-bench", "2099Q1", "manifests/2099Q1/manifest_bench.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topics", type=Path, help="topics.parquet of a run")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="how many topics (default: %(default)s)")
    parser.add_argument("--quality", action="store_true", help="condensed against exact clustering")
    parser.add_argument("--cuts", action="store_true", help="the number of themes by distance and number of firms")
    arguments = parser.parse_args()
    topics = pq.read_table(arguments.topics, partitioning=None).replace_schema_metadata(None)
    if arguments.quality:
        compare_with_exact(topics)
        compare_with_exact(scaled(topics, 25_000, distance_of_neighbours(topics)))
        return
    if arguments.cuts:
        count_themes(topics)
        return
    noise = distance_of_neighbours(topics)
    print(f"{topics.num_rows:,} real topics; a copy is turned to a cosine of {noise:.2f}")
    context = multiprocessing.get_context("spawn")
    for size in arguments.sizes:
        with context.Pool(1, maxtasksperchild=1) as pool:
            endpoint = context.Queue()
            server = context.Process(target=serve, args=(endpoint,), daemon=True)
            server.start()
            address = endpoint.get()
            n_firms = write_parts(s3_client(address), scaled(topics, size, noise))
            seconds, cpu_seconds, gigabytes, n_themes = pool.apply(reduce, (address,))
            server.terminate()
        print(
            f"{size:>8,} topics, {n_firms:>6,} firms: {seconds:6.1f} s ({cpu_seconds:.1f} s of processor time), "
            f"{gigabytes:.2f} GB, {n_themes:,} themes",
            flush=True,
        )


def vectors_of(topics: pa.Table) -> Vectors:
    column = cast("pa.ListArray[Any]", topics.column("embedding").combine_chunks())
    numbers: Vectors = column.flatten().to_numpy()
    return numbers.reshape(topics.num_rows, -1)


def distance_of_neighbours(topics: pa.Table) -> float:
    """The median cosine of a topic to the nearest one of another firm."""
    vectors, firm_ids = vectors_of(topics), topics.column("firm_id").to_numpy(zero_copy_only=False)
    cosines = vectors @ vectors.T
    cosines[firm_ids[:, None] == firm_ids] = -1
    return float(np.median(cosines.max(axis=1)))


def scaled(topics: pa.Table, size: int, cosine: float) -> pa.Table:
    """The topics, copied under other firms' ids until there are ``size``."""
    random = np.random.default_rng(0)
    copies: list[pa.Table] = []
    while sum(copy.num_rows for copy in copies) < size:
        rows = topics.slice(0, min(topics.num_rows, size - sum(copy.num_rows for copy in copies)))
        if copies:
            vectors = vectors_of(rows)
            turned = unit(random.normal(size=vectors.shape))
            turned = unit(turned - (turned * vectors).sum(axis=1, keepdims=True) * vectors)
            rows = with_vectors(rows, unit(cosine * vectors + np.sqrt(1 - cosine**2) * turned))
        copies.append(with_firms(rows, f"{len(copies):03d}-"))
    return pa.concat_tables(copies)


def with_vectors(rows: pa.Table, vectors: Vectors) -> pa.Table:
    offsets = np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32)
    column = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(vectors.ravel(), pa.float32())).cast(
        schemas.TOPIC.field("embedding").type
    )
    return rows.set_column(rows.schema.get_field_index("embedding"), schemas.TOPIC.field("embedding"), column)


def with_firms(rows: pa.Table, prefix: str) -> pa.Table:
    for name in ("firm_id", "topic_id"):
        column = pa.array([f"{prefix}{value}" for value in rows.column(name).to_pylist()])
        rows = rows.set_column(rows.schema.get_field_index(name), schemas.TOPIC.field(name), column)
    theme = pa.nulls(rows.num_rows, pa.string())
    return rows.set_column(rows.schema.get_field_index("theme_id"), schemas.TOPIC.field("theme_id"), theme)


def write_parts(s3: Any, topics: pa.Table) -> int:
    """What map jobs leave: parts of 50 firms, progress and manifest. Returns the number of firms."""
    store = Store(s3, BUCKET)
    firm_of_topic = topics.column("firm_id").to_numpy(zero_copy_only=False)
    firm_ids, starts = np.unique(firm_of_topic, return_index=True)
    ends = [*starts[1:], topics.num_rows]
    batch = keys.batch_id(QUARTER, 0)
    numbers = range(-(-len(firm_ids) // FIRMS_A_PART))
    for number in numbers:
        of_part = slice(number * FIRMS_A_PART, (number + 1) * FIRMS_A_PART)
        first, last = starts[of_part][0], ends[of_part][-1]
        rows = topics.slice(first, last - first)
        firms = [firm_record(firm_id) for firm_id in firm_ids[of_part]]
        table = with_record(rows, {"firms": firms, "names_by": {"llm_model": None, "prompt": None}})
        store.write_table(keys.topics_part(QUARTER, batch, number), table)
        store.write_table(keys.sentences_part(QUARTER, batch, number), schemas.SENTENCE_VECTOR.empty_table())
    line = json.dumps({"batch_id": batch, "firm_ids": firm_ids.tolist()})
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=line.encode())
    store.write_json(keys.progress(QUARTER, batch), {"manifest_key": MANIFEST, "parts": list(numbers)})
    return len(firm_ids)


def firm_record(firm_id: str) -> dict[str, Any]:
    known = {"firm_id": firm_id, "firm_name": firm_id, "earnings_call_date": "2099-01-02", "quarter": QUARTER}
    counts = {"n_sentences": 400, "n_topics": 25}
    return {**dict.fromkeys(schemas.FIRM.names), **known, **counts}


def reduce(address: str) -> tuple[float, float, float, int]:
    """Run the job; return its seconds, its processor time, the largest memory in GB, and the number of themes."""
    started, cpu_started = time.perf_counter(), time.process_time()
    embedder = Embedder(packaged_models.EMBEDDING)
    store = Store(s3_client(address), BUCKET)
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=MANIFEST)
    reduce_themes.run(settings, store, KeywordNamer(embedder), embedder)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    n_themes = store.read_table(keys.themes(QUARTER)).num_rows
    return seconds, cpu_seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, n_themes


def serve(endpoint: Any) -> None:
    """A local S3, in a process of its own, so that its objects are not counted as reduce's memory."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    s3_client(address).create_bucket(Bucket=BUCKET)
    endpoint.put(address)
    multiprocessing.get_context("spawn").Event().wait()


def s3_client(address: str) -> Any:
    session = boto3.Session(aws_access_key_id="bench", aws_secret_access_key="bench", region_name="us-east-1")
    return session.client("s3", endpoint_url=address)


def compare_with_exact(topics: pa.Table) -> None:
    """Adjusted Rand index to the exact clustering: of condensed ones, and of exact ones without 5 % of the firms."""
    firm_ids = topics.column("firm_id").to_numpy(zero_copy_only=False)
    grid = find_themes._centred(on_coarse_grid(vectors_of(topics)))
    order = find_themes._by_content(grid, list(firm_ids))
    grid, firm_ids = grid[order], firm_ids[order]
    cut = find_themes.cut_for(len(grid))
    exact = average_linkage(grid, cut)
    print(f"{len(grid):,} topics, {len(np.unique(exact)):,} clusters", flush=True)
    for n_cells in (2, 5):
        for distances in ((0.4, 0.5), (0.5, 0.55), (0.55,)):
            find_themes.MAX_EXACT_TOPICS, find_themes.CONDENSED_DISTANCES = -(-len(grid) // n_cells), distances
            found = adjusted_rand_score(exact, find_themes._cluster(grid))
            print(f"{n_cells} cells at first, condensed up to {distances}: {found:.3f}", flush=True)
    for seed in range(3):
        left_out = np.random.default_rng(seed).choice(
            np.unique(firm_ids), len(np.unique(firm_ids)) // 20, replace=False
        )
        kept = ~np.isin(firm_ids, left_out)
        without = average_linkage(find_themes._centred(on_coarse_grid(vectors_of(topics)[order][kept])), cut)
        print(f"exact, without 5 % of the firms: {adjusted_rand_score(exact[kept], without):.3f}", flush=True)


def count_themes(topics: pa.Table) -> None:
    """Valid themes by distance, of evenly chosen firms."""
    vectors, firm_of_topic = vectors_of(topics), topics.column("firm_id").to_numpy(zero_copy_only=False)
    firm_ids = np.unique(firm_of_topic)
    for n_firms in (*(n for n in FIRMS_TO_COUNT if n < len(firm_ids)), len(firm_ids)):
        chosen = np.isin(firm_of_topic, firm_ids[np.arange(n_firms) * len(firm_ids) // n_firms])
        grid, of = find_themes._centred(on_coarse_grid(vectors[chosen])), firm_of_topic[chosen]
        counts = {distance: n_themes(grid, of, distance) for distance in DISTANCES}
        most = [distance for distance, count in counts.items() if count == max(counts.values())]
        print(
            f"{n_firms:>4} firms, {len(of):>5,} topics: most, {max(counts.values())}, at {most}: {counts}", flush=True
        )


def n_themes(grid: Vectors, firm_of_topic: np.ndarray, distance: float) -> int:
    groups = find_themes._groups(average_linkage(grid, distance))
    return sum(find_themes.is_valid(list(firm_of_topic[rows]), MIN_FIRMS, MAX_FIRM_DOMINANCE) for rows in groups)


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    main()
