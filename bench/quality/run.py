"""FTM's topics and themes against BERTopic, k-means and Ward, on the same sentences and the same vectors.

    python3.11 -m venv /tmp/bertopic && /tmp/bertopic/bin/pip install torch==2.13.0
    /tmp/bertopic/bin/pip install -r 3rdparty/python/requirements.txt -r bench/quality/requirements.txt
    PYTHONPATH=. /tmp/bertopic/bin/python bench/quality/run.py --out bench/quality/results.json \\
        [--no-samples] [--labelled FILE.csv ...] \\
        [--real TRANSCRIPTS --quarters 2020Q1 2020Q2 --weak weak_themes.csv --real-firms 40 --to-read FOLDER]

A labelled CSV has the columns text and label. TRANSCRIPTS is a file or folder as for ``ftm run``; the weak labels are a
CSV with the columns ticker, quarter, theme, n_mentions. Nothing of a transcript gets into the results, which keep what
another run has put there about other data sets and methods. ``--to-read FOLDER`` gets each method's first 30 clusters
of the last quarter in keywords and sentences, for whoever counts the procedural ones: text of transcripts, never for
the repository. There FTM filters procedural sentences as in the product, and the others, which have no such filter, get
all sentences; so does BERTopic in a second row about the weak themes.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import bootstrap
from sklearn.metrics import adjusted_rand_score

from bench.quality import data, measures
from bench.quality.data import Firm, VectorStore
from bench.quality.measures import THEME_F1
from bench.quality.methods import DETERMINISTIC, METHODS, Labels
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from cloud.src.topics.find_topics import NO_TOPIC
from cloud.src.topics.procedural import ProceduralFilter

SAMPLE_QUARTERS = ("2023Q1", "2023Q2")
SHARE_OF_FIRMS_DROPPED = 0.05
# Their distances take 3.6 GB, and SciPy copies them once.
MOST_SENTENCES_FOR_WARD = 30_000
# Also given all sentences, as its users do: it has no filter of its own.
BERTOPIC = "BERTopic defaults"

Measure = Callable[[list[Firm], Labels], dict[str, float]]
Results = dict[str, dict[str, dict[str, float]]]  # data set -> method -> measure -> value


def main() -> None:
    options = parse()
    embedder = Embedder(packaged_models.EMBEDDING)
    store, procedural = VectorStore(embedder, options.cache), ProceduralFilter(embedder)
    results: Results = {}
    for quarter in SAMPLE_QUARTERS if options.samples else ():
        transcripts = data.read_firms(data.SAMPLES / f"transcripts_{quarter}.csv", quarter, n_firms=1000)
        firms = data.prepare(transcripts, store, procedural, data.sample_themes(quarter))
        compare(results, f"samples {quarter}", firms, options.methods, options.seeds, measures.against_labels)
        save(options.out, results)
    for path in options.labelled:
        labelled = [data.read_labelled(path, store)]
        compare(results, path.stem, labelled, options.methods, options.seeds, measures.against_labels)
        save(options.out, results)
    for quarter in options.quarters if options.real else ():
        transcripts = data.read_firms(options.real, quarter, options.real_firms)
        firms = data.prepare(transcripts, store, procedural, [])
        everything = data.prepare(transcripts, store, procedural, [], all_sentences=True)
        compare_real(results, quarter, firms, everything, options)
        save(options.out, results)
    show(save(options.out, results, speed() if options.samples else None), results)
    if options.real and options.to_read:
        write_to_read(firms, everything, options)


def compare_real(
    results: Results, quarter: str, firms: list[Firm], everything: list[Firm], options: argparse.Namespace
) -> None:
    """The quarter's weak themes, and clusters by themselves; BERTopic also on the sentences that FTM leaves out."""
    weak = data.weak_themes(options.weak, quarter, {firm.ticker for firm in firms})
    if not weak:
        sys.exit(f"{options.weak} has no theme of {quarter} that enough of the {len(firms)} firms speak of")
    name = f"real calls, {len(firms)} firms of {quarter}"

    def measure(firms: list[Firm], found: Labels) -> dict[str, float]:
        return measures.weak_theme_f1(firms, found, weak) | measures.by_themselves(firms, found)

    compare(results, name, firms, fitting(options.methods, firms), options.seeds, measure, with_stability=True)
    if BERTOPIC in options.methods:
        of_all: Results = {}
        compare(
            of_all,
            name,
            everything,
            [BERTOPIC],
            options.seeds,
            lambda firms, found: measures.weak_theme_f1(firms, found, weak),
        )
        results[name][f"{BERTOPIC}, all sentences"] = of_all[name][BERTOPIC]


