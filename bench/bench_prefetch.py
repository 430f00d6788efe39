"""How fast is the prefetch, and how much memory does it take?

    python bench/bench_prefetch.py                                 # 100,000 and 1,000,000 generated sentences
    python bench/bench_prefetch.py --sentences 100000 --cores 1
    python bench/bench_prefetch.py --from FILE_OR_FOLDER --quarter 2020Q2

S3 is left out: what is written goes to a folder that is thrown away. Each size runs in a process of its own, so that
its peak memory is its own; that of the processes that split sentences is added: the largest one's, times their number.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import FolderStorage

QUARTER = "2023Q1"
SIZES = (100_000, 1_000_000)
SENTENCES_PER_TURN = 12
TURNS_PER_CALL = 40  # a call of 480 sentences, as a real one has

_SUBJECTS = "Sales|Our order book|Freight cost|Demand in Europe|The margin of our tools segment|Spending".split("|")
_VERBS = "rose|fell|did not change|was held back by the U.S. dollar and|improved, while staffing costs|grew".split("|")
_ENDS = (
    "by 3.5% to $2.4 billion",
    "in the second half of the year, as we had said it would",
    "compared to Q4, and we see no sign that customers in retail and construction hold back their orders",
    "because Harbor Tools Inc. has closed its plant in the north",
    "more than anyone in this room would have thought a year ago when we set out our plan",
)
_PROCEDURE = (
    "Thank you, Ada.",
    "Good morning, everyone.",
    "With that, I'll turn the call over to Tom.",
    "Next question, please.",
    "Thanks for taking my question.",
)


def generate(target: Path, n_sentences: int) -> None:
    """Write calls of about so many sentences, of which every twelfth is procedure."""
    chance = random.Random(1)
    schema = pa.schema([(name, pa.string()) for name in ("firm_id", "date", "speaker_type", "text")])
    n_calls = n_sentences // (SENTENCES_PER_TURN * TURNS_PER_CALL)
    with pq.ParquetWriter(target, schema) as writer:
        for call in range(n_calls):
            texts = [_turn(chance) for _ in range(TURNS_PER_CALL)]
            kinds = ["executive", "analyst"] * (TURNS_PER_CALL // 2)
            columns = [[f"{call:05d}"] * TURNS_PER_CALL, ["2023-02-01"] * TURNS_PER_CALL, kinds, texts]
            writer.write_table(pa.table(columns, schema=schema))


def _turn(chance: random.Random) -> str:
    content = [
        f"{chance.choice(_SUBJECTS)} {chance.choice(_VERBS)} {chance.choice(_ENDS)}."
        for _ in range(SENTENCES_PER_TURN - 1)
    ]
    return " ".join([chance.choice(_PROCEDURE), *content])


def measure(source: Path, quarter: str) -> None:
    """Prefetch once and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        before_mb, start = _peak_mb(resource.RUSAGE_SELF), time.perf_counter()
        transcripts = FileTranscripts(source, quarter)
        opened = time.perf_counter()
        summary = write_quarter(FolderStorage(Path(folder)), quarter, transcripts)
        end = time.perf_counter()
    no_sentences = {"operator turns", "calls without content", "copies of a row", "bad rows"}
    n_split = summary.n_sentences + sum(n for reason, n in summary.skipped.items() if reason not in no_sentences)
    own_mb, child_mb = _peak_mb(resource.RUSAGE_SELF), _peak_mb(resource.RUSAGE_CHILDREN)
    n_children = len(os.sched_getaffinity(0)) if child_mb else 0
    print(f"{summary.n_firms:,} firms, {n_split:,} sentences, of which {summary.n_sentences:,} are content")
    print(f"  left out: {summary.skipped}")
    print(
        f"  reading {opened - start:.1f} s; splitting, cleaning, writing {end - opened:.1f} s: "
        f"{n_split / (end - opened):,.0f} sentences/s; in all {n_split / (end - start):,.0f} sentences/s"
    )
    print(
        f"  peak memory {own_mb + n_children * child_mb:,.0f} MB: {own_mb:,.0f} MB (before: {before_mb:,.0f}) and "
        f"{n_children} processes of up to {child_mb:,.0f} MB",
        flush=True,
    )


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, help="your own transcripts instead of generated ones")
    parser.add_argument("--quarter", default=QUARTER)
    parser.add_argument("--sentences", type=int, nargs="+", default=SIZES)
    parser.add_argument("--cores", type=int, help="use only so many; left out: all")
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    if options.source:
        measure(options.source, options.quarter)
        return
    with tempfile.TemporaryDirectory() as folder:
        for n_sentences in options.sentences:
            source = Path(folder) / f"{n_sentences}.parquet"
            generate(source, n_sentences)
            subprocess.run([sys.executable, __file__, "--from", str(source)], check=True)


if __name__ == "__main__":
    main()
