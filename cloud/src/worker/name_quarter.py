"""Names of a quarter's families and themes: families first, then themes, each level in its order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cloud.src.contract import keys
from cloud.src.naming.ask import Name, TopicToName
from cloud.src.naming.name_rules import title_case
from cloud.src.naming.namer import Namer
from cloud.src.worker import answers
from cloud.src.worker.rank_quarter import Ranked, RankedQuarter
from cloud.src.worker.store import Store
from cloud.src.worker.theme_table import keywords

Names = tuple[list[Name], list[Name]]  # of the families and of the themes, in their order


def name_quarter(store: Store, quarter: str, ranked: RankedQuarter, namer: Namer, tell: Callable[[], None]) -> Names:
    """Have all named. What the LLM answers is kept, in case this job is repeated.

    ``tell`` is called now and then while the names come in.
    """
    key = keys.llm_answers_for_themes(quarter)
    book = answers.read(store, key)

    def save_and_tell() -> None:
        answers.write(store, key, book)
        tell()

    groups = [*ranked.families, *ranked.themes]
    centroids = np.array([group.mean_sentence for group in groups], dtype=np.float32)
    try:
        names = answers.wait_for(
            namer.start_themes([to_name(group) for group in groups], centroids, book), meanwhile=save_and_tell
        )
    finally:
        answers.write(store, key, book)
    return names[: len(ranked.families)], names[len(ranked.families) :]


def to_name(group: Ranked) -> TopicToName:
    """What a name is made of."""
    return TopicToName(
        keywords=keywords(group.dictionary),
        examples=[example.text for example in group.examples],
        labels=[title_case(phrase.text) for phrase in group.dictionary],
    )
