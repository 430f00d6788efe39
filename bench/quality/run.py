"""FTM's themes against the field: all methods on the same sentences and the same vectors.

    python3.11 -m venv /tmp/field && /tmp/field/bin/pip install torch==2.13.0
    /tmp/field/bin/pip install -r 3rdparty/python/requirements.txt -r bench/quality/requirements.txt
    PYTHONPATH=. OMP_NUM_THREADS=1 /tmp/field/bin/python bench/quality/run.py --cache /tmp/field-cache \\
        --real TRANSCRIPTS --quarters 2020Q1 2020Q2 --patterns weak_patterns.json --bills bills.csv > tables.md

TRANSCRIPTS is a file or folder as for ``ftm run``; the patterns are a JSON object of regular expressions by label.
Vectors, competitors' groups and measured rows are kept in the cache, so that a second run only makes what is missing;
delete the folder when a measure or a method has changed. What is measured how: docs/measurements/themes.md.
"""

from __future__ import annotations

import argparse
import functools
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality import data, labels, measures, samples, tables
from bench.quality.data import Collection, VectorStore
from bench.quality.dictionary import with_dictionary
from bench.quality.ftm import ftm
from bench.quality.labels import Groups, WeakLabels
from bench.quality.methods import COMPETITORS, DETERMINISTIC, FTM, NO_GROUP, Cache, Found, Task, labels_of, merged
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from cloud.src.topics.procedural import ProceduralFilter

MIN_LABEL_FIRMS, MAX_LABEL_FIRMS = 3, 120
METHODS = [FTM, *COMPETITORS]


@dataclass(frozen=True)
class Bench:
    """One quarter and what its groups are measured by."""

    collection: Collection
    labels: WeakLabels
    n_groups: int  # FTM's
    n_families: int
    coverage: float  # the smallest share that a method assigns
    seeds: int
    reruns: int
    cache: Cache

    def task(self, seed: int, stays: Any = None) -> Task:
        collection = self.collection if stays is None else self.collection.part(stays)
        return Task(collection, self.n_groups, seed, self.cache)


def find(method: str, task: Task, n_families: int) -> Found:
    if method == FTM:
        return ftm(task)
    labels_found = labels_of(method, task)
    groups = measures.one_hot(labels_found)
    families = measures.one_hot(merged(labels_found, task.collection.centred, n_families))
    return Found(groups, with_dictionary(task.collection, groups), families, assigned=groups)


def main() -> None:
    options = parse()
    embedder = Embedder(packaged_models.EMBEDDING)
    options.cache.mkdir(parents=True, exist_ok=True)
    store, procedural = VectorStore(embedder, options.cache / "vectors.npz"), ProceduralFilter(embedder)
    cache = Cache(options.cache / "made")
    results: dict[str, Any] = {"quarters": {}, "labelled": {}}
    for quarter in options.quarters if options.real else ():
        collection = data.read_quarter(options.real, quarter, store, procedural)
        bench = prepare(collection, options, cache)
        results["quarters"][quarter] = {method: measure(bench, method) for method in options.methods}
        results["quarters"][quarter]["coverage"] = bench.coverage
    if options.bills:
        for level, rows in bills(options, store, cache).items():
            results["labelled"][level] = rows
    for quarter in samples.QUARTERS if options.samples else ():
        collection, truth = samples.read(quarter, store, procedural)
        results["labelled"][f"samples {quarter}"] = labelled(collection, truth, options, cache)
    (options.cache / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(tables.markdown(results))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="outside the repository")
    parser.add_argument("--real", type=Path)
    parser.add_argument("--quarters", nargs="+", default=[])
    parser.add_argument("--patterns", type=Path)
    parser.add_argument("--bills", type=Path)
    parser.add_argument("--no-samples", dest="samples", action="store_false")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--reruns", type=int, default=5, help="without a tenth of the firms, for stability")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=METHODS)
    options = parser.parse_args()
    if options.real and not (options.quarters and options.patterns):
        parser.error("--real needs --quarters and --patterns")
    return options


def prepare(collection: Collection, options: argparse.Namespace, cache: Cache) -> Bench:
    weak = labels.weak_labels(collection, options.patterns)
    own = ftm(Task(collection, 0, 0, cache))
    n_groups, n_families = own.groups.shape[1], own.families.shape[1]
    others = [labels_of(method, Task(collection, n_groups, 0, cache)) for method in options.methods if method != FTM]
    covered = [measures.coverage(own.assigned), *(float((found != NO_GROUP).mean()) for found in others)]
    return Bench(collection, weak, n_groups, n_families, min(covered), options.seeds, options.reruns, cache)


