"""Which of their candidates families and themes are called by, once it is known which are general."""

from __future__ import annotations

import numpy as np

from cloud.src.naming.theme_names import Candidates, Label
from cloud.src.themes.rank import Measures
from cloud.src.worker.name_quarter import labels_of
from cloud.src.worker.rank_quarter import Ranked, RankedQuarter


def ranked(number: int, family: int, is_general: bool) -> Ranked:
    similarity = 0.9 if is_general else 0.2
    vector = np.zeros(2, dtype=np.float32)
    return Ranked(f"id_{number}", number, family, Measures(1, 1, similarity, 1), [], [], 5, 50, 9, vector, vector)


def labels(*texts: str) -> list[Label]:
    return [Label(text, 1 - 0.6 * place, 0.5) for place, text in enumerate(texts)]


def family_name(is_general: bool, *labels_of_the_family: str) -> str:
    """The name of a family whose second theme, "Quick Ones", is general."""
    themes = [ranked(0, 0, is_general), ranked(1, 0, is_general=True)]
    found = Candidates(
        [labels("Rate Cases"), labels("Quick Ones")], [labels(*labels_of_the_family)], np.array([True, True])
    )
    return labels_of(RankedQuarter([ranked(0, 0, is_general)], themes), found).families[0][0]


def test_a_family_is_not_called_by_its_general_theme() -> None:
    assert family_name(False, "Quick Ones", "Regulation") == "Regulation"
    assert family_name(False, "Regulation and Quick Ones", "Regulation") == "Regulation"


def test_a_family_that_is_general_itself_may_be() -> None:
    assert family_name(True, "Quick Ones", "Regulation") == "Quick Ones"


def test_a_general_name_is_better_than_none() -> None:
    assert family_name(False, "Quick Ones") == "Quick Ones"
