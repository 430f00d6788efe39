from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from cloud.src.cli.compare.groups import ComparedGroup, RunGroups, match_groups
from cloud.src.cli.compare.runs import SAME_SENTENCES, SIMILAR_CENTROID, Comparison, compare_runs, read_runs
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import with_record
from tests.fast.cli.report_tables import QUARTER, SMALL_QUARTER, SMALL_THEMES, FakeTopic, write_quarter

EAST, NORTH, NORTH_EAST = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]


def embed(names: list[str]) -> NDArray[np.float32]:
    """Names that say where they point point there, all others between the two."""
    vectors = {"East": EAST, "North": NORTH}
    return np.array([vectors.get(name, NORTH_EAST) for name in names], dtype=np.float32)


def topic(firm: str, number: int, name: str, embedding: list[float]) -> FakeTopic:
    return FakeTopic(firm, number, name, [f"{firm} says {number}."], embedding=embedding)


def write(folder: Path, topics: list[FakeTopic], quarter: str = QUARTER) -> Path:
    return write_quarter(folder, topics, {}, quarter)


def compare(folder_a: Path, folder_b: Path, quarter: str | None = None) -> Comparison:
    return compare_runs(*read_runs(folder_a, folder_b, quarter), embed)


def test_runs_that_differ_in_names_only_have_the_same_topics(tmp_path: Path) -> None:
    renamed = [replace(topic, name=f"Other {topic.name}", theme=None) for topic in SMALL_QUARTER]
    a = write_quarter(tmp_path / "a", SMALL_QUARTER, SMALL_THEMES)
    b = write(tmp_path / "b", renamed)

    comparison = compare(a, b)

    assert comparison.quarter == QUARTER
    assert [(pair.a.topic_id, pair.b.topic_id, pair.matched_by) for pair in comparison.pairs] == [
        (topic_id, topic_id, SAME_SENTENCES) for topic_id in ("1000_0", "1001_0", "1001_1", "1002_0", "1002_1")
    ]
    assert [pair.b.name for pair in comparison.pairs] == [f"Other {pair.a.name}" for pair in comparison.pairs]
    assert [comparison.a.naming_of(level) for level in ("family", "theme")] == [{"llm": 2}, {"llm": 2}]
    assert comparison.b.naming_of("theme") == {}
    assert comparison.groups == []


def test_grounding_is_the_cosine_of_name_and_centroid(tmp_path: Path) -> None:
    a = write(tmp_path / "a", [topic("Acme", 0, "East", EAST), topic("Acme", 1, "Between", EAST)])
    b = write(tmp_path / "b", [topic("Acme", 0, "North", EAST), topic("Acme", 1, "Between too", EAST)])

    pairs = compare(a, b).pairs

    assert [pair.grounding_a for pair in pairs] == pytest.approx([1, 0.6])
    assert [pair.grounding_b for pair in pairs] == pytest.approx([0, 0.6])


def groups(*found: tuple[str, str, str, list[float]]) -> RunGroups:
    """Of each its level, id, name and direction."""
    rows = [ComparedGroup(theme_id, level, name, "llm", "M", [], 3, 9, []) for level, theme_id, name, _ in found]
    return RunGroups(rows, np.array([vector for *_, vector in found], dtype=np.float32).reshape(len(found), 2))


def test_families_and_themes_are_matched_by_id_and_centroid() -> None:
    """Families with families; one that is nowhere near has no partner, whatever its id."""
    a = groups(("family", "f1", "A", EAST), ("theme", "t1", "B", EAST), ("theme", "t2", "C", NORTH))
    near_north = [0.1, 0.995]
    b = groups(("family", "f9", "a", EAST), ("theme", "t1", "x", [-1.0, 0.0]), ("theme", "t7", "D", near_north))

    found = match_groups(a, b)

    assert [(pair.a.theme_id, pair.b.theme_id, pair.same_name) for pair in found] == [
        ("f1", "f9", True),
        ("t2", "t7", False),
    ]


def test_themes_in_one_place_keep_their_ids() -> None:
    a = groups(("theme", "t1", "A", EAST), ("theme", "t2", "B", EAST), ("theme", "t3", "C", [0.96, 0.28]))
    b = groups(("theme", "t3", "C", EAST), ("theme", "t2", "B", EAST), ("theme", "t1", "A", [0.95, -0.312]))

    assert [(pair.a.theme_id, pair.b.theme_id) for pair in match_groups(a, b)] == [(t, t) for t in ("t1", "t2", "t3")]
    assert match_groups(a, groups()) == []


def test_themes_of_another_embedding_model_than_the_topics_are_refused(tmp_path: Path) -> None:
    a = write_quarter(tmp_path / "a", SMALL_QUARTER, SMALL_THEMES)
    path = a / keys.themes(QUARTER)
    rows = [row | {"centroid": [1.0, 0.0, 0.0]} for row in pq.read_table(path, partitioning=None).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schemas.THEME), path)

    with pytest.raises(
        InvalidInput, match="themes.parquet comes from another run than the topics: run the quarter again"
    ):
        compare(a, a)


