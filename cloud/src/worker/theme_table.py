"""The table of themes: families first, then themes, each level in its order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.src.contract import schemas
from cloud.src.contract.rows import ThemeRow
from cloud.src.naming.ask import BY_KEYWORDS, BY_LLM, Name
from cloud.src.themes.layout import Places, layout
from cloud.src.worker.rank_quarter import FAMILY, THEME, Phrase, Ranked, RankedQuarter, ids_by_number

N_KEYWORDS = 8
_DIGITS = 3  # of a place on the map
_DIGITS_OF_A_SHARE = 5


def theme_table(
    quarter: str, ranked: RankedQuarter, names: tuple[list[Name], list[Name]], llm_model: str | None
) -> pa.Table:
    """As schema THEME; ``names`` are those of the families and those of the themes, in their order."""
    family_ids = ids_by_number(ranked.families)
    of_families, of_themes = names
    on_map_families, on_map_themes = _places(ranked)
    rows = [
        *(
            _row(quarter, FAMILY, None, family, name, place, llm_model)
            for family, name, place in zip(ranked.families, of_families, on_map_families, strict=True)
        ),
        *(
            _row(quarter, THEME, family_ids[theme.family], theme, name, place, llm_model)
            for theme, name, place in zip(ranked.themes, of_themes, on_map_themes, strict=True)
        ),
    ]
    return pa.Table.from_pylist(rows, schema=schemas.THEME)


def _places(ranked: RankedQuarter) -> tuple[Places, Places]:
    """Of families and of themes on the map; empty if there is no map."""
    if not ranked.themes:
        return np.zeros((len(ranked.families), 2)), np.zeros((0, 2))
    row_of_family = {family.number: row for row, family in enumerate(ranked.families)}
    return layout(
        np.stack([family.centroid for family in ranked.families]),
        np.stack([theme.centroid for theme in ranked.themes]),
        np.array([row_of_family[theme.family] for theme in ranked.themes]),
        np.array([theme.n_firms for theme in ranked.themes], dtype=np.float64),
    )


def _row(
    quarter: str,
    level: str,
    family_id: str | None,
    group: Ranked,
    name: Name,
    place: NDArray[np.float64],
    llm_model: str | None,
) -> ThemeRow:
    return {
        "theme_id": group.group_id,
        "name": name.text,
        "description": name.description,
        "naming_method": name.method,
        "named_by": llm_model if llm_model and name.method == BY_LLM else BY_KEYWORDS,
        "keywords": keywords(group.dictionary),
        "n_topics": group.n_topics,
        "n_firms": group.n_firms,
        "n_sentences": group.n_sentences,
        "level": level,
        "family_id": family_id,
        "share_of_firms": round(group.measures.share_of_firms, _DIGITS_OF_A_SHARE),
        "distinctiveness": group.measures.distinctiveness,
        "general": group.measures.is_general,
        "stability": group.measures.stability,
        "dictionary": [
            {"phrase": phrase.text, "purity": phrase.purity, "share": phrase.share} for phrase in group.dictionary
        ],
        "centroid": group.centroid,
        "evidence_sentence_ids": [example.sentence_id for example in group.examples],
        "map_x": round(float(place[0]), _DIGITS),
        "map_y": round(float(place[1]), _DIGITS),
        "quarter": quarter,
    }


def keywords(dictionary: Sequence[Phrase]) -> list[str]:
    """The first phrases of a dictionary, none that holds the words of one before it."""
    chosen: list[str] = []
    for phrase in dictionary:
        words = set(phrase.text.split())
        if not any(words >= set(other.split()) or words <= set(other.split()) for other in chosen):
            chosen.append(phrase.text)
    return chosen[:N_KEYWORDS]
