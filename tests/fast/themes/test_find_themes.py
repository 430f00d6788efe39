"""Themes among topic vectors: made of directions whose groups are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from cloud.src.models.embeddings import Vectors, unit
from cloud.src.themes import find_themes as themes
from cloud.src.themes.average_linkage import average_linkage
from cloud.src.themes.find_themes import MIN_TOPICS_TO_CENTRE, FoundTheme, cut_for, find_themes, is_valid

DIMENSIONS = 64
FIRMS_A_GROUP = 10


def grouped(n_groups: int, in_common: float = 0.0, noise: float = 0.03) -> tuple[Vectors, list[str]]:
    """Groups of ten topics of ten firms; ``in_common`` is the length of what all topics share."""
    random = np.random.default_rng(3)
    directions = np.repeat(np.eye(DIMENSIONS)[:n_groups], FIRMS_A_GROUP, axis=0)
    vectors = directions + in_common * np.eye(DIMENSIONS)[-1] + random.normal(scale=noise, size=directions.shape)
    return unit(vectors), [f"firm {n % FIRMS_A_GROUP}" for n in range(len(vectors))]


def find(vectors: Vectors, firm_ids: list[str], keywords: list[list[str]] | None = None) -> list[FoundTheme]:
    """Themes by the contract's rule; without keywords no two of them count as duplicates."""
    return find_themes(vectors, firm_ids, keywords or [[] for _ in firm_ids], min_firms=2, max_firm_dominance=0.4)


def labels_of(found: list[FoundTheme], n_topics: int) -> NDArray[np.int64]:
    labels = np.full(n_topics, -1)
    for number, theme in enumerate(found):
        labels[theme.rows] = number
    return labels


def expected_groups(n_groups: int) -> set[frozenset[int]]:
    return {frozenset(range(n * FIRMS_A_GROUP, (n + 1) * FIRMS_A_GROUP)) for n in range(n_groups)}


def topics_of(found: list[FoundTheme]) -> set[frozenset[int]]:
    return {frozenset(theme.rows.tolist()) for theme in found}


@pytest.mark.parametrize(
    ("firm_of_topic", "min_firms", "max_firm_dominance", "valid"),
    [
        ("abc", 2, 0.4, True),
        ("abc", 3, 0.4, True),
        ("abc", 4, 0.4, False),
        ("a", 1, 1.0, True),
        ("aaaa", 2, 1.0, False),
        ("ab", 2, 0.5, True),
        # Of two firms one always holds half: the default share lets no theme of two firms pass.
        ("ab", 2, 0.4, False),
        ("aabbc", 2, 0.4, True),  # exactly 40 %
        ("aaabbccdde", 2, 0.4, True),
        ("aaaabbccdd", 2, 0.4, True),  # exactly 40 %
        ("aaaaabbccd", 2, 0.4, False),
        ("aaabcd", 2, 0.4, False),
        ("a" * 29 + "bcdefgh" * 10 + "b", 2, 0.29, True),  # exactly 29 %, of which 0.29 * 100 falls short
    ],
)
def test_validity(firm_of_topic: str, min_firms: int, max_firm_dominance: float, valid: bool) -> None:
    assert is_valid(list(firm_of_topic), min_firms, max_firm_dominance) is valid


def test_a_theme_of_one_firm_is_dropped_with_its_topics() -> None:
    vectors, firm_ids = grouped(3)
    firm_ids[:FIRMS_A_GROUP] = ["firm 0"] * FIRMS_A_GROUP

    found = find(vectors, firm_ids)

    assert topics_of(found) == expected_groups(3) - {frozenset(range(FIRMS_A_GROUP))}


@pytest.mark.parametrize("n_groups", [3, 8, 20])
def test_well_separated_groups_are_found_among_few_and_many_topics(n_groups: int) -> None:
    vectors, firm_ids = grouped(n_groups)

    assert topics_of(find(vectors, firm_ids)) == expected_groups(n_groups)


