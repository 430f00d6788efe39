"""What is embedded ahead of the firms that are analysed next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from cloud.src.worker import firm_topics
from cloud.src.worker.firm_topics import FirmAnalyser


@dataclass
class CountingEmbedder:
    """Remembers what it has embedded."""

    embedded: list[str] = field(default_factory=list)

    def embed(self, sentences: list[str]) -> Any:
        self.embedded.extend(sentences)
        return np.ones((len(sentences), 2), dtype=np.float32)


@dataclass
class Firm:
    """Says something."""

    sentences: list[str]

    def column(self, _: str) -> list[str]:
        return self.sentences


def test_a_firm_that_will_be_refused_is_not_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firm_topics, "MAX_SENTENCES", 2)
    embedder = CountingEmbedder()
    analyser = FirmAnalyser(cast(Any, embedder))
    embedder.embedded.clear()
    few = Firm(["Steel costs rose sharply in Europe.", "Freight rates fell after the strike."])
    many = Firm([f"Wage inflation eased in plant {n} of ours." for n in range(3)])
    analyser.look_ahead(cast(Any, [few, many]))
    assert embedder.embedded == few.sentences