def measure(bench: Bench, method: str) -> dict[str, Any]:
    """The means over seeds; stability, whose reruns take longest, with the first seed."""
    runs = []
    for seed in range(1 if method in DETERMINISTIC else bench.seeds):
        found = find(method, bench.task(seed), bench.n_families)
        digest = sha256(b"".join(part.indices.tobytes() for part in (found.assigned, found.groups))).hexdigest()
        key = [digest, bench.n_groups, bench.n_families, bench.coverage, bench.collection.digest]
        runs.append(bench.cache.row(key, functools.partial(row_of, bench, found)))
    return {"seeds": len(runs), "stability": stability(bench, method), **mean_of(runs)}


def row_of(bench: Bench, found: Found) -> dict[str, Any]:
    """Everything that is measured about what was found, with its own number of groups and with FTM's."""
    collection, centred = bench.collection, bench.collection.centred
    weak = bench.labels.of_firms(MIN_LABEL_FIRMS, MAX_LABEL_FIRMS)
    equal, equal_dictionary = found.groups, found.with_dictionary
    if found.groups.shape[1] > bench.n_groups:
        equal = measures.one_hot(merged(measures.at_coverage(found.groups, centred, 1.0), centred, bench.n_groups))
        equal_dictionary = with_dictionary(collection, equal)
    alike = measures.one_hot(measures.at_coverage(found.assigned, centred, bench.coverage))
    several = bench.labels.of_firms(MIN_LABEL_FIRMS, len(bench.labels.half))
    return {
        "groups": found.groups.shape[1],
        "assigned": measures.coverage(found.assigned),
        "own": labels.score(weak, found.groups),
        "own_dictionary": labels.score(weak, found.with_dictionary),
        "equal": labels.score(weak, equal),
        "equal_dictionary": labels.score(weak, equal_dictionary),
        "family_share": labels.family_share(several, found.families),
        "coherence": measures.coherence(collection.vectors, alike),
        "npmi": measures.npmi(collection, alike),
    }


def stability(bench: Bench, method: str) -> float | None:
    """Best Jaccard index, at equal coverage, with the groups found without a tenth of the firms."""
    if not bench.reruns:
        return None
    full, values = trimmed(bench, method, bench.task(0)), []
    for stays in bench.collection.reruns(bench.reruns):
        rerun = trimmed(bench, method, bench.task(0, stays))
        values.append(measures.mean_jaccard(full[stays], rerun))
    return float(np.mean(values))


def trimmed(bench: Bench, method: str, task: Task) -> Groups:
    found = ftm(task).assigned if method == FTM else measures.one_hot(labels_of(method, task))
    return measures.one_hot(measures.at_coverage(found, task.collection.centred, bench.coverage))


def bills(options: argparse.Namespace, store: VectorStore, cache: Cache) -> dict[str, Any]:
    """Groups against subtopics and families against topics, as many as there are; and groups as many as each finds."""
    collection, topics, subtopics = data.read_bills(options.bills, store)
    return {
        "bills, subtopics, own number": labelled(collection, subtopics, options, cache),
        "bills, subtopics, their number": labelled(collection, subtopics, options, cache, merge=True),
        "bills, topics, families": labelled(collection, topics, options, cache, families=True),
        "bills, topics, their number": labelled(collection, topics, options, cache, merge=True),
    }


def labelled(
    collection: Collection,
    truth: list[str],
    options: argparse.Namespace,
    cache: Cache,
    merge: bool = False,
    families: bool = False,
) -> dict[str, Any]:
    """On the sentences that have a label. What is in no group goes to the nearest.

    Methods that have to be told how many groups there are, are told; so are those without families of their own.
    """
    n_groups, centred = len(set(truth) - {samples.UNLABELLED}), collection.centred
    chosen = np.flatnonzero([label != samples.UNLABELLED for label in truth])
    rows = {}
    for method in options.methods:
        runs = []
        for seed in range(1 if method in DETERMINISTIC else options.seeds):
            found = find(method, Task(collection, n_groups, seed, cache), n_groups)
            groups = found.families if families else found.assigned
            if groups.shape[1] == 0:
                continue
            own = measures.at_coverage(groups, centred, 1.0)
            own = measures.to_nearest(merged(own, centred, n_groups) if merge else own, centred)
            runs.append(measures.against_truth([truth[i] for i in chosen], own[chosen]))
        if runs:
            rows[method] = {"seeds": len(runs), **mean_of(runs)}
    return rows


def mean_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of each value, at any depth."""
    return {
        key: (
            mean_of([run[key] for run in runs])
            if isinstance(value, dict)
            else round(float(np.mean([run[key] for run in runs])), 4)
        )
        for key, value in runs[0].items()
    }


if __name__ == "__main__":
    main()
