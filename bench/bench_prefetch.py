"""How fast is the prefetch, and how much memory does it take?

    python bench/bench_prefetch.py FILE_OR_FOLDER QUARTER [--copies N]

``--copies N`` works on N copies of every firm, to see how the figures grow. S3 is left out: what is written is
thrown away.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cloud.src.prefetch.input_files import COLUMNS, find_files, read_rows
from cloud.src.prefetch.prefetch import prefetch_files


class NoS3:
    """Takes what the prefetch writes and forgets it."""

    def __init__(self) -> None:
        self.bytes_written = 0

    def put_object(self, Body: bytes, **_: Any) -> None:  # noqa: N803 (boto3's name)
        self.bytes_written += len(Body)

    def delete_object(self, **_: Any) -> None:
        pass

    def get_paginator(self, _: str) -> NoS3:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter(())


def peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_copies(source: Path, copies: int, target: Path) -> None:
    """Write all rows ``copies`` times, under other names of firms each time."""
    schema = pa.schema([(name, pa.large_string()) for name in COLUMNS])
    blank = pa.scalar(" ", pa.large_string())
    with pq.ParquetWriter(target, schema) as writer:
        for copy in range(copies):
            suffix = pa.scalar(f"copy {copy}", pa.large_string())
            for rows in (rows for path in find_files(source) for rows in read_rows(path)):
                columns = {name: rows[name] for name in COLUMNS}
                for name in ("firm_id", "company"):
                    columns[name] = pc.binary_join_element_wise(rows[name], suffix, blank)
                writer.write_table(pa.table(columns, schema=schema))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("quarter")
    parser.add_argument("--copies", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = options.source
        if options.copies > 1:
            source = Path(folder) / "copies.parquet"
            write_copies(options.source, options.copies, source)
        before_mb, s3, start = peak_memory_mb(), NoS3(), time.perf_counter()
        summary = prefetch_files(s3, "ftm-bench", options.quarter, source)
        seconds = time.perf_counter() - start
    print(f"{summary.n_firms} firms, {summary.n_sentences} sentences in {summary.n_chunks} chunks")
    print(f"{seconds:.1f} s, {summary.n_sentences / seconds:,.0f} sentences/s, {s3.bytes_written / 1e6:.0f} MB written")
    print(f"peak memory {peak_memory_mb():.0f} MB (Arrow: {pa.default_memory_pool().max_memory() / 1e6:.0f} MB)")
    print(f"before the prefetch {before_mb:.0f} MB")


if __name__ == "__main__":
    main()