def test_topics_with_other_ids_are_matched_by_firm_and_centroid(tmp_path: Path) -> None:
    """Each with the nearest of its own firm; one that is not near enough has no partner."""
    a = write(
        tmp_path / "a",
        [
            topic("Acme", 0, "a0", EAST),
            topic("Acme", 1, "a1", [-1.0, 0.0]),
            topic("Acme", 2, "a2", NORTH),
            topic("Acme", 3, "a3", [0.0, -1.0]),
            topic("Bolt", 0, "of Bolt", [0.0, -1.0]),
        ],
    )
    near_east, between_south_and_east = [0.96, 0.28], [0.6, -0.8]
    b = write(
        tmp_path / "b",
        [
            topic("Acme", 4, "b4", NORTH),
            topic("Acme", 5, "b5", near_east),
            topic("Acme", 6, "b6", [-1.0, 0.0]),
            topic("Acme", 7, "b7", between_south_and_east),
            topic("Bolt", 1, "of Bolt too", [0.0, -1.0]),
        ],
    )

    pairs = compare(a, b).pairs

    names = [(pair.a.name, pair.b.name) for pair in pairs]
    assert names == [("a0", "b5"), ("a1", "b6"), ("a2", "b4"), ("of Bolt", "of Bolt too")]
    assert {pair.matched_by for pair in pairs} == {SIMILAR_CENTROID}


def test_the_same_id_alone_is_not_a_match(tmp_path: Path) -> None:
    a = write(tmp_path / "a", [topic("Acme", 0, "a0", EAST), topic("Acme", 1, "a1", NORTH)])
    moved = FakeTopic("Acme", 0, "b0", ["One more.", "And one."], embedding=NORTH)
    b = write(tmp_path / "b", [moved, topic("Acme", 1, "b1", EAST)])

    assert [(pair.a.name, pair.b.name) for pair in compare(a, b).pairs] == [("a0", "b1"), ("a1", "b0")]


def test_the_quarter_that_both_have_is_compared(tmp_path: Path) -> None:
    for quarter in ("2022Q4", "2023Q1"):
        write(tmp_path / "a", [topic("Acme", 0, "East", EAST)], quarter)
    for quarter in ("2023Q1", "2023Q2"):
        write(tmp_path / "b", [topic("Acme", 0, "East", EAST)], quarter)

    assert compare(tmp_path / "a", tmp_path / "b").quarter == "2023Q1"
    with pytest.raises(InvalidInput, match="2022Q4 is not in both folders: .*a has 2022Q4, 2023Q1, .*b has 2023Q1, 20"):
        compare(tmp_path / "a", tmp_path / "b", "2022Q4")
    write(tmp_path / "b", [topic("Acme", 0, "East", EAST)], "2022Q4")
    with pytest.raises(InvalidInput, match="both folders have 2022Q4, 2023Q1: say which one with --quarter"):
        compare(tmp_path / "a", tmp_path / "b")
    assert compare(tmp_path / "a", tmp_path / "b", "2022Q4").quarter == "2022Q4"


@pytest.mark.parametrize(
    ("topics", "error"),
    [
        ([topic("Acme", 1, "North", NORTH)], "have no topic in common: they were not made from the same transcripts"),
        ([topic("Acme", 0, "East", [1.0, 0.0, 0.0])], "made with different embedding models .2 and 3 dimensions"),
        ([topic("Acme", 0, "East", EAST), topic("Acme", 1, "East", [])], "is damaged: its embeddings have different"),
        ([], "topics.parquet has no topics"),
    ],
)
def test_runs_that_cannot_be_compared(tmp_path: Path, topics: list[FakeTopic], error: str) -> None:
    a = write(tmp_path / "a", [topic("Acme", 0, "East", EAST)])
    b = write(tmp_path / "b", topics or [topic("Acme", 0, "East", EAST)])
    if not topics:
        path = b / keys.topics(QUARTER)
        pq.write_table(pq.ParquetFile(path).read().slice(0, 0), path)

    with pytest.raises(InvalidInput, match=error):
        compare(a, b)


def test_another_embedding_model_than_the_runs_is_refused(tmp_path: Path) -> None:
    a = write(tmp_path / "a", [topic("Acme", 0, "East", [1.0, 0.0, 0.0])])

    with pytest.raises(InvalidInput, match="has 2 dimensions and .* have 3: set EMBEDDING_MODEL to the model of the"):
        compare(a, a)


def test_who_named_the_topics_is_read_from_the_tables_record(tmp_path: Path) -> None:
    a = write(tmp_path / "a", [topic("Acme", 0, "East", EAST)])
    assert compare(a, a).a.named_by == "not recorded"

    path = a / keys.topics(QUARTER)
    table = pq.ParquetFile(path).read()
    by_llm, by_keywords = {"llm_model": "Qwen/Qwen3-8B", "prompt": "topic_name_v9"}, {"llm_model": None, "prompt": None}
    pq.write_table(with_record(table, {"names_by": [by_llm, by_keywords]}), path)
    assert compare(a, a).a.named_by == "Qwen/Qwen3-8B, prompt topic_name_v9 and keywords"


def test_damaged_table_is_named(tmp_path: Path) -> None:
    a = write(tmp_path / "a", [topic("Acme", 0, "East", EAST)])
    b = write(tmp_path / "b", [topic("Acme", 0, "East", EAST)])
    (b / keys.topics(QUARTER)).write_bytes(b"PAR1 and then nothing")

    with pytest.raises(InvalidInput, match="b/processed/topics/.*topics.parquet is not a table FTM wrote, or is damag"):
        compare(a, b)
