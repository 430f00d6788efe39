"""The benchmark's own arithmetic: which group is scored where, what equal coverage keeps, what a sheet gives away."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from bench.quality import labels, measures, sheets
from bench.quality.labels import WeakLabels
from bench.quality.methods import NO_GROUP, merged
from cloud.src.models.embeddings import unit


def weak(says: list[bool], firms: list[int], half: list[bool], mentions: list[int]) -> WeakLabels:
    return WeakLabels(["x"], np.array(says)[:, None], np.array(mentions)[:, None], np.array(firms), np.array(half))


def test_group_chosen_on_one_half_is_scored_on_the_other() -> None:
    """Group 0 is right on the first half only, group 1 on the second only: chosen crosswise, both score nothing."""
    says = [True, False, True, False]
    groups = sp.csr_matrix([[1, 0], [0, 1], [0, 1], [1, 0]], dtype=np.float32)
    found = labels.score(weak(says, [0, 0, 1, 1], [False, True], [3, 3]), groups)
    assert found["x"]["sentence_f1"] == 0


def test_group_right_on_both_halves_scores_one() -> None:
    says = [True, False, True, False]
    groups = sp.csr_matrix([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=np.float32)
    found = labels.score(weak(says, [0, 0, 1, 1], [False, True], [3, 3]), groups)
    assert found["x"]["sentence_f1"] == 1
    assert found["x"]["firm_f1_1"] == 1
    assert found["x"]["firm_f1_2"] == 0


@pytest.mark.parametrize(("most", "kept"), [(2, ["x"]), (1, [])])
def test_labels_of_too_many_firms_are_left_out(most: int, kept: list[str]) -> None:
    assert weak([True, True], [0, 1], [False, True], [3, 3]).of_firms(1, most).names == kept


def test_family_must_be_three_times_as_dense_as_chance() -> None:
    everything = sp.csr_matrix(np.ones((8, 1), dtype=np.float32))
    own = sp.csr_matrix(np.eye(8, 1, dtype=np.float32))
    says = [True] + [False] * 7
    of_label = weak(says, list(range(8)), [False] * 8, [3] + [0] * 7)
    assert labels.family_share(of_label, everything) == {"x": 0}
    assert labels.family_share(of_label, own) == {"x": 1}


def test_equal_coverage_keeps_the_sentences_nearest_to_their_group() -> None:
    vectors = unit(np.array([[1, 0], [1, 0.1], [1, 2], [0, 1]], dtype=np.float32))
    groups = sp.csr_matrix([[1], [1], [1], [0]], dtype=np.float32)
    kept = measures.at_coverage(groups, vectors, 0.5)
    assert (kept != NO_GROUP).tolist() == [True, True, False, False]


def test_sentence_of_several_groups_stays_with_the_nearest() -> None:
    vectors = unit(np.array([[1, 0], [0.9, 0.1], [0, 1]], dtype=np.float32))
    groups = sp.csr_matrix([[1, 0], [1, 1], [0, 1]], dtype=np.float32)
    assert measures.at_coverage(groups, vectors, 1.0).tolist() == [0, 0, 1]


def test_merging_joins_nearest_groups_and_keeps_ungrouped_rows() -> None:
    vectors = unit(np.array([[1, 0], [1, 0.1], [0, 1], [1, 1]], dtype=np.float32))
    found = merged(np.array([0, 1, 2, NO_GROUP]), vectors, 2)
    assert found[0] == found[1] != found[2]
    assert found[3] == NO_GROUP


def test_same_partition_under_other_numbers_agrees_fully() -> None:
    agreed = measures.against_truth(["a", "a", "b"], np.array([7, 7, 1]))
    assert agreed == {
        "groups": 2,
        "error_in_number": 0,
        "v_measure": 1,
        "ari": 1,
        "ami": pytest.approx(1),
        "harmonic_purity": 1,
    }


def test_interval_widens_with_the_spread() -> None:
    assert measures.interval([0.5, 0.5]) == (0.5, 0.5, 0.5)
    mean, low, high = measures.interval([0.0, 1.0, 0.0, 1.0])
    assert low < mean < high


ROWS = [
    {"truth": "counts", "id": "theme_1 s1", "theme": "Tariffs", "text": "one"},
    {"truth": "near miss", "id": "theme_1 s2", "theme": "Tariffs", "text": "two"},
]


def test_sheet_shows_neither_truth_nor_identifier(tmp_path: Path) -> None:
    sheets.write(tmp_path, "sentences-2020Q1", ROWS)
    with (tmp_path / "sentences-2020Q1.csv").open(encoding="utf-8") as sheet:
        assert next(csv.reader(sheet)) == ["item", "theme", "text", "verdict"]
    key = sheets.read(tmp_path / "sentences-2020Q1.key.csv")
    assert sorted(row["truth"] for row in key) == ["counts", "near miss"]


def test_score_puts_the_stricter_reader_first() -> None:
    key = [{"item": str(item), "truth": "counts", "id": ""} for item in (1, 2)]
    one = [{"item": "1", "verdict": "yes"}, {"item": "2", "verdict": "Yes "}]
    other = [{"item": "1", "verdict": "yes"}, {"item": "2", "verdict": "no"}]
    lines = sheets.scored(key, [one, other]).splitlines()
    assert lines[0] == "reader 2, counts: yes 50%, no 50% of 2; yes between 9% and 91%"
    assert lines[1] == "reader 1, counts: yes 100%, no 0% of 2; yes between 34% and 100%"


@pytest.mark.parametrize("verdict", ["", "maybe"])
def test_row_without_a_valid_verdict_is_refused(verdict: str) -> None:
    key = [{"item": "1", "truth": "counts", "id": ""}]
    with pytest.raises(ValueError, match="item 1"):
        sheets.scored(key, [[{"item": "1", "verdict": verdict}]])
