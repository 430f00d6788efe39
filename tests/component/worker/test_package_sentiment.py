"""Package, on the tables that real map and reduce jobs have left of a small quarter."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.naming.namer import KeywordNamer
from cloud.src.topics.find_topics import NO_TOPIC
from cloud.src.worker import package_sentiment, reduce_themes
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import MANIFEST, QUARTER, call, embedder, firm, map_quarter, numbered_firms


def package(s3: Any, firms: list[FirmTranscripts]) -> Store:
    """Map, reduce and package the firms, two a batch."""
    store = map_quarter(s3, firms, batch_size=2)
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=MANIFEST)
    reduce_themes.run(settings, store, KeywordNamer(embedder()), embedder())
    package_sentiment.run(store, QUARTER)
    return store


def rows(store: Store, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.read_table(key).to_pylist()
    return found


def test_rows_are_themes_calls_and_topics_of_linked_firms(s3: Any) -> None:
    store = package(s3, numbered_firms(6))

    packaged = rows(store, keys.themes_for_sentiment(QUARTER))

    said = {
        sentence["sentence_id"]: (sentence["firm_id"], sentence["local_topic_id"])
        for key in store.list(keys.sentences_prefix(QUARTER))
        for sentence in rows(store, key)
        if sentence["permno"] is not None
    }
    counted = Counter(
        (row["theme_id"], *said[row["sentence_id"]])
        for key in store.list(keys.evidence_prefix(QUARTER))
        for row in rows(store, key)
        if row["theme_id"].startswith("theme_") and row["sentence_id"] in said
    )
    assert {(row["theme_id"], row["topic_id"]): row["n_sentences"] for row in packaged} == {
        (theme_id, None if topic == NO_TOPIC else f"{firm_id}_{topic}"): n_sentences
        for (theme_id, firm_id, topic), n_sentences in counted.items()
    }
    assert {row["firm_id"] for row in packaged} == {"102", "104", "106"}


def test_rows_carry_their_theme_firm_topic_and_sentences(s3: Any) -> None:
    store = package(s3, numbered_firms(6))
    themes = {theme["theme_id"]: theme for theme in rows(store, keys.themes(QUARTER))}
    topics = {topic["topic_id"]: topic for topic in rows(store, keys.topics(QUARTER))}
    firms = {firm["firm_id"]: firm for firm in rows(store, keys.firms(QUARTER))}
    calls = {call["call_id"]: call for call in rows(store, keys.calls(QUARTER))}
    said = {
        sentence["sentence_id"]: sentence
        for key in store.list(keys.sentences_prefix(QUARTER))
        for sentence in rows(store, key)
    }

    for row in rows(store, keys.themes_for_sentiment(QUARTER)):
        theme, topic = themes[row["theme_id"]], topics[row["topic_id"]]
        assert (row["theme_name"], row["theme_description"]) == (theme["name"], theme["description"])
        assert row["theme_keywords"] == theme["keywords"]
        assert row["topic_summary"] == topic["summary"]
        for name in ("firm_name", "ticker", "permno", "gvkey", "link_date", "quarter"):
            assert row[name] == firms[row["firm_id"]][name], name
        for name in ("earnings_call_date", "call_time_utc", "first_trading_day", "time_known", "event_date"):
            assert row[name] == calls[row["call_id"]][name], name
        assert row["n_sentences"] == len(row["sentences"]) > 0
        assert [sentence["position"] for sentence in row["sentences"]] == sorted(
            sentence["position"] for sentence in row["sentences"]
        )
        for sentence in row["sentences"]:
            source = said[sentence["sentence_id"]]
            assert (source["firm_id"], source["local_topic_id"]) == (row["firm_id"], topic["local_topic_id"])
            assert sentence["text"] == source["cleaned_text"] != ""
            for name in ("call_id", "firm_id", "quarter"):
                assert row[name] == source[name], name
            for name in ("speaker_name", "speaker_type", "section", "position"):
                assert sentence[name] == source[name], name


def test_every_sentence_that_counts_is_there_once_per_theme(s3: Any) -> None:
    """Also a sentence that is in no topic, and one that counts for two themes; families have no rows."""
    store = package(s3, numbered_firms(4))
    [part] = [key for key in store.list(keys.evidence_prefix(QUARTER)) if "batch_0000" in key]
    evidence, sentences = rows(store, part), rows(store, part.replace("evidence", "sentences"))
    of_102 = [sentence["sentence_id"] for sentence in sentences if sentence["firm_id"] == "102"]
    themes = [theme for theme in rows(store, keys.themes(QUARTER)) if theme["level"] == "theme"]
    first, second = (theme["theme_id"] for theme in themes[:2])
    counted = {(row["sentence_id"], row["theme_id"]) for row in evidence if row["sentence_id"] in of_102}
    added = {(of_102[0], first), (of_102[0], second)} - counted
    assert any(theme_id.startswith("family_") for _, theme_id in counted)
    more = [evidence[0] | {"sentence_id": sentence, "theme_id": theme} for sentence, theme in sorted(added)]
    store.write_table(part, pa.Table.from_pylist(evidence + more, schemas.EVIDENCE))
    [without_topic] = [sentence for sentence in sentences if sentence["sentence_id"] == of_102[0]]
    without_topic["local_topic_id"] = -1
    store.write_table(part.replace("evidence", "sentences"), pa.Table.from_pylist(sentences, schemas.SENTENCE_TOPIC))

    package_sentiment.run(store, QUARTER)

    of_firm = [row for row in rows(store, keys.themes_for_sentiment(QUARTER)) if row["firm_id"] == "102"]
    packaged = [(sentence["sentence_id"], row["theme_id"]) for row in of_firm for sentence in row["sentences"]]
    assert len(packaged) == len(set(packaged))
    assert set(packaged) == {pair for pair in counted | added if pair[1].startswith("theme_")}
    for row in of_firm:
        is_without = of_102[0] in [sentence["sentence_id"] for sentence in row["sentences"]]
        assert (row["topic_id"] is None) == (row["topic_summary"] is None) == is_without


@pytest.mark.parametrize(
    "firms",
    [
        [firm(str(number), call(number)) for number in range(101, 105)],
        [firm("101", call(0), permno=10_001), firm("102", ["Thank you very much."], permno=10_002)],
        [firm("101", ["Thank you very much."], permno=10_001)],
    ],
    ids=["no permno", "no theme", "nobody says anything"],
)
def test_an_empty_table_has_the_schema_all_the_same(s3: Any, firms: list[FirmTranscripts]) -> None:
    table = package(s3, firms).read_table(keys.themes_for_sentiment(QUARTER))

    assert (table.num_rows, table.schema) == (0, schemas.THEME_FOR_SENTIMENT)


def test_schema_is_that_of_the_contract(s3: Any) -> None:
    table = package(s3, numbered_firms(6)).read_table(keys.themes_for_sentiment(QUARTER))

    table.validate(full=True)
    assert table.schema == schemas.THEME_FOR_SENTIMENT
    assert table.num_rows > 0
    for field in table.schema:
        assert field.nullable or table.column(field.name).null_count == 0, field.name
