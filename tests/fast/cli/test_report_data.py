from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.report import data as report_data
from cloud.src.cli.report.contents import Counts, ReportTopic
from cloud.src.cli.report.page_data import page_data
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import of_run
from tests.fast.cli.report_tables import (
    QUARTER,
    FakeTopic,
    write_quarter,
    write_small_quarter,
)


def texts_of(topics: list[ReportTopic]) -> dict[str, list[str]]:
    return {topic.name: [sentence.text for sentence in topic.sentences] for topic in topics}


def test_counts_are_those_of_the_tables(tmp_path: Path) -> None:
    report = report_data.load(write_small_quarter(tmp_path), QUARTER)

    # 3 firms with one call each; 11 sentences in topics, one of them in a topic without theme; 2 others a firm.
    assert report.counts == Counts(
        firms=3,
        calls=3,
        sentences=17,
        sentences_without_topic=6,
        sentences_in_theme=10,
        topics=5,
        topics_without_theme=1,
        firms_without_theme=1,
    )


def test_firms_that_call_on_one_day_have_as_many_calls(tmp_path: Path) -> None:
    """A transcript's id is unique within its firm only: in the user's files it may be the day."""
    folder = write_small_quarter(tmp_path)
    for path in (folder / keys.sentences_prefix(QUARTER)).glob("*.parquet"):
        sentences = pq.read_table(path, partitioning=None).to_pylist()
        same_id = [{**sentence, "transcript_id": "2023-02-14"} for sentence in sentences]
        pq.write_table(pa.Table.from_pylist(same_id, schemas.SENTENCE_TOPIC), path)

    assert report_data.load(folder, QUARTER).counts.calls == 3


def test_every_theme_has_its_examples_however_little_room_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_small_quarter(tmp_path)
    path = folder / keys.themes(QUARTER)
    examples = {"theme_2023Q1_001": ["1000_91000_0000"], "family_2023Q1_002": ["1002_91002_0001"]}
    themes = pq.read_table(path, partitioning=None).to_pylist()
    shown = [theme | {"evidence_sentence_ids": examples.get(theme["theme_id"], [])} for theme in themes]
    pq.write_table(pa.Table.from_pylist(shown, schemas.THEME), path)

    monkeypatch.setattr(report_data, "MAX_PAGE_BYTES", 0)
    monkeypatch.setattr(report_data, "NEAREST_SENTENCES", 0)
    report = report_data.load(folder, QUARTER)

    assert not report.is_whole
    found = {theme_id: [each.sentence_id for each in report.measured[theme_id].evidence] for theme_id in examples}
    assert found == examples


def test_in_large_quarters_themes_have_their_nearest_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_small_quarter(tmp_path)
    for path in (folder / keys.evidence_prefix(QUARTER)).glob("*.parquet"):
        rows = pq.read_table(path, partitioning=None).to_pylist()
        near = [row | {"similarity": 0.9 if row["sentence_id"].endswith("1") else 0.6} for row in rows]
        pq.write_table(pa.Table.from_pylist(near, schemas.EVIDENCE), path)
    monkeypatch.setattr(report_data, "MAX_PAGE_BYTES", 0)
    monkeypatch.setattr(report_data, "NEAREST_SENTENCES", 2)

    report = report_data.load(folder, QUARTER)

    nearest = [each.sentence_id for each in report.measured["theme_2023Q1_001"].evidence]
    assert nearest == ["1000_91000_0001", "1001_91001_0001"]
    page = page_data(report, None)
    assert [len(group["quotations"]) for group in [*page["families"], *page["themes"]]] == [2, 2, 2, 2]


@pytest.mark.parametrize("table", ["sentences", "evidence", "topics", "firms"])
def test_tables_whose_ids_are_of_different_runs_are_refused(tmp_path: Path, table: str) -> None:
    folder = write_small_quarter(tmp_path)
    for path in (folder / "processed").glob("*/*/*.parquet"):
        run_id = "another" if path.parts[-3] == table else "one"
        pq.write_table(of_run(pq.read_table(path, partitioning=None), run_id), path)
    schema = pa.schema([("quarter", pa.string())])

    assert run_folder.read_table(folder, QUARTER, "themes", schema).num_rows > 0
    with pytest.raises(InvalidInput, match=f"{table}/.*themes.parquet come from different runs: run the quarter again"):
        run_folder.read_table(folder, QUARTER, table, schema)


def test_themes_come_in_their_rank_with_what_decided_it(tmp_path: Path) -> None:
    ids = [f"theme_{QUARTER}_{number}" for number in ("1000", "002", "001", "101")]
    topics = [FakeTopic(firm, n, "Taxes", ["Our tax rate rose."], ids[n]) for n in range(4) for firm in "ABCD"[n:]]
    folder = write_quarter(tmp_path, topics, dict.fromkeys(ids, "Taxes"))
    path = folder / keys.themes(QUARTER)
    themes = pq.read_table(path, partitioning=None).to_pylist()
    next(row for row in themes if row["theme_id"] == ids[1]).update(general=True, distinctiveness=0.1)
    pq.write_table(pa.Table.from_pylist(themes, schemas.THEME), path)

    report = report_data.load(folder, QUARTER)

    assert [theme.theme_id for theme in report.themes] == [ids[2], ids[1], ids[3], ids[0]]
    assert [theme.general for theme in report.themes] == [False, True, False, False]
    assert [theme.distinctiveness for theme in report.themes] == [0.5, 0.1, 0.5, 0.5]
    families = [theme.theme_id.replace("theme", "family") for theme in report.themes]
    assert [family.theme_id for family in report.families] == families
    assert [report.themes_of(family) for family in report.families] == [[theme] for theme in report.themes]


