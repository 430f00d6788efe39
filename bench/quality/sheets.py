"""Sheets for blind judging, and their score: bench/quality/judging.md says who judges what and how.

    python -m bench.quality.sheets sentences RUN --quarter 2020Q1 --cache FOLDER --out SHEETS
    python -m bench.quality.sheets names RUN --quarter 2020Q1 --cache FOLDER --out SHEETS --real TRANSCRIPTS
    python -m bench.quality.sheets score KEY.csv READER1.csv READER2.csv

RUN is the folder of ``ftm run``. Sheets hold text of transcripts: keep them outside the repository.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from bench.quality.data import Collection, VectorStore, read_quarter
from bench.quality.methods import Cache, Labels, Task, labels_of
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder, Vectors, unit
from cloud.src.topics.procedural import ProceduralFilter

N_THEMES, AMONG_FIRST, PER_THEME, NEAREST_LEFT_OUT = 15, 60, 10, 30
N_NAMES, N_TO_SEE, N_NAME_WORDS, N_PHRASES = 40, 6, 3, 5
VERDICTS = {"sentences": ("yes", "no"), "names": ("good", "acceptable", "wrong")}
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("sentences", "names"):
        command = commands.add_parser(name)
        command.add_argument("run", type=Path)
        command.add_argument("--quarter", required=True)
        command.add_argument("--cache", type=Path, required=True)
        command.add_argument("--out", type=Path, required=True)
        if name == "names":
            command.add_argument("--real", type=Path, required=True, help="the transcripts of the run")
    score = commands.add_parser("score")
    score.add_argument("key", type=Path)
    score.add_argument("readers", type=Path, nargs="+")
    options = parser.parse_args()
    if options.command == "score":
        print(scored(read(options.key), [read(path) for path in options.readers]))
        return
    tables = Run(options.run, options.quarter)
    rows = sentence_rows(tables, options.cache) if options.command == "sentences" else name_rows(tables, options)
    write(options.out, f"{options.command}-{options.quarter}", rows)


class Run:
    """The published tables of a quarter."""

    def __init__(self, folder: Path, quarter: str) -> None:
        def table(name: str) -> list[Row]:
            return pq.read_table(folder / "processed" / name / f"quarter={quarter}").to_pylist()

        self.themes = [row for row in table("themes") if row["level"] == "theme" and not row["general"]]
        self.sentences = {row["sentence_id"]: row for row in table("sentences") if row["says"]}
        self.counting: dict[str, set[str]] = {}
        for row in table("evidence"):
            self.counting.setdefault(row["theme_id"], set()).add(row["sentence_id"])


def by_hash(items: Iterable[str]) -> list[str]:
    """In an order that is always the same and says nothing."""
    return sorted(items, key=lambda item: blake2b(item.encode()).hexdigest())


def sentence_rows(run: Run, cache: Path) -> list[Row]:
    """Of each drawn theme, sentences that count and near misses."""
    ids = list(run.sentences)
    store = VectorStore(Embedder(packaged_models.EMBEDDING), cache / "vectors.npz")
    vectors = store.get([run.sentences[i]["cleaned_text"] for i in ids])
    centred = unit(vectors - vectors.mean(axis=0))
    themes = {row["theme_id"]: row for row in run.themes[:AMONG_FIRST]}
    rows = []
    for theme in (themes[i] for i in by_hash(themes)[:N_THEMES]):
        counting = run.counting[theme["theme_id"]]
        misses = _near_misses(ids, centred @ np.asarray(theme["centroid"], np.float32), counting)
        phrases = ", ".join(entry["phrase"] for entry in theme["dictionary"][:N_PHRASES])
        for truth, drawn in (("counts", counting & set(ids)), ("near miss", misses)):
            for sentence in by_hash(drawn)[:PER_THEME]:
                shown = {"theme": theme["name"], "phrases": phrases, "text": run.sentences[sentence]["cleaned_text"]}
                rows.append({"truth": truth, "id": f"{theme['theme_id']} {sentence}", **shown})
    return rows


def _near_misses(ids: Sequence[str], nearness: Vectors, counting: set[str]) -> list[str]:
    ordered = (ids[i] for i in np.argsort(-nearness, kind="stable") if ids[i] not in counting)
    return [sentence for sentence, _ in zip(ordered, range(NEAREST_LEFT_OUT), strict=False)]


def name_rows(run: Run, options: argparse.Namespace) -> list[Row]:
    """FTM's first names and BERTopic's of its largest topics, each with sentences of different firms."""
    rows = []
    for theme in run.themes[:N_NAMES]:
        said = [run.sentences[i] for i in by_hash(run.counting[theme["theme_id"]]) if i in run.sentences]
        seen = _of_different_firms([(row["firm_id"], row["cleaned_text"]) for row in said])
        rows.append({"truth": "FTM", "id": theme["theme_id"], "name": theme["name"], **seen})
    embedder = Embedder(packaged_models.EMBEDDING)
    store = VectorStore(embedder, options.cache / "vectors.npz")
    collection = read_quarter(options.real, options.quarter, store, ProceduralFilter(embedder))
    labels = labels_of("BERTopic defaults", Task(collection, 0, 0, Cache(options.cache / "made")))
    for number, name in enumerate(bertopic_names(collection, labels)):
        texts = by_hash({collection.texts[i] for i in np.flatnonzero(labels == number)})
        firm_of = dict(zip(collection.texts, collection.firm_ids, strict=True))
        seen = _of_different_firms([(firm_of[text], text) for text in texts])
        rows.append({"truth": "BERTopic", "id": f"bertopic {number}", "name": name, **seen})
    return rows


def _of_different_firms(said: list[tuple[str, str]]) -> dict[str, str]:
    first: dict[str, str] = {}
    for firm, text in said:
        first.setdefault(firm, text)
    texts = [*first.values(), *[""] * N_TO_SEE][:N_TO_SEE]
    return {f"sentence_{number}": text for number, text in enumerate(texts, start=1)}


def bertopic_names(collection: Collection, labels: Labels) -> list[str]:
    """Names of its largest topics, which it numbers by size, by its own c-TF-IDF."""
    from bertopic.vectorizers import ClassTfidfTransformer  # pants: no-infer-dep
    from sklearn.feature_extraction.text import CountVectorizer

    documents = [" ".join(collection.texts[i] for i in np.flatnonzero(labels == n)) for n in range(labels.max() + 1)]
    vectorizer = CountVectorizer(stop_words="english")
    weights = ClassTfidfTransformer().fit_transform(vectorizer.fit_transform(documents)).toarray()[:N_NAMES]
    words = vectorizer.get_feature_names_out()
    best = np.argsort(-weights, axis=1, kind="stable")[:, :N_NAME_WORDS]
    return [" ".join(words[i] for i in row).title() for row in best]


def write(folder: Path, name: str, rows: list[Row]) -> None:
    """The sheet without what a reader must not know, in an order that says nothing, and the key to it."""
    folder.mkdir(parents=True, exist_ok=True)
    by_id = {row["id"]: row for row in rows}
    shuffled = [by_id[i] for i in by_hash(by_id)]
    shown = [key for key in rows[0] if key not in ("truth", "id")]
    with (
        (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as sheet,
        (folder / f"{name}.key.csv").open("w", newline="", encoding="utf-8") as key,
    ):
        to_judge, to_score = csv.writer(sheet), csv.writer(key)
        to_judge.writerow(["item", *shown, "verdict"])
        to_score.writerow(["item", "truth", "id"])
        for item, row in enumerate(shuffled, start=1):
            to_judge.writerow([item, *(row[column] for column in shown), ""])
            to_score.writerow([item, row["truth"], row["id"]])
    print(f"{len(rows)} rows in {folder / name}.csv; its key is not for readers")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scored(key: list[dict[str, str]], readers: list[list[dict[str, str]]]) -> str:
    """Each reader's shares of verdicts by what the key says, the stricter reader first, and kappa of each two.

    The best verdict's share has its 95 % interval (Wilson 1927).

    Raises:
        ValueError: A row has no verdict, or one that the sheet does not have.
    """
    kind = "sentences" if {row["truth"] for row in key} <= {"counts", "near miss"} else "names"
    verdicts = [_verdicts(key, reader, VERDICTS[kind]) for reader in readers]
    truths = [row["truth"] for row in key]
    best = VERDICTS[kind][0]
    lines = []
    for number, given in sorted(enumerate(verdicts, start=1), key=lambda item: item[1].count(best)):
        for truth in sorted(set(truths)):
            counts = Counter(verdict for verdict, of in zip(given, truths, strict=True) if of == truth)
            shares = ", ".join(f"{name} {counts[name] / counts.total():.0%}" for name in VERDICTS[kind])
            interval = binomtest(counts[best], counts.total()).proportion_ci(method="wilson")
            between = f"{best} between {interval.low:.0%} and {interval.high:.0%}"
            lines.append(f"reader {number}, {truth}: {shares} of {counts.total()}; {between}")
    for one in range(len(verdicts)):
        for other in range(one + 1, len(verdicts)):
            kappa = cohen_kappa_score(verdicts[one], verdicts[other])
            lines.append(f"kappa of readers {one + 1} and {other + 1}: {kappa:.2f}")
    return "\n".join(lines)


def _verdicts(key: list[dict[str, str]], reader: list[dict[str, str]], allowed: tuple[str, ...]) -> list[str]:
    given = {row["item"]: row["verdict"].strip().lower() for row in reader}
    for row in key:
        if given.get(row["item"]) not in allowed:
            raise ValueError(f"item {row['item']}: the verdict {given.get(row['item'])!r} is not one of {allowed}")
    return [given[row["item"]] for row in key]


if __name__ == "__main__":
    main()
