"""Which words of the user's a sentence has, and how many sentences of an exposure have one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cloud.src.contract import schemas
from cloud.src.worker.panel.words import COUNTS, NEAREST, WordList, with_counts, with_nearest, words_in, words_table

TONE = WordList(
    ["good", "risk"],
    {("strong",): frozenset([0]), ("going", "concern"): frozenset([1]), ("delay",): frozenset([1])},
    "",
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We don\u2019t see long-term Risk.", ("we", "don't", "see", "long", "term", "risk")),
        ("Up 5.2% in Q1", ("up", "5", "2", "in", "q1")),
        ("...", ()),
    ],
)
def test_words_of_a_text(text: str, words: tuple[str, ...]) -> None:
    assert words_in(text) == words


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("STRONG demand", {0}),
        ("a going-concern doubt, and a delay", {1}),
        ("strong, whatever the delay", {0, 1}),
        ("delays, and concern going on", set()),
        ("going", set()),
    ],
)
def test_categories_of_a_sentence_are_those_of_its_whole_words(text: str, categories: set[int]) -> None:
    assert TONE.categories_of(text) == categories


def exposures(*pairs: tuple[str, str, int]) -> pa.Table:
    call_ids, theme_ids, n_sentences = zip(*pairs, strict=True)
    return pa.table({"call_id": call_ids, "theme_id": theme_ids, "n_sentences": pa.array(n_sentences, pa.int32())})


SENTENCES = pa.table(
    {
        "sentence_id": ["s0", "s1", "s2", "s3"],
        "call_id": ["c1", "c1", "c1", "c2"],
        "cleaned_text": ["a strong delay", "strong and strong", "nothing", "one delay"],
    }
)
EVIDENCE = pa.table(
    {"sentence_id": ["s0", "s0", "s1", "s2", "s3"], "theme_id": ["t2", "t1", "t1", "t1", "t1"]},
)
# In the order that exposures_of gives: by call, then by theme.
EXPOSURES = exposures(("c1", "t1", 3), ("c1", "t2", 1), ("c2", "t1", 1))


def test_sentences_count_once_per_category_and_theme() -> None:
    counted = with_counts(EXPOSURES, EVIDENCE, SENTENCES, TONE)

    assert counted[COUNTS.name].to_pylist() == [[2, 1], [1, 1], [0, 1]]
    backwards = EXPOSURES.take(pa.array([2, 1, 0]))
    assert with_counts(backwards, EVIDENCE, SENTENCES, TONE)[COUNTS.name].to_pylist() == [[0, 1], [1, 1], [2, 1]]


def test_an_exposure_has_the_similarity_of_its_nearest_sentence() -> None:
    similar = EVIDENCE.append_column("similarity", pa.array([0.7, 0.2, 0.6, 0.3, 0.4]))

    assert with_nearest(EXPOSURES, similar, SENTENCES)[NEAREST.name].to_pylist() == [0.6, 0.7, 0.4]
    assert with_nearest(EXPOSURES.slice(0, 0), similar.slice(0, 0), SENTENCES).num_rows == 0


def test_without_words_or_exposures_nothing_is_counted() -> None:
    assert with_counts(EXPOSURES, EVIDENCE, SENTENCES, None)[COUNTS.name].to_pylist() == [[], [], []]
    empty = with_counts(EXPOSURES.slice(0, 0), EVIDENCE.slice(0, 0), SENTENCES, TONE)
    assert (empty.num_rows, empty.schema.field(COUNTS.name).type) == (0, COUNTS.type)


def test_the_table_has_every_category_of_every_exposure() -> None:
    counted = with_counts(EXPOSURES, EVIDENCE, SENTENCES, TONE)
    for name in ("firm_id", "theme_name", "level", "quarter"):
        counted = counted.append_column(name, pa.array([name] * 3))
    counted = counted.append_column("in_sample", pa.array([True] * 3))

    # As the panel does it, a slice at a time.
    table = pa.concat_tables([words_table(counted.slice(start, 2), TONE.categories) for start in (0, 2)])

    assert table.column_names == schemas.PANEL_WORDS.names
    assert table["category"].to_pylist() == ["good", "risk"] * 3
    assert table["n_sentences_of_category"].to_pylist() == [2, 1, 1, 1, 0, 1]
    np.testing.assert_allclose(table["share_of_category"], [2 / 3, 1 / 3, 1, 1, 0, 1])
