"""Weak labels: sentences that match a keyword pattern. For measuring only; nothing in the product knows a pattern."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import rankdata

from bench.quality.data import Collection

MIN_MENTIONS = 3  # from which on a firm speaks of a label
CASE_SENSITIVE = {"ai_ml"}
Groups: TypeAlias = (
    Any  # a sparse matrix, 0/1 of shape (sentences, groups); a sentence may be in several groups or in none
)


@dataclass(frozen=True)
class WeakLabels:
    """``says`` (sentences, labels) bool; ``mentions`` (firms, labels); ``half`` by firm: the hash of its firm_id."""

    names: list[str]
    says: NDArray[np.bool_]
    mentions: NDArray[np.int64]
    firms: NDArray[np.int64]
    half: NDArray[np.bool_]

    def of_firms(self, at_least: int, at_most: int) -> WeakLabels:
        """Those that so many firms speak of."""
        n_firms = (self.mentions >= MIN_MENTIONS).sum(axis=0)
        kept = np.flatnonzero((n_firms >= at_least) & (n_firms <= at_most))
        names = [self.names[i] for i in kept]
        return WeakLabels(names, self.says[:, kept], self.mentions[:, kept], self.firms, self.half)


def weak_labels(collection: Collection, patterns: Path) -> WeakLabels:
    compiled = {
        name: re.compile(pattern, 0 if name in CASE_SENSITIVE else re.IGNORECASE)
        for name, pattern in json.loads(patterns.read_text(encoding="utf-8")).items()
    }
    counts = np.array([[len(rx.findall(text)) for rx in compiled.values()] for text in collection.texts])
    n_firms = int(collection.firms.max()) + 1
    mentions = np.array([np.bincount(collection.firms, column, minlength=n_firms) for column in counts.T]).T
    firm_ids = np.unique(collection.firm_ids)
    half = np.array([hashlib.blake2b(str(firm).encode()).digest()[0] % 2 == 1 for firm in firm_ids])
    return WeakLabels(list(compiled), counts > 0, mentions.astype(np.int64), collection.firms, half)


def score(labels: WeakLabels, groups: Groups) -> dict[str, dict[str, float]]:
    """Of each label and measure, the mean over both ways of choosing a group on one half of the firms.

    The group with the best F1 by sentences on one half is scored on the other half.
    """
    groups = sp.csc_matrix(groups, dtype=np.float32)
    in_half = labels.half[labels.firms]
    f1 = [_sentence_f1(labels.says, groups, in_half == half) for half in (False, True)]
    of_firm = sp.csr_matrix((np.ones(len(labels.firms), np.float32), (labels.firms, np.arange(len(labels.firms)))))
    n_counted = np.asarray((of_firm @ groups).todense())
    n_said = np.bincount(labels.firms)
    found = {}
    for j, name in enumerate(labels.names):
        ways = []
        for chosen_on in (0, 1):
            group, scored = int(f1[chosen_on][:, j].argmax()), labels.half == bool(1 - chosen_on)
            row = _by_firms(n_counted[scored, group], labels.mentions[scored, j], n_said[scored])
            ways.append({"sentence_f1": float(f1[1 - chosen_on][group, j]), **row})
        found[name] = {measure: float(np.nanmean([way[measure] for way in ways])) for measure in ways[0]}
    return found


def _sentence_f1(says: NDArray[np.bool_], groups: sp.csc_matrix, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of shape (groups, labels)."""
    weight = rows.astype(np.float32)
    both = groups.T @ (says * weight[:, None])
    size, positive = groups.T @ weight, (says * weight[:, None]).sum(axis=0)
    return np.asarray(2 * both / np.maximum(size[:, None] + positive[None], 1))


def _by_firms(counted: NDArray[Any], mentions: NDArray[Any], said: NDArray[Any]) -> dict[str, float]:
    """Spearman of exposure with mentions, and F1 of the firms with at least one, two, three sentences."""
    exposure, wanted = counted / said, mentions >= MIN_MENTIONS
    row = {"spearman": _spearman(exposure, mentions / said)}
    for n in (1, 2, 3):
        have = counted >= n
        # A half without a firm that speaks of the label has no F1.
        f1 = 2 * (have & wanted).sum() / (have.sum() + wanted.sum()) if wanted.any() else np.nan
        row[f"firm_f1_{n}"] = float(f1)
    return row


def _spearman(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Zero where one of them is the same for all firms."""
    if len(np.unique(one)) < 2 or len(np.unique(other)) < 2:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def family_share(labels: WeakLabels, families: Groups, min_density: float = 3.0) -> dict[str, float]:
    """Of each label, the share of its sentences in the best family that is so many times as dense in it as chance."""
    both = families.T @ labels.says.astype(np.float32)
    size = np.maximum(np.asarray(families.sum(axis=0)).ravel(), 1)
    positive = np.maximum(labels.says.sum(axis=0), 1)
    dense = both / size[:, None] >= min_density * positive / len(labels.says)
    return dict(zip(labels.names, (both / positive * dense).max(axis=0).astype(float), strict=True))
