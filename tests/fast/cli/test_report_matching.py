"""Which theme of the quarter before is which, as the report needs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cloud.src.cli.report.earlier import Earlier, earlier_quarter
from cloud.src.cli.report.matching import Quarter, match, new_themes, read_quarter
from cloud.src.contract.errors import InvalidInput
from tests.fast.cli.report_tables import FakeTopic, write_quarter

EARLIER, LATER = "2022Q4", "2023Q1"


def quarter(*centroids: list[float]) -> Quarter:
    """A quarter with themes of such centroids; the mean of its topics is zero."""
    ids = [f"theme_{number}" for number in range(len(centroids))]
    vectors = np.array(centroids, dtype=np.float32).reshape(len(ids), 3)
    return Quarter(ids, [0.5] * len(ids), vectors, np.zeros(3, dtype=np.float32))


def test_a_theme_has_one_partner_and_the_nearest_pairs_win() -> None:
    assert match(quarter([0, 0, 1]), quarter([0, 0.5, 1], [0, 0.1, 1])) == [(0, 1)]


def test_a_good_pair_outweighs_two_bad_ones() -> None:
    """The largest sum of all cosines would be that of the two crossed pairs: 0.55 + 0.55 > 0.9 + 0.1."""
    earlier = quarter([1.0, 0.0, 0.0], [0.55, 0.835, 0.0])
    assert match(earlier, quarter([0.9, 0.0, 0.436], [0.55, -0.2, -0.81])) == [(0, 0)]


def test_what_topics_share_is_taken_off_before_they_are_compared() -> None:
    shared = np.array([5.0, 0, 0], dtype=np.float32)
    earlier, later = quarter([5, 1, 0], [5, 0, 1]), quarter([5, 0, 1])
    assert match(replace(earlier, mean=shared), replace(later, mean=shared)) == [(1, 0)]


def test_new_themes_resemble_nothing_of_the_quarter_before() -> None:
    """The first is near to a theme, the second half as near to a family, the third to nothing."""
    earlier = {"family": quarter([1, 0, 0]), "theme": quarter([0, 1, 0])}
    later = quarter([0, 0.9, 0.436], [0.55, -0.835, 0], [-0.3, 0.3, 0.9])
    assert new_themes(earlier, later) == {"theme_2"}
    assert match(earlier["family"], later) == []


def test_other_embedding_models_are_refused() -> None:
    with pytest.raises(InvalidInput, match="different embedding models"):
        match(quarter(), replace(quarter(), mean=np.zeros(5, dtype=np.float32)))


def write(folder: Path, name: str, embedding: list[float], n_firms: int) -> None:
    """A quarter with one theme, and a topic of each of four firms that is in none."""
    theme_id = f"theme_{name}_001"
    own = [FakeTopic(f"Firm {n}", 0, "Freight", ["A sentence."], theme_id, embedding=embedding) for n in range(n_firms)]
    others = [FakeTopic(f"Firm {n}", 1, "Own", ["Another."], embedding=[-1.0, 0.0]) for n in range(4)]
    write_quarter(folder, own + others, {theme_id: "Freight"}, name)


def test_the_share_of_firms_in_the_quarter_before(tmp_path: Path) -> None:
    write(tmp_path, EARLIER, [0.6, 0.8], n_firms=2)
    write(tmp_path, LATER, [0.6, 0.8], n_firms=4)

    half = {f"theme_{LATER}_001": 0.5, f"family_{LATER}_001": 0.5}
    exposures = {"1000": half, "1001": half, "1002": {}, "1003": {}}  # of each firm's two sentences, one or none
    assert earlier_quarter(tmp_path, LATER) == Earlier(EARLIER, half, {EARLIER: half}, exposures)
    assert earlier_quarter(tmp_path, EARLIER) is None


def test_a_quarter_is_read_from_its_tables(tmp_path: Path) -> None:
    write(tmp_path, LATER, [0.6, 0.8], n_firms=4)
    found = read_quarter(tmp_path, LATER)["theme"]
    assert (found.theme_ids, found.shares) == ([f"theme_{LATER}_001"], [1.0])
    np.testing.assert_allclose(found.centroids, [[0.6, 0.8]], atol=1e-6)
    np.testing.assert_allclose(found.mean, [-0.2, 0.4], atol=1e-6)
