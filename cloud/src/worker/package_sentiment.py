"""Package: themes with the sentences behind them, in the form a sentiment model or an event study reads."""

from __future__ import annotations

import logging
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cloud.src.contract import keys, schemas
from cloud.src.contract.rows import FirmRow, ThemeRow
from cloud.src.worker.store import Store

log = logging.getLogger(__name__)


class TopicInTheme(TypedDict):
    """What is packaged of a topic."""

    firm_id: str
    local_topic_id: int
    topic_id: str
    theme_id: str
    summary: str


class TopicSentence(TypedDict):
    """What is packaged of a sentence, and which topic it belongs to."""

    firm_id: str
    local_topic_id: int
    sentence_id: str
    cleaned_text: str
    speaker_type: str
    position: int


def run(store: Store, quarter: str) -> None:
    """Write themes_for_sentiment: one row a (theme, firm, topic), only for firms with a PERMNO.

    The sentences are read one part at a time, and the table is put together in a file: a large quarter's sentences
    do not fit into the job's memory.
    """
    themes: dict[str, ThemeRow] = {
        theme["theme_id"]: theme for theme in store.read_table(keys.themes(quarter)).to_pylist()
    }
    firms: dict[str, FirmRow] = {firm["firm_id"]: firm for firm in store.read_table(keys.firms(quarter)).to_pylist()}
    topics = topics_with_permno(store.read_table(keys.topics(quarter)))
    n_rows = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "themes_for_sentiment.parquet"
        with pq.ParquetWriter(file, schemas.THEME_FOR_SENTIMENT, compression="snappy") as writer:
            for key in sorted(store.list(keys.sentences_prefix(quarter)), key=batch_and_part):
                rows = package_part(store.read_table(key), topics, themes, firms)
                writer.write_table(pa.Table.from_pylist(rows, schema=schemas.THEME_FOR_SENTIMENT))
                n_rows += len(rows)
        store.upload(keys.themes_for_sentiment(quarter), file)
    if not n_rows:
        log.warning("themes_for_sentiment is empty: no firm in a theme has a PERMNO")
    log.info("wrote themes_for_sentiment: %d rows", n_rows)


def batch_and_part(sentences_key: str) -> tuple[str, int]:
    """Sorts part files as they were made: part 100 comes after part 11."""
    batch, _, number = sentences_key.removesuffix(".parquet").rpartition("_part_")
    return batch, int(number)


def topics_with_permno(topics: pa.Table) -> dict[tuple[str, int], TopicInTheme]:
    """Topics that are in a theme and whose firm has a PERMNO, by (firm_id, local_topic_id)."""
    chosen = topics.filter(pc.and_(pc.is_valid(topics["theme_id"]), pc.is_valid(topics["permno"])))
    rows = chosen.select(list(TopicInTheme.__annotations__)).to_pylist()
    return {(topic["firm_id"], topic["local_topic_id"]): topic for topic in rows}


def package_part(
    sentences: pa.Table,
    topics: dict[tuple[str, int], TopicInTheme],
    themes: dict[str, ThemeRow],
    firms: dict[str, FirmRow],
) -> list[dict[str, Any]]:
    """The rows that one part's sentences make, sorted by firm, theme and topic.

    The firm comes first because parts follow each other in order of firms: the table is the same whatever the batches.
    """
    sentences_of_topic: dict[tuple[str, int], list[TopicSentence]] = defaultdict(list)
    for sentence in sentences.select(list(TopicSentence.__annotations__)).to_pylist():
        topic_key = (sentence["firm_id"], sentence["local_topic_id"])
        if topic_key in topics:
            sentences_of_topic[topic_key].append(sentence)
    rows = [
        package_row(themes[topics[topic_key]["theme_id"]], firms[topic_key[0]], topics[topic_key], spoken)
        for topic_key, spoken in sentences_of_topic.items()
    ]
    return sorted(rows, key=lambda row: (row["firm_id"], row["theme_id"], row["topic_id"]))


def package_row(theme: ThemeRow, firm: FirmRow, topic: TopicInTheme, sentences: list[TopicSentence]) -> dict[str, Any]:
    """One row of the table: a theme, a firm and one of its topics, with its sentences."""
    return {
        "theme_id": theme["theme_id"],
        "theme_name": theme["name"],
        "theme_description": theme["description"],
        "theme_keywords": theme["keywords"],
        "firm_id": firm["firm_id"],
        "firm_name": firm["firm_name"],
        "ticker": firm["ticker"],
        "permno": firm["permno"],
        "gvkey": firm["gvkey"],
        "link_date": firm["link_date"],
        "earnings_call_date": firm["earnings_call_date"],
        "topic_id": topic["topic_id"],
        "topic_summary": topic["summary"],
        "sentences": [
            {
                "sentence_id": sentence["sentence_id"],
                "text": sentence["cleaned_text"],
                "speaker_type": sentence["speaker_type"],
                "position": sentence["position"],
            }
            for sentence in sentences
        ],
        "n_sentences": len(sentences),
        "quarter": theme["quarter"],
    }
