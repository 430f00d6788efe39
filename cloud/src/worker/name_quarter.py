"""Names of a quarter's families and themes: families first, then themes, each level in its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cloud.src.contract import keys
from cloud.src.naming.ask import GroupToName, Name, ToName
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

    place = {family.number: place for place, family in enumerate(ranked.families)}
    families = to_name(ranked.families, [None] * len(ranked.families))
    themes = to_name(ranked.themes, [place[theme.family] for theme in ranked.themes])
    try:
        names = answers.wait_for(namer.start_themes(families, themes, book), meanwhile=save_and_tell)
    finally:
        answers.write(store, key, book)
    return names.families, names.themes


def to_name(groups: Sequence[Ranked], families: Sequence[int | None]) -> ToName:
    """What names are made of; ``families`` has the place of each theme's family."""
    return ToName(
        [
            GroupToName(
                phrases=keywords(group.dictionary),
                sentences=[example.text for example in group.examples],
                labels=[title_case(phrase.text) for phrase in group.dictionary],
                family=family,
            )
            for group, family in zip(groups, families, strict=True)
        ],
        np.array([group.mean_sentence for group in groups], dtype=np.float32),
    )