def test_word_for_word_copies_are_one_cluster_before_linkage(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, firm_ids = grouped(8, noise=0)
    linked = []

    def count_and_link(means: Vectors, max_distance: float, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        linked.append(sorted(sizes.tolist()))
        return average_linkage(means, max_distance, sizes)

    monkeypatch.setattr(themes, "average_linkage", count_and_link)

    assert topics_of(find(vectors, firm_ids)) == expected_groups(8)
    assert linked == [[FIRMS_A_GROUP] * 8]


def test_topics_that_are_all_the_same_are_one_theme() -> None:
    """With their mean taken off nothing is left of them."""
    n_topics = MIN_TOPICS_TO_CENTRE + 10
    vectors = np.repeat(unit(np.ones((1, DIMENSIONS))), n_topics, axis=0)

    assert topics_of(find(vectors, [f"firm {n}" for n in range(n_topics)])) == {frozenset(range(n_topics))}


@pytest.mark.parametrize(
    ("n_topics", "distance"), [(50, 0.75), (300, 0.75), (3_000, 0.63), (5_000, 0.603), (6_000, 0.6), (125_000, 0.6)]
)
def test_of_more_topics_those_of_a_theme_are_nearer(n_topics: int, distance: float) -> None:
    assert cut_for(n_topics) == distance


def with_another(cosine: float) -> tuple[Vectors, list[str]]:
    """Eight groups and one topic more of another firm, so near to the first group's centre and to nothing else.

    With the mean of all topics taken off it is a little less near: 0.42 for 0.45, 0.37 for 0.4.
    """
    vectors, firm_ids = grouped(8)
    away = np.eye(DIMENSIONS)[20]
    return np.vstack([vectors, unit(cosine * np.eye(DIMENSIONS)[0] + np.sqrt(1 - cosine**2) * away)]), [
        *firm_ids,
        "new",
    ]


@pytest.mark.parametrize(("cosine", "joins"), [(0.45, True), (0.4, False)])
def test_leftover_topics_join_a_theme_nearby(cosine: float, joins: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(themes, "MAX_DISTANCE", 0.3)  # so that linkage leaves it over
    monkeypatch.setattr(themes, "LEAST_MAX_DISTANCE", 0.3)
    vectors, firm_ids = with_another(cosine)
    first, *others = (frozenset(range(n * FIRMS_A_GROUP, (n + 1) * FIRMS_A_GROUP)) for n in range(8))

    found = find(vectors, firm_ids)

    assert topics_of(found) == {first | {len(vectors) - 1} if joins else first, *others}


def test_topics_do_not_join_where_one_firm_would_dominate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(themes, "MAX_DISTANCE", 0.3)
    monkeypatch.setattr(themes, "LEAST_MAX_DISTANCE", 0.3)
    vectors, firm_ids = with_another(0.6)
    many = 10  # half of the theme's topics, were they to join
    nearby = unit(vectors[-1] + np.random.default_rng(6).normal(scale=0.02, size=(many, DIMENSIONS)))

    found = find(np.vstack([vectors[:-1], nearby]), [*firm_ids[:-1], *["new"] * many])

    assert topics_of(found) == expected_groups(8)


def test_the_order_of_topics_that_join_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(themes, "MAX_DISTANCE", 0.3)
    monkeypatch.setattr(themes, "LEAST_MAX_DISTANCE", 0.3)
    vectors, firm_ids = with_another(0.6)
    vectors = np.vstack([vectors, vectors[-1:]])  # two firms say the same
    one, other = [*firm_ids, "newer"], [*firm_ids[:-1], "newer", "new"]

    def members(ids: list[str]) -> list[list[tuple[str, int]]]:
        return [[(ids[row], min(row, len(vectors) - 2)) for row in theme.rows] for theme in find(vectors, ids)]

    assert members(one) == members(other)
    assert any(("newer", len(vectors) - 2) in theme for theme in members(one))


def test_what_all_calls_have_in_common_is_taken_off() -> None:
    # The groups differ by a cosine distance of 0.2 only: less than what topics of one theme may differ by.
    many, firms_of_many = grouped(8, in_common=2.0)
    assert len(many) >= MIN_TOPICS_TO_CENTRE
    assert topics_of(find(many, firms_of_many)) == expected_groups(8)


def test_of_few_topics_the_mean_is_not_taken_off() -> None:
    # All topics are about one thing. With their mean taken off, nothing but their differences would be left.
    few, firms_of_few = grouped(4, in_common=2.0)
    assert len(few) < MIN_TOPICS_TO_CENTRE
    assert topics_of(find(few, firms_of_few)) == {frozenset(range(len(few)))}


@pytest.mark.parametrize("n_groups", [4, 12])
def test_themes_do_not_depend_on_the_order_of_topics(n_groups: int) -> None:
    vectors, firm_ids = grouped(n_groups, in_common=0.5, noise=0.1)
    in_order = find(vectors, firm_ids)
    order = np.random.default_rng(4).permutation(len(vectors))

    shuffled = find(vectors[order], [firm_ids[i] for i in order])

    assert [order[theme.rows].tolist() for theme in shuffled] == [theme.rows.tolist() for theme in in_order]
    assert len(in_order) == n_groups


def spread(n_topics: int) -> tuple[Vectors, list[str]]:
    """Topics that are not in groups: which ones go together is a matter of degree."""
    random = np.random.default_rng(8)
    centres = unit(random.normal(size=(30, DIMENSIONS)))
    noise = random.normal(scale=0.12, size=(n_topics, DIMENSIONS))
    vectors = unit(centres[random.integers(30, size=n_topics)] + noise)
    return vectors, [f"firm {n % 60}" for n in range(n_topics)]


def linkages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """Gets, of each average linkage from now on, the distance and the number of vectors."""
    linked: list[tuple[float, int]] = []

    def linkage(vectors: Vectors, max_distance: float, sizes: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        linked.append((max_distance, len(vectors)))
        return average_linkage(vectors, max_distance, sizes)

    monkeypatch.setattr(themes, "average_linkage", linkage)
    return linked


def test_more_topics_than_exact_linkage_is_for_are_condensed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, firm_ids = grouped(40, in_common=0.5)
    order = np.random.default_rng(4).permutation(len(vectors))
    monkeypatch.setattr(themes, "MAX_EXACT_TOPICS", 100)
    linked = linkages(monkeypatch)

    condensed = find(vectors, firm_ids)

    *cells, (last_cut, n_condensed) = linked
    assert {cut for cut, _ in cells} == {themes.CONDENSED_DISTANCES[0]}
    assert (len(cells), sum(n for _, n in cells)) == (4, len(vectors))
    assert (n_condensed, last_cut) == (40, cut_for(len(vectors)))
    assert topics_of(condensed) == expected_groups(40)
    shuffled = find(vectors[order], [firm_ids[i] for i in order])
    assert [order[theme.rows].tolist() for theme in shuffled] == [theme.rows.tolist() for theme in condensed]


def test_topics_are_condensed_until_few_enough_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, firm_ids = spread(900)
    order = np.random.default_rng(4).permutation(len(vectors))
    monkeypatch.setattr(themes, "MAX_EXACT_TOPICS", 150)
    linked = linkages(monkeypatch)

    condensed = find(vectors, firm_ids)

    n_of_cut = {cut: sum(n for other, n in linked if other == cut) for cut, _ in linked}
    assert len(n_of_cut) > 2
    assert list(n_of_cut) == [*themes.CONDENSED_DISTANCES[: len(n_of_cut) - 1], cut_for(len(vectors))]
    *more, n_exact = n_of_cut.values()
    assert min(more) > themes.MAX_EXACT_TOPICS >= n_exact
    shuffled = find(vectors[order], [firm_ids[i] for i in order])
    assert [order[theme.rows].tolist() for theme in shuffled] == [theme.rows.tolist() for theme in condensed]


def test_even_the_last_linkage_is_within_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(5).normal(size=(400, 384)).astype(np.float32)
    monkeypatch.setattr(themes, "MAX_EXACT_TOPICS", 100)
    linked = linkages(monkeypatch)

    assert find(unit(vectors), [f"firm {n}" for n in range(400)]) == []

    assert {cut for cut, _ in linked} == {*themes.CONDENSED_DISTANCES, cut_for(len(vectors))}
    assert max(n for _, n in linked) < 400


def test_condensing_changes_little(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, firm_ids = spread(900)
    exact = labels_of(find(vectors, firm_ids), len(vectors))
    monkeypatch.setattr(themes, "MAX_EXACT_TOPICS", 450)

    condensed = labels_of(find(vectors, firm_ids), len(vectors))

    assert adjusted_rand_score(exact, condensed) > 0.9


def test_a_theme_lists_its_topics_and_firms_from_its_centre() -> None:
    vectors, firm_ids = grouped(6, noise=0.1)
    firm_ids[1] = firm_ids[0]

    for theme in find(vectors, firm_ids):
        mean = vectors[theme.rows].mean(axis=0)
        np.testing.assert_allclose(theme.centroid, mean / np.linalg.norm(mean), atol=3e-4)  # steps of the grid
        similarities = vectors[theme.rows] @ theme.centroid
        assert (np.diff(similarities) <= 0).all()
        firms = [firm_ids[row] for row in theme.rows]
        assert [firm_ids[row] for row in theme.row_of_firm] == list(dict.fromkeys(firms))
        assert all(row == theme.rows[firms.index(firm_ids[row])] for row in theme.row_of_firm)


@pytest.mark.parametrize("n_topics", [0, 1, 2])
def test_hardly_any_topics_make_no_theme(n_topics: int) -> None:
    vectors, firm_ids = grouped(3)
    apart = slice(0, n_topics * FIRMS_A_GROUP, FIRMS_A_GROUP)
    assert find(vectors[apart], firm_ids[apart]) == []