def fitting(methods: list[str], firms: list[Firm]) -> list[str]:
    """The methods but Ward where the distances of all pairs of sentences would take too much memory."""
    if sum(len(firm.texts) for firm in firms) <= MOST_SENTENCES_FOR_WARD:
        return methods
    print(f"without Ward: it is run on {MOST_SENTENCES_FOR_WARD:,} sentences at most", flush=True)
    return [method for method in methods if method != "Ward"]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/ftm-quality-vectors.npz"), help="keeps the vectors")
    parser.add_argument("--labelled", type=Path, nargs="*", default=[])
    parser.add_argument("--real", type=Path)
    parser.add_argument("--quarters", nargs="+")
    parser.add_argument("--weak", type=Path)
    parser.add_argument("--real-firms", type=int, default=40)
    parser.add_argument("--to-read", type=Path, help="gets the first clusters of every method in words")
    parser.add_argument("--no-samples", dest="samples", action="store_false", help="keep what there is about them")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    if options.real and not (options.quarters and options.weak):
        parser.error("--real needs --quarters and --weak")
    return options


def compare(
    results: Results,
    name: str,
    firms: list[Firm],
    methods: list[str],
    seeds: int,
    measure: Measure,
    with_stability: bool = False,
) -> None:
    """Run every method with every seed on the data set; add the mean of each measure, and its spread over seeds."""
    # k-means and Ward get the number of labels where there are labels, else as many clusters as FTM finds themes.
    n_labels = len({label for firm in firms for label in firm.labels} - {data.UNLABELLED})
    n_clusters = n_labels or int(METHODS["FTM"](firms, 0, 0).max()) + 1
    for method in methods:
        runs, started = [], time.perf_counter()
        for seed in range(2 if method in DETERMINISTIC else seeds):
            found = METHODS[method](firms, n_clusters, seed)
            scores = measure(firms, found)
            if with_stability:
                scores["stability"] = stability(firms, found, method, n_clusters, seed)
            runs.append(scores)
        row = summary(runs) | {
            "runs": len(runs),
            "seconds_a_run": round((time.perf_counter() - started) / len(runs), 1),
        }
        results.setdefault(name, {})[method] = row
        print(name, method, row, flush=True)


def write_to_read(content: list[Firm], everything: list[Firm], options: argparse.Namespace) -> None:
    """A file a method, with its first clusters in words."""
    options.to_read.mkdir(parents=True, exist_ok=True)
    n_clusters = int(METHODS["FTM"](content, 0, 0).max()) + 1
    for method in fitting(options.methods, everything):
        firms = content if method.startswith("FTM") else everything
        words = measures.in_words(firms, METHODS[method](firms, n_clusters, 0))
        (options.to_read / f"{method}.txt").write_text(words, encoding="utf-8")


