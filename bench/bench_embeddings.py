"""How close embedding comes to the raw rate of the same model: the issue asks for 90 %.

    python bench/bench_embeddings.py [--threads 2] [--sentences 1000]

The sentences are those of the sample transcripts. "raw" runs the model alone on sentences that are tokenised, sorted by
length and in runs of 32 of equal length already; "firms together" is Embedder.embed on all of them at once, as a job
does with eight firms, "firm by firm" on 65 at a time.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder, runs
from cloud.src.prefetch.sentences.sentences import split_sentences

SAMPLES = Path(__file__).parents[1] / "samples"
SENTENCES_A_FIRM = 65
REPEATS = 3  # of which the fastest counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sentences", type=int, default=1000)
    options = parser.parse_args()
    embedder = Embedder(packaged_models.EMBEDDING, options.threads)
    sentences = sample_sentences()[: options.sentences]
    firms = [sentences[at : at + SENTENCES_A_FIRM] for at in range(0, len(sentences), SENTENCES_A_FIRM)]
    encoded = embedder._tokenizer.encode_batch(sentences)
    ready = [np.array([encoded[row].ids for row in rows], dtype=np.int64) for rows in runs([len(e) for e in encoded])]

    def raw() -> None:
        for ids in ready:
            inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
            embedder._session.run(None, inputs)

    rates = {
        "raw": len(sentences) / fastest(raw),
        "firms together": len(sentences) / fastest(lambda: embedder.embed(sentences)),
        "firm by firm": len(sentences) / fastest(lambda: [embedder.embed(firm) for firm in firms]),
    }
    for name, rate in rates.items():
        print(f"{name:15} {rate:6.0f} sentences/s  {rate / rates['raw']:5.0%} of raw")


def sample_sentences() -> list[str]:
    said: dict[str, None] = {}
    for path in sorted(SAMPLES.glob("transcripts_*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            said.update(dict.fromkeys(s for row in csv.DictReader(file) for s in split_sentences(row["text"])))
    return list(said)


def fastest(run: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
