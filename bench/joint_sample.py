"""What it would cost to find a panel's themes among some topics only.

    python bench/joint_sample.py ftm-output/run 2020Q1 2020Q2 --patterns weak_patterns.json --share 0.5

Themes are found among all topics, among a share of them, and among those of a share of the firms, and fitted to the
same sentences. They are held against weak labels as in bench/quality (Spearman and F1 are means over the labels, each
measured on the half of the firms that has not chosen the theme), and against the themes found among all topics: the
mean over these of the best Jaccard index of their sentences.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from bench.joint_topics import LIMITS
from bench.quality.data import Collection
from bench.quality.labels import Groups, score, weak_labels
from cloud.src.contract import keys
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from cloud.src.themes.measure import fit, measure_fitted
from cloud.src.themes.refine import NO_THEME
from cloud.src.themes.stability import best_jaccard
from cloud.src.worker.panel.source import read_source
from cloud.src.worker.quarter_sentences import chosen_by_hash, share_to_fit, to_fit
from cloud.src.worker.store import FolderStore

# Labels that fewer firms speak of, or a larger share of them, tell nothing, as in bench/quality.
MIN_LABEL_FIRMS, MAX_LABEL_SHARE = 3, 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="output folder of a run")
    parser.add_argument("quarters", nargs="+", type=keys.check_quarter)
    parser.add_argument("--patterns", type=Path, required=True, help="regular expressions by label")
    parser.add_argument("--share", type=float, default=0.5)
    arguments = parser.parse_args()
    source = read_source(FolderStore(arguments.run), arguments.quarters)
    topics = source.topics()
    parts = list(source.sampled_parts(share_to_fit(source.n_sentences)))
    topic_of_sentence = np.concatenate([part.topics for part in parts])
    nothing = np.full(len(topics.firm_ids), NO_THEME)
    sentences = to_fit(parts, nothing, Embedder(packaged_models.EMBEDDING))
    firm_ids = np.array(source.firm_ids, dtype=object)[sentences.firms]
    spoken = SimpleNamespace(texts=sentences.texts, firms=sentences.firms, firm_ids=firm_ids)
    weak = weak_labels(cast(Collection, spoken), arguments.patterns)
    weak = weak.of_firms(MIN_LABEL_FIRMS, int(MAX_LABEL_SHARE * len(source.firm_ids)))
    firms = chosen_by_hash(topics.firm_ids, arguments.share)
    each = chosen_by_hash((f"{firm} {number}" for number, firm in enumerate(topics.firm_ids)), arguments.share)
    whole: Groups = None
    for name, chosen in {"all topics": np.ones_like(firms), "some topics": each, "some firms": firms}.items():
        seed_of_topic, n_seeds = topics.seeds(LIMITS, np.flatnonzero(chosen))
        seeds = np.append(seed_of_topic, NO_THEME)[topic_of_sentence]
        fitted = fit(replace(sentences, seeds=seeds), n_seeds, LIMITS)
        members = measure_fitted(fitted, sentences).themes.members(len(sentences.texts), len(fitted.family_of))
        whole = members if whole is None else whole
        rows: Any = score(weak, members).values()
        of_labels = {measure: np.nanmean([row[measure] for row in rows]) for measure in ("spearman", "sentence_f1")}
        told = ", ".join(f"{measure} {value:.3f}" for measure, value in of_labels.items())
        n_found = f"{n_seeds:,} found, {len(fitted.family_of)} themes, {fitted.n_families} families"
        print(f"{name}: {chosen.sum():,} topics, {n_found}")
        print(f"  {len(weak.names)} labels: {told}; best Jaccard {best_jaccard(whole, members).mean():.3f}", flush=True)


if __name__ == "__main__":
    main()