def stability(firms: list[Firm], found: Labels, method: str, n_clusters: int, seed: int) -> float:
    """Adjusted Rand index, on the sentences of the firms that stay, with and without 5 % of the firms."""
    step = round(1 / SHARE_OF_FIRMS_DROPPED)
    stays = [number % step != step // 2 for number in range(len(firms))]
    again = METHODS[method]([firm for firm, stay in zip(firms, stays, strict=True) if stay], n_clusters, seed)
    before = found[np.repeat(stays, [len(firm.texts) for firm in firms])]
    in_both = (before != NO_TOPIC) & (again != NO_TOPIC)
    return float(adjusted_rand_score(before[in_both], again[in_both]))


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    means = {name: round(float(np.mean([run[name] for run in runs])), 3) for name in runs[0]}
    spreads = {f"{name}_spread": round(float(np.ptp([run[name] for run in runs])), 3) for name in runs[0]}
    return {**means, **spreads}


def weak_differences(real: Results) -> dict[str, dict[str, float]]:
    """FTM's weak-theme F1 less each other method's: the mean over themes, with its 95 % interval.

    ``real`` has a data set a quarter. A theme that several quarters have counts once, with its mean, because the firms
    are the same. The interval is by the bootstrap over themes (Efron 1979, scipy.stats.bootstrap): so few leave much
    to chance. The spread over seeds is not in it.
    """
    differences: dict[str, dict[str, list[float]]] = {}
    for rows in real.values():
        of_ftm = {column: f1 for column, f1 in rows.get("FTM", {}).items() if column.endswith(THEME_F1)}
        for method in rows.keys() - {"FTM"}:
            for theme in of_ftm.keys() & rows[method].keys():
                of_method = differences.setdefault(method, {}).setdefault(theme, [])
                of_method.append(of_ftm[theme] - rows[method][theme])
    return {
        method: _with_interval([float(np.mean(of_theme)) for of_theme in themes.values()])
        for method, themes in sorted(differences.items())
        if len(themes) > 1
    }


def _with_interval(values: list[float]) -> dict[str, float]:
    made = bootstrap((sorted(values),), np.mean, method="percentile", random_state=np.random.default_rng(0))
    low, high = made.confidence_interval
    return {"mean": round(float(np.mean(values)), 3), "low": round(low, 3), "high": round(high, 3), "n": len(values)}


def speed() -> dict[str, Any]:
    """Each engine in a process of its own, under the same conditions."""
    figures = {}
    for engine in ("ftm", "bertopic"):
        command = [sys.executable, "-m", "bench.quality.speed", engine]
        figures[engine] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for stage in ("cold", "warm"):
        figures[f"times_faster_{stage}"] = round(figures["bertopic"][stage] / figures["ftm"][stage], 1)
    return figures


def save(out: Path, results: Results, speed_figures: dict[str, Any] | None = None) -> dict[str, Any]:
    """Add the results to what the file has about other data sets and methods; return all of it."""
    known = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    packages = ("bertopic", "umap-learn", "hdbscan", "scikit-learn", "scipy", "numpy", "onnxruntime")
    quality = dict(known.get("quality", {}))
    for name, rows in results.items():
        quality[name] = quality.get(name, {}) | rows
    record: dict[str, Any] = known | {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version(name) for name in packages},
        "quality": quality,
        "speed": speed_figures or known.get("speed"),
    }
    if differences := weak_differences({name: quality[name] for name in results}):
        record["weak_f1_difference"] = differences
    out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def show(record: dict[str, Any], results: Results) -> None:
    console = Console(width=160)
    for name, methods in results.items():
        columns = [column for column in next(iter(methods.values())) if not column.endswith(("_spread", THEME_F1))]
        table = Table("method", *columns, title=name)
        for method, row in methods.items():
            spread = [f" ±{row[f'{column}_spread'] / 2:.3f}" if f"{column}_spread" in row else "" for column in columns]
            cells = [f"{row.get(column, '')}{more}" for column, more in zip(columns, spread, strict=True)]
            table.add_row(method, *cells)
        console.print(table)
    table = Table("method", "mean", "from", "to", "themes", title="FTM's weak-theme F1 less that of others")
    for method, row in record.get("weak_f1_difference", {}).items():
        table.add_row(method, *(f"{row[column]}" for column in ("mean", "low", "high", "n")))
    if table.rows:
        console.print(table)
    console.print(record["speed"])


if __name__ == "__main__":
    main()
