"""The made-up sample calls, whose planted themes are known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bench.quality.data import Collection, VectorStore, read_quarter
from cloud.src.topics.procedural import ProceduralFilter

SAMPLES = Path(__file__).parents[2] / "samples"
QUARTERS = ("2023Q1", "2023Q2")
UNLABELLED = ""


def read(quarter: str, store: VectorStore, procedural: ProceduralFilter) -> tuple[Collection, list[str]]:
    """The sentences of a quarter's samples, and of each the planted theme or UNLABELLED."""
    planted = json.loads((SAMPLES / "themes.json").read_text(encoding="utf-8"))[quarter]
    collection = read_quarter(SAMPLES / f"transcripts_{quarter}.csv", quarter, store, procedural)
    truth = [_label(*said, planted) for said in zip(collection.texts, collection.firm_ids, strict=True)]
    return collection, truth


def _label(text: str, firm_id: str, planted: list[dict[str, Any]]) -> str:
    """The only one of the firm's planted themes of which the sentence holds a typical word."""
    found = [
        theme["theme"]
        for theme in planted
        if firm_id in theme["firms"] and re.search("|".join(rf"\b{word}" for word in theme["keywords"]), text.lower())
    ]
    return found[0] if len(found) == 1 else UNLABELLED