def test_sentences_of_a_topic_come_representative_first_then_as_said(tmp_path: Path) -> None:
    report = report_data.load(write_small_quarter(tmp_path), QUARTER)

    assert texts_of(report.topics)["Freight rates easing"] == [
        "Container rates fell by half since summer.",
        "Freight was a tailwind of forty basis points.",
        "We booked ocean freight early.",
    ]


def test_sentence_carries_who_said_it_where_and_when(tmp_path: Path) -> None:
    report = report_data.load(write_small_quarter(tmp_path), QUARTER)

    said = {sentence.text: sentence for topic in report.topics for sentence in topic.sentences}
    answer = said["Freight was a tailwind of forty basis points."]
    assert (answer.speaker_name, answer.speaker_type, answer.section) == ("Mei Larsen", "Analyst", "qa")
    assert (answer.sentence_id, answer.call_date.isoformat()) == ("1000_91000_0002", "2023-02-14")


def test_a_page_too_large_is_noticed_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topics = [
        FakeTopic(
            f"Firm {firm}",
            number,
            "Topic of a firm",
            ["A sentence that says how margins rose."] * 4,
            "theme_2023Q1_001",
        )
        for firm in range(60)
        for number in range(4)
    ]
    write_quarter(tmp_path, topics, {"theme_2023Q1_001": "Margins"})
    data = page_data(report_data.load(tmp_path, QUARTER), None)
    fixed = len(json.dumps([data["firms"], data["families"], data["themes"]]))
    size = len(json.dumps(data, separators=(",", ":"))) - fixed

    monkeypatch.setattr(report_data, "MAX_PAGE_BYTES", round(1.3 * size))
    assert report_data.load(tmp_path, QUARTER).is_whole
    monkeypatch.setattr(report_data, "MAX_PAGE_BYTES", round(size))
    large = report_data.load(tmp_path, QUARTER)
    assert not large.is_whole
    assert (large.topics, large.counts.topics, large.topic_methods) == ([], 240, {"llm": 240})


def test_folder_with_special_characters_of_a_glob_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "runs [new] *"

    assert run_folder.quarters_in(write_small_quarter(folder)) == [QUARTER]
    assert len(report_data.load(folder, QUARTER).topics) == 5


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda folder: None, "is not a folder"),
        (lambda folder: folder.write_text("x"), "is not a folder"),
        (lambda folder: folder.mkdir(), "has no processed quarter"),
        (lambda folder: (folder / "processed/topics/quarter=first").mkdir(parents=True), "'first' is not a quarter"),
    ],
)
def test_folder_that_is_no_output_folder_is_refused(tmp_path: Path, make, error: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "out")

    with pytest.raises(InvalidInput, match=error):
        run_folder.quarters_in(tmp_path / "out")


@pytest.mark.parametrize(
    "key", [keys.firms(QUARTER), keys.topics(QUARTER), keys.themes(QUARTER), keys.sentences_prefix(QUARTER)]
)
def test_missing_table_is_named(tmp_path: Path, key: str) -> None:
    path = write_small_quarter(tmp_path) / key
    for file in [path] if path.is_file() else path.glob("*"):
        file.unlink()

    with pytest.raises(InvalidInput) as error:
        report_data.load(tmp_path, QUARTER)

    assert str(error.value) == f"{path} is missing: run the quarter to its end"


@pytest.mark.parametrize(
    "key",
    [
        keys.firms(QUARTER),
        keys.topics(QUARTER),
        keys.themes(QUARTER),
        keys.sentences(QUARTER, keys.batch_id(QUARTER, 0), 1),
    ],
)
@pytest.mark.parametrize("damage", ["cut short", "overwritten", "empty", "other columns"])
def test_damaged_table_is_named_in_one_line(tmp_path: Path, key: str, damage: str) -> None:
    path = write_small_quarter(tmp_path) / key
    whole = path.read_bytes()
    if damage == "other columns":
        pq.write_table(pq.ParquetFile(path).read(columns=["quarter"]), path)
    else:
        damaged = {"cut short": whole[:-20], "overwritten": whole[:4] + b"\xff" * 300 + whole[304:], "empty": b""}
        path.write_bytes(damaged[damage])

    with pytest.raises(InvalidInput) as error:
        report_data.load(tmp_path, QUARTER)

    assert str(error.value).startswith(f"{path} is not a table FTM wrote, or is damaged")
    assert "\n" not in str(error.value)


def test_empty_value_where_the_contract_allows_none_is_refused(tmp_path: Path) -> None:
    path = write_small_quarter(tmp_path) / keys.themes(QUARTER)
    themes = pq.ParquetFile(path).read()
    nameless = themes.to_pandas().assign(name=None)
    nameless.to_parquet(path)

    with pytest.raises(InvalidInput, match=r"themes\.parquet is not a table FTM wrote.*name"):
        report_data.load(tmp_path, QUARTER)


@pytest.mark.parametrize(("key", "kind"), [(keys.themes(QUARTER), "theme"), (keys.firms(QUARTER), "firm")])
def test_tables_of_different_runs_are_refused(tmp_path: Path, key: str, kind: str) -> None:
    path = write_small_quarter(tmp_path) / key
    table = pq.ParquetFile(path).read()
    pq.write_table(table.slice(0, table.num_rows - 1), path)

    with pytest.raises(InvalidInput, match=f"has no {kind} .*, which topics belong to: the tables are of different"):
        report_data.load(tmp_path, QUARTER)


def test_a_theme_without_its_family_is_refused(tmp_path: Path) -> None:
    path = write_small_quarter(tmp_path) / keys.themes(QUARTER)
    pq.write_table(pq.ParquetFile(path).read().slice(1), path)

    with pytest.raises(InvalidInput, match="has no family of theme_2023Q1_001: run the quarter again"):
        report_data.load(tmp_path, QUARTER)
