"""The order of themes: by firms, sentences and distinctiveness, with those that every call has at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cloud.src.models.embeddings import Vectors
from cloud.src.themes import rank as theme_rank
from cloud.src.themes.find_themes import FoundTheme
from cloud.src.themes.near_duplicates import shared_words
from cloud.src.themes.rank import Measures, Ranked, rank
from tests.component.worker_quarter import embedder

ANY_CALL = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)


@dataclass
class Group:
    """Topics of one theme: of firms 0, 1, ..., each with the same number of sentences."""

    n_firms: int
    n_sentences: int = 5
    cosine_to_any_call: float = 0.3
    keywords: tuple[str, ...] = ("tariff", "china", "trade")
    all_differ: bool = False

    def centroid(self) -> Vectors:
        return np.array([self.cosine_to_any_call, (1 - self.cosine_to_any_call**2) ** 0.5, 0], dtype=np.float32)


def ranked(*groups: Group) -> list[Ranked]:
    found: list[FoundTheme] = []
    firm_ids: list[str] = []
    keywords: list[list[str]] = []
    sizes: list[int] = []
    for group in groups:
        rows = np.arange(len(firm_ids), len(firm_ids) + group.n_firms)
        found.append(FoundTheme(rows, group.centroid(), rows.tolist()))
        for firm in range(group.n_firms):
            firm_ids.append(f"firm {firm}")
            keywords.append([f"{word}{firm}" if group.all_differ else word for word in group.keywords])
            sizes.append(group.n_sentences)
    return rank(found, firm_ids, keywords, np.array(sizes), ANY_CALL)


def order(*groups: Group) -> list[int]:
    """The number of each theme's first row is that of its group here, because every group has another size."""
    starts = np.cumsum([0, *(group.n_firms for group in groups)]).tolist()
    return [starts.index(each.theme.rows[0]) for each in ranked(*groups)]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Group(20), Group(10)),
        (Group(10, n_sentences=9), Group(10, n_sentences=4)),
        (Group(10, cosine_to_any_call=0.2), Group(10, cosine_to_any_call=0.6)),
        (Group(10), Group(10, keywords=("tariff",))),  # the others' words are not shared by anybody
        # However many firms have it, what is said on every call comes last.
        (Group(3), Group(60, cosine_to_any_call=0.75)),
        (Group(3), Group(60, all_differ=True)),
    ],
    ids=["firms", "sentences", "distinct", "agreement", "said on every call", "without a subject"],
)
def test_the_better_theme_comes_first(better: Group, worse: Group) -> None:
    assert order(worse, better) == [1, 0]
    assert order(better, worse) == [0, 1]


def test_of_equal_themes_the_first_found_comes_first() -> None:
    assert order(Group(10), Group(10), Group(10)) == [0, 1, 2]


def test_measures_are_what_they_say() -> None:
    [theme, _] = ranked(Group(8, n_sentences=6, cosine_to_any_call=0.4), Group(4, n_sentences=3))

    assert theme.measures == Measures(
        share_of_firms=1.0,
        share_of_sentences=0.8,
        similarity_to_any_call=0.4,
        word_agreement=1.0,
        score=round(0.8**0.5 * 0.6, 5),
    )
    assert not theme.measures.is_general


def test_words_are_shared_by_firms_however_many_topics_each_has() -> None:
    """Three firms with two topics each on their drugs: all have "drugs" in one, two "trials", and one "approvals"."""
    firm_ids = ["a", "a", "b", "b", "c", "c"]
    keywords = [["drugs"], ["trials"], ["drugs"], ["approvals"], ["drugs"], ["trials"]]
    theme = FoundTheme(np.arange(6), Group(3).centroid(), [0, 2, 4])

    [found] = rank([theme], firm_ids, keywords, np.ones(6, dtype=np.int64), ANY_CALL)

    assert found.measures.word_agreement == pytest.approx((3 / 3 + 2 / 3 + 0) / 3, abs=1e-5)


@pytest.mark.parametrize(
    ("n_firms", "n_sharing", "general"), [(3, 0, True), (3, 2, False), (5, 2, True), (5, 3, False)]
)
def test_a_theme_of_few_firms_without_a_shared_word_is_about_nothing(
    n_firms: int, n_sharing: int, general: bool
) -> None:
    keywords = [["tariff"] if firm < n_sharing else [f"own{firm}"] for firm in range(n_firms)]
    theme = FoundTheme(np.arange(n_firms), Group(3).centroid(), list(range(n_firms)))

    [found] = rank([theme], [f"firm {n}" for n in range(n_firms)], keywords, np.ones(n_firms, dtype=np.int64), ANY_CALL)

    assert found.measures.is_general is general


def test_no_themes_have_no_order() -> None:
    assert ranked() == []


def test_a_shared_word_counts_once_a_topic_and_also_as_part_of_a_pair() -> None:
    keywords = [["supply chain", "chain"], ["supply", "chain"], ["supply", "freight"]]

    assert shared_words(keywords, 3) == [("supply", 3 / 3), ("chain", 2 / 3)]
    assert shared_words([[], []], 3) == []


@pytest.mark.parametrize(
    ("sentences", "general"),
    [
        (["Organic sales grew three percent.", "Revenue was 400 million dollars, up two percent."], True),
        (["Our gross margin was 41 percent, up from 39.", "Operating margin widened to 12 percent."], True),
        (["We feel good about our strategy and where we are going.", "We have a great opportunity ahead."], True),
        (["Most of our stores closed in March because of the coronavirus.", "Covid-19 hit every market."], False),
        (["Tariffs on Chinese parts cost us nine million dollars.", "We moved sourcing to Vietnam."], False),
        (["Ocean freight is late and ports are congested.", "Our suppliers ration chips."], False),
    ],
)
def test_what_every_call_says_is_known_from_what_only_some_do(sentences: list[str], general: bool) -> None:
    vectors = embedder().embed(sentences)
    mean = vectors.mean(axis=0)
    similarity = (theme_rank.sentences_of_any_call(embedder()) @ (mean / np.linalg.norm(mean))).max()

    assert (similarity >= theme_rank.MAX_SIMILARITY_TO_ANY_CALL) == general
