"""Which of its candidates a theme or family is called by."""

from __future__ import annotations

import numpy as np

from cloud.src.naming.theme_names import Candidates, Label, Labels, choose

Scored = dict[str, float]


def chosen(themes: list[Scored], families: list[Scored], family_of: list[int]) -> Labels:
    def labels(scored: Scored) -> list[Label]:
        return [Label(text, score, 0.5) for text, score in scored.items()]

    found = Candidates([labels(each) for each in themes], [labels(each) for each in families], np.ones(len(themes)) > 0)
    return choose(found, np.array(family_of), range(len(themes)), range(len(families)))


def firsts(labels_of: list[list[str]]) -> list[str]:
    return [each[0] for each in labels_of]


def test_a_label_goes_to_the_theme_that_it_fits_best() -> None:
    loans, notes = {"Debt": 0.4, "Loans": 0.3}, {"Debt": 0.9, "Debt Maturities": 0.2}
    labels = chosen([loans, notes], [{"Credit": 0.9}], [0, 0])
    assert firsts(labels.themes) == ["Loans", "Debt"]


def test_of_equal_ones_the_first_keeps_it() -> None:
    labels = chosen([{"Debt": 0.4, "Loans": 0.3}, {"Debt": 0.4, "Notes": 0.2}], [{"Credit": 0.9}], [0, 0])
    assert firsts(labels.themes) == ["Debt", "Notes"]


def test_a_family_is_named_after_its_first_themes() -> None:
    themes = [{"Acquisitions": 0.9, "Strategic Acquisitions": 0.2}, {"M&A": 0.5}, {"Integration": 0.4}]
    labels = chosen(themes, [{"Acquisitions": 0.9, "Strategic Acquisitions": 0.2}], [0, 0, 0])
    assert firsts(labels.themes) == ["Acquisitions", "M&A", "Integration"]
    assert firsts(labels.families) == ["Acquisitions and M&A"]


def test_no_name_has_more_than_four_words() -> None:
    themes = [{"Free Cash Flow": 0.9}, {"Maintenance Capital": 0.5}, {"CapEx": 0.4}]
    labels = chosen(themes, [{"Free Cash Flow": 0.9}], [0, 0, 0])
    assert firsts(labels.families) == ["Maintenance Capital and CapEx"]


def test_the_theme_of_a_family_of_one_says_more() -> None:
    labels = chosen([{"Debt": 0.9, "Net Debt": 0.2}], [{"Debt": 0.9}], [0])
    assert firsts(labels.families) == ["Debt"]
    assert firsts(labels.themes) == ["Net Debt"]
