"""How long themes take to be found among the topics of many quarters, and how much memory.

    python bench/joint_topics.py ftm-output/run 2020Q1 2020Q2 --topics 1000000

The topics of a run are copied under other firms, and the vectors of a copy turned by random angles, as in
scaled_quarter.py: 8 quarters of 5,000 firms are a million topics. Only what grows with the number of topics is timed:
themes are then refined on at most 250,000 sentences, however many quarters there are.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.scaled_quarter import TOPIC_COSINE, _turned
from cloud.src.contract import keys
from cloud.src.themes.measure import Limits
from cloud.src.worker.find_quarter_themes import QuarterTopics

LIMITS = Limits(min_firms=2, max_firm_dominance=0.4)
_COLUMNS = ["firm_id", "keywords", "embedding"]


def scaled(run: Path, quarters: list[str], n_topics: int) -> QuarterTopics:
    """``n_topics`` topics; those of the run come first, as they are."""
    topics = pa.concat_tables(
        pq.read_table(run / keys.topics(quarter), columns=_COLUMNS, partitioning=None) for quarter in quarters
    )
    vectors = np.array(topics["embedding"].to_pylist(), dtype=np.float32)
    firm_ids: list[Any] = topics["firm_id"].to_pylist()
    keywords: list[Any] = topics["keywords"].to_pylist()
    embeddings = np.empty((n_topics, vectors.shape[1]), dtype=np.float32)
    copies = -(-n_topics // len(vectors))
    for copy in range(copies):
        turned = vectors if copy == 0 else _turned(vectors, TOPIC_COSINE, np.random.default_rng(copy))
        start = copy * len(vectors)
        embeddings[start : start + len(vectors)] = turned[: n_topics - start]
    firms = [f"{copy:03d}-{firm_id}" for copy in range(copies) for firm_id in firm_ids]
    return QuarterTopics(embeddings, firms[:n_topics], (keywords * copies)[:n_topics])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="output folder of a run")
    parser.add_argument("quarters", nargs="+", type=keys.check_quarter)
    parser.add_argument("--topics", type=int, default=1_000_000)
    arguments = parser.parse_args()
    topics = scaled(arguments.run, arguments.quarters, arguments.topics)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    started, cpu_started = time.perf_counter(), time.process_time()
    seed_of_topic, n_seeds = topics.seeds(LIMITS, np.arange(len(topics.firm_ids)))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{len(seed_of_topic):,} topics of {len(set(topics.firm_ids)):,} firms: {n_seeds:,} themes")
    print(f"{seconds:.0f} s ({cpu_seconds:.0f} s of processor time), {memory:.2f} GB, of which {before:.2f} GB before")


if __name__ == "__main__":
    main()
