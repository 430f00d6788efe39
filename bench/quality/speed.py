"""``python -m bench.quality.speed ftm|bertopic``: seconds and memory for firms of 400 sentences, one core, as JSON.

The sentences are those of the sample transcripts, 400 in a row as one firm. The vectors are made up (40 groups in 384
dimensions), because an embedding model's time is no part of this. "cold" is the imports and the first firm's topics
with keywords, "warm" the median of the later firms; both are processor time, which a busy machine changes little.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
import numpy as np  # noqa: E402  (after the variables that it reads)

IMPORTS_OF_ALL = time.process_time()  # Python's own start and numpy's
SAMPLES = Path(__file__).parents[2] / "samples"
N_FIRMS, N_SENTENCES, N_GROUPS, DIMENSIONS = 6, 400, 40, 384


def firms() -> list[tuple[list[str], np.ndarray]]:
    said = []
    for path in sorted(SAMPLES.glob("transcripts_*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            said += [sentence for row in csv.DictReader(file) for sentence in row["text"].split(". ")]
    starts = np.linspace(0, len(said) - N_SENTENCES, N_FIRMS).astype(int)
    return [(said[start : start + N_SENTENCES], vectors(number)) for number, start in enumerate(starts)]


def vectors(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    groups = random.integers(N_GROUPS, size=N_SENTENCES)
    made_up = random.normal(size=(N_GROUPS, DIMENSIONS))[groups] + random.normal(size=(N_SENTENCES, DIMENSIONS))
    return np.asarray(made_up / np.linalg.norm(made_up, axis=1, keepdims=True), dtype=np.float32)


def ftm() -> Callable[[list[str], np.ndarray], object]:
    from cloud.src.topics.find_topics import find_topics
    from cloud.src.topics.keywords import topic_keywords

    def run(texts: list[str], vectors: np.ndarray) -> object:
        found = find_topics(vectors, np.arange(len(texts)) > 0)
        return topic_keywords(["\n".join(texts[row] for row in topic.rows) for topic in found])

    return run


def bertopic() -> Callable[[list[str], np.ndarray], object]:
    from bertopic import BERTopic  # pants: no-infer-dep
    from bertopic.backend import BaseEmbedder  # pants: no-infer-dep

    return lambda texts, vectors: BERTopic(embedding_model=BaseEmbedder()).fit_transform(texts, vectors)


def peak_mb() -> int:
    """Of this process alone; getrusage would start from the peak of the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def main() -> None:
    said = firms()
    started = time.process_time()
    run = {"ftm": ftm, "bertopic": bertopic}[sys.argv[1]]()
    imported = IMPORTS_OF_ALL + time.process_time() - started
    seconds = []
    for texts, of_firm in said:
        started = time.process_time()
        run(texts, of_firm)
        seconds.append(time.process_time() - started)
    figures = {
        "imports": round(imported, 3),
        "cold": round(imported + seconds[0], 3),
        "warm": round(statistics.median(seconds[1:]), 4),
        "peak_mb": peak_mb(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
