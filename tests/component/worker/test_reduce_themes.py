"""Reduce, on what real map jobs have left of a small quarter."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.naming.namer import KeywordNamer
from cloud.src.worker import reduce_themes
from cloud.src.worker.mapped_quarter import read_mapped
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import MANIFEST, QUARTER, embedder, firm, map_quarter, numbered_firms

N_FIRMS = 6
LATER_MANIFEST = "manifests/2023Q1/manifest_20230402T000000000000Z.jsonl"
TABLES = {
    keys.firms(QUARTER): schemas.FIRM,
    keys.calls(QUARTER): schemas.CALL,
    keys.topics(QUARTER): schemas.TOPIC,
    keys.themes(QUARTER): schemas.THEME,
    keys.theme_contributions(QUARTER): schemas.THEME_CONTRIBUTION,
    keys.exposures(QUARTER): schemas.EXPOSURE,
}


def reduce_quarter(store: Store, manifest_key: str = MANIFEST, **changed: Any) -> None:
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=manifest_key, **changed)
    reduce_themes.run(settings, store, KeywordNamer(embedder()), embedder())


def rows(store: Store, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.read_table(key).to_pylist()
    return found


@contextmanager
def keys_read(s3: Any) -> Iterator[list[str]]:
    """The keys of all objects whose bytes are fetched meanwhile."""
    fetched: list[str] = []

    def remember(params: dict[str, Any], **_: Any) -> None:
        fetched.append(params["Key"])

    s3.meta.events.register("provide-client-params.s3.GetObject", remember)
    yield fetched
    s3.meta.events.unregister("provide-client-params.s3.GetObject", remember)


def test_tables_have_the_schemas_of_the_contract(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=3)

    reduce_quarter(store)

    for key, schema in TABLES.items():
        table = store.read_table(key)
        table.validate(full=True)
        assert table.schema == schema, key
        assert table.num_rows > 0, key
        for field in schema:
            assert field.nullable or table.column(field.name).null_count == 0, (key, field.name)
    for key in store.list(keys.sentences_prefix(QUARTER)):
        assert store.read_table(key).schema.remove_metadata() == schemas.SENTENCE_TOPIC


def test_firms_are_those_of_the_quarter(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=4)

    reduce_quarter(store)

    firms = rows(store, keys.firms(QUARTER))
    topics_of_firm = Counter(topic["firm_id"] for topic in rows(store, keys.topics(QUARTER)))
    assert [firm["firm_id"] for firm in firms] == ["101", "102", "103", "104", "105", "106"]
    assert [firm["permno"] for firm in firms] == [None, 10_001, None, 10_003, None, 10_005]
    assert {firm["n_sentences"] for firm in firms} == {24}
    assert {(firm["sector"], firm["industry"]) for firm in firms} == {("Tools", "Pumps")}
    assert {firm["firm_id"]: firm["n_topics"] for firm in firms} == topics_of_firm
    assert {str(firm["earnings_call_date"]) for firm in firms} == {"2023-02-14"}
    assert [str(firm["link_date"]) for firm in firms[:2]] == ["None", "2001-05-01"]


def test_themes_contributions_and_topics_add_up(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=3)

    reduce_quarter(store)

    groups, topics = rows(store, keys.themes(QUARTER)), rows(store, keys.topics(QUARTER))
    contributions = rows(store, keys.theme_contributions(QUARTER))
    families, themes = ([group for group in groups if group["level"] == level] for level in ("family", "theme"))
    assert groups == [*families, *themes]
    for level, of_level in (("family", families), ("theme", themes)):
        assert [group["theme_id"] for group in of_level] == [
            f"{level}_2023Q1_{n:03d}" for n in range(1, len(of_level) + 1)
        ]
    assert len(themes) >= 2
    assert {theme["family_id"] for theme in themes} == {family["theme_id"] for family in families}
    topics_of_theme = defaultdict(list)
    for topic in topics:
        if topic["theme_id"] is not None:
            topics_of_theme[topic["theme_id"]].append(topic)
    assert topics_of_theme.keys() == {theme["theme_id"] for theme in themes}
    evidence = [row for key in store.list(keys.evidence_prefix(QUARTER)) for row in rows(store, key)]
    for group in groups:
        own = [row["sentence_id"] for row in evidence if row["theme_id"] == group["theme_id"]]
        firms = Counter(sentence_id.split("_")[0] for sentence_id in own)
        assert (group["n_sentences"], group["n_firms"]) == (len(own), len(firms))
        assert group["n_firms"] >= 2
        assert max(firms.values()) / len(own) <= 0.4
        assert (group["naming_method"], group["named_by"], group["quarter"]) == ("keywords", "keywords", QUARTER)
        assert group["name"]
        assert group["description"]
        assert group["keywords"]
        assert set(group["evidence_sentence_ids"]) <= set(own)
    for theme in themes:
        assert theme["n_topics"] == len(topics_of_theme[theme["theme_id"]])
    expected = [
        {name: topic[name] for name in schemas.THEME_CONTRIBUTION.names}
        for theme in themes
        for topic in topics_of_theme[theme["theme_id"]]
    ]
    assert contributions == sorted(expected, key=lambda row: (row["theme_id"], row["firm_id"], row["topic_id"]))


def test_the_subjects_of_the_calls_are_the_themes(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=3)

    reduce_quarter(store)

    subjects = {"freight": "shipments late", "engineers": "hiring", "price": "List price"}
    said = {
        sentence["sentence_id"]: sentence["cleaned_text"]
        for key in store.list(keys.sentences_prefix(QUARTER))
        for sentence in rows(store, key)
    }
    texts_of_theme = defaultdict(list)
    for key in store.list(keys.evidence_prefix(QUARTER)):
        for row in rows(store, key):
            texts_of_theme[row["theme_id"]].append(said[row["sentence_id"]])
    for theme in rows(store, keys.themes(QUARTER)):
        [subject] = subjects.keys() & set(" ".join(theme["keywords"]).split())
        texts = texts_of_theme[theme["theme_id"]]
        # All sentences of its subject, and no others: a topic is less pure than its theme.
        assert len(texts) == 8 * N_FIRMS
        assert all(subjects[subject] in text for text in texts)


def test_settings_decide_what_a_theme_is(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=3)

    reduce_quarter(store, min_firms=N_FIRMS + 1)

    assert store.read_table(keys.themes(QUARTER)).num_rows == 0
    assert store.read_table(keys.theme_contributions(QUARTER)).num_rows == 0
    assert store.read_table(keys.topics(QUARTER)).column("theme_id").null_count > 0
    for key, schema in TABLES.items():
        assert store.read_table(key).schema == schema, key


@pytest.mark.parametrize("batch_size", [1, 4])
def test_tables_do_not_depend_on_the_batches(s3: Any, batch_size: int) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=N_FIRMS)
    reduce_quarter(store)
    in_one_batch = {key: store.read_table(key) for key in TABLES}
    for key in store.list("intermediate/"):
        store.delete(key)  # else the firms would be taken from there

    map_quarter(s3, numbered_firms(N_FIRMS)[::-1], batch_size, LATER_MANIFEST)
    reduce_quarter(store, LATER_MANIFEST)

    for key, table in in_one_batch.items():
        assert store.read_table(key).equals(table), key


def test_parts_of_earlier_executions_with_other_batches_are_ignored(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=1)
    reduce_quarter(store)
    assert len(store.list(keys.sentences_prefix(QUARTER))) == N_FIRMS

    map_quarter(s3, numbered_firms(N_FIRMS), batch_size=4, manifest_key=LATER_MANIFEST)
    reduce_quarter(store, LATER_MANIFEST)

    for prefix in (keys.topics_parts_prefix(QUARTER), keys.sentences_parts_prefix(QUARTER)):
        assert len(store.list(prefix)) == 3  # those of before are gone: a table over the folder has no firm twice
    topic_ids = store.read_table(keys.topics(QUARTER)).column("topic_id").to_pylist()
    assert len(topic_ids) == len(set(topic_ids))
    assert store.list(keys.sentences_prefix(QUARTER)) == [
        keys.sentences(QUARTER, keys.batch_id(QUARTER, batch), part) for batch, part in ((0, 0), (0, 1), (1, 0))
    ]


def test_a_part_with_a_missing_firm_is_kept(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=2)
    [_, settled, needed] = store.list(keys.topics_parts_prefix(QUARTER))
    map_quarter(s3, numbered_firms(N_FIRMS), batch_size=4, manifest_key=LATER_MANIFEST)
    store.delete(keys.progress(QUARTER, keys.batch_id(QUARTER, 1)))  # the batch of 105 and 106 has failed

    reduce_quarter(store, LATER_MANIFEST)

    there = store.list(keys.topics_parts_prefix(QUARTER))
    assert settled not in there  # of 103 and 104
    assert needed in there


def test_leftovers_of_earlier_versions_and_killed_jobs_are_removed(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(2), batch_size=2)
    topics, sentences = (
        store.list(prefix(QUARTER)) for prefix in (keys.topics_parts_prefix, keys.sentences_parts_prefix)
    )
    old = f"{QUARTER}_batch_0000_part_00"
    store.write_table(keys.topics_part(QUARTER, old), store.read_table(topics[0]).replace_schema_metadata(None))
    store.write_table(keys.sentences_part(QUARTER, old), store.read_table(sentences[0]))
    store.write_json(keys.llm_answers(QUARTER, old), {})
    store.write_json(keys.sentences_part(QUARTER, f"{old}_killed"), "sentences without topics")

    reduce_quarter(store)

    assert store.list(keys.topics_parts_prefix(QUARTER)) == topics
    assert store.list(keys.sentences_parts_prefix(QUARTER)) == sentences
    assert store.list(keys.llm_answers_prefix(QUARTER)) == []


def test_a_run_with_numbered_parts_can_still_be_read(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(2), batch_size=2)
    for prefix in (keys.topics_parts_prefix(QUARTER), keys.sentences_parts_prefix(QUARTER)):
        [key] = store.list(prefix)
        store.write_table(f"{prefix}{QUARTER}_batch_0000_part_00.parquet", store.read_table(key))
        store.delete(key)
    progress = json.loads(store.require(keys.progress(QUARTER, keys.batch_id(QUARTER, 0))))
    store.write_json(keys.progress(QUARTER, keys.batch_id(QUARTER, 0)), progress | {"parts": [0]})

    mapped = read_mapped(store, QUARTER, MANIFEST)

    assert [(part.number, part.name) for part in mapped.parts] == [(0, f"{QUARTER}_batch_0000_part_00")]
    assert [firm["firm_id"] for firm in mapped.firms] == ["101", "102"]
    assert mapped.unsettled == set()


def test_sentences_are_published_as_they_are_without_vectors(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=3)

    reduce_quarter(store)

    published = [store.read_table(key) for key in store.list(keys.sentences_prefix(QUARTER))]
    mapped = [store.read_table(key) for key in store.list(keys.sentences_parts_prefix(QUARTER))]
    assert [table.to_pylist() for table in published] == [
        table.drop_columns(["vector"]).to_pylist() for table in mapped
    ]
    assert len(published) == 4
    assert pa.concat_tables([table.replace_schema_metadata(None) for table in published]).num_rows == 24 * N_FIRMS


def test_sentences_are_read_to_fit_to_count_and_to_publish(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=3)

    with keys_read(s3) as fetched:
        reduce_quarter(store)

    assert sum("/firm-topics/" in key for key in fetched) == 4
    assert sum("/firm-sentences/" in key for key in fetched) == 3 * 4
    assert [key for key in fetched if key.startswith(keys.sentences_prefix(QUARTER))] == []


def test_a_failed_batch_counts_with_its_finished_parts(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=4)
    half_way = json.loads(store.require(keys.progress(QUARTER, keys.batch_id(QUARTER, 0))))
    half_way |= {"status": "failed", "parts": half_way["parts"][:1], "done": ["101", "102"]}
    store.write_json(keys.progress(QUARTER, keys.batch_id(QUARTER, 0)), half_way)

    reduce_quarter(store)

    assert store.read_table(keys.firms(QUARTER)).column("firm_id").to_pylist() == ["101", "102", "105", "106"]
    assert set(store.read_table(keys.topics(QUARTER)).column("firm_id").to_pylist()) == {"101", "102", "105", "106"}


def test_a_batch_without_progress_of_this_execution_is_left_out(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=2)
    store.delete(keys.progress(QUARTER, keys.batch_id(QUARTER, 0)))
    earlier = json.loads(store.require(keys.progress(QUARTER, keys.batch_id(QUARTER, 2))))
    store.write_json(keys.progress(QUARTER, keys.batch_id(QUARTER, 2)), earlier | {"manifest_key": LATER_MANIFEST})

    reduce_quarter(store)

    assert store.read_table(keys.firms(QUARTER)).column("firm_id").to_pylist() == ["103", "104"]


def test_no_batch_left_anything(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(2), batch_size=1)
    for number in range(2):
        store.delete(keys.progress(QUARTER, keys.batch_id(QUARTER, number)))

    with pytest.raises(FtmError, match=f"^no batch of {MANIFEST} left any result: see the reasons in progress/2023Q1/"):
        reduce_quarter(store)

    assert store.list("processed/") == []


def test_a_quarter_in_which_nobody_says_anything_has_empty_tables(s3: Any) -> None:
    store = map_quarter(s3, [firm("101", ["Thank you very much."])], batch_size=1)

    reduce_quarter(store)

    for key, schema in TABLES.items():
        table = store.read_table(key)
        assert (table.num_rows, table.schema) == (0, schema), key


def test_a_part_that_is_gone_stops_before_anything_is_written(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(2), batch_size=1)
    [_, gone] = store.list(keys.topics_parts_prefix(QUARTER))
    store.delete(gone)

    with pytest.raises(FtmError, match=f"{gone} is missing"):
        reduce_quarter(store)

    assert store.list("processed/") == []


def test_a_part_that_another_execution_has_overwritten_is_refused(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(N_FIRMS), batch_size=3)
    overwritten, _, other, _ = store.list(keys.topics_parts_prefix(QUARTER))  # two parts of each batch
    store.write_table(overwritten, store.read_table(other))

    with pytest.raises(FtmError, match=f"{overwritten} holds firm .* another execution of the quarter"):
        reduce_quarter(store)

    assert store.read(keys.themes(QUARTER)) is None
