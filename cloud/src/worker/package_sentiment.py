"""Package: themes with the sentences that count for them, in the form a sentiment model or an event study reads."""

from __future__ import annotations

import logging
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from cloud.src.contract import keys, schemas
from cloud.src.contract.record import of_run, run_of
from cloud.src.contract.rows import FirmRow, ThemeRow
from cloud.src.topics.find_topics import NO_TOPIC
from cloud.src.worker.store import Store

log = logging.getLogger(__name__)

Row = dict[str, Any]

_OF_SENTENCE = ("sentence_id", "call_id", "firm_id", "local_topic_id", "cleaned_text", "position")
_OF_SPEAKER = ("speaker_name", "speaker_type", "section")
_OF_FIRM = ("firm_id", "firm_name", "ticker", "permno", "gvkey", "link_date")
_OF_CALL = ("call_id", "earnings_call_date", "call_time_utc", "first_trading_day", "time_known", "event_date")


def run(store: Store, quarter: str) -> None:
    """Write themes_for_sentiment: one row per theme, call and topic (or none), only for firms with a PERMNO.

    Sentences and evidence are read one part at a time, and the table is put together in a file: a large quarter's
    sentences do not fit into the job's memory.
    """
    packager = Packager(store, quarter)
    n_rows = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "themes_for_sentiment.parquet"
        with pq.ParquetWriter(file, packager.schema, compression="snappy") as writer:
            for key in sorted(store.list(keys.sentences_prefix(quarter)), key=batch_and_part):
                evidence = store.read_table(keys.evidence(quarter, *batch_and_part(key)))
                rows = packager.rows(store.read_table(key), evidence)
                writer.write_table(pa.Table.from_pylist(rows, schema=packager.schema))
                n_rows += len(rows)
        store.upload(keys.themes_for_sentiment(quarter), file)
    if not n_rows:
        log.warning("themes_for_sentiment is empty: no firm in a theme has a PERMNO")
    log.info("wrote themes_for_sentiment: %d rows", n_rows)


def batch_and_part(sentences_key: str) -> tuple[str, int]:
    """Sorts part files as they were made: part 100 comes after part 11."""
    batch, _, number = Path(sentences_key).stem.rpartition("_part_")
    return batch, int(number)


class Packager:
    """Makes the rows of a part of the quarter's sentences, in ``schema``."""

    def __init__(self, store: Store, quarter: str) -> None:
        themes = store.read_table(keys.themes(quarter))
        run_id = run_of(themes.schema)
        empty = schemas.THEME_FOR_SENTIMENT.empty_table()
        self.schema = (of_run(empty, run_id) if run_id else empty).schema
        columns = ["theme_id", "name", "description", "keywords", "level", "quarter"]
        rows = cast(list[ThemeRow], themes.select(columns).to_pylist())  # with these columns only
        self._themes = {theme["theme_id"]: theme for theme in rows if theme["level"] == "theme"}
        firms = cast(list[FirmRow], store.read_table(keys.firms(quarter)).to_pylist())
        self._firms: dict[str, FirmRow] = {firm["firm_id"]: firm for firm in firms if firm["permno"] is not None}
        self._calls: dict[str, Row] = {
            call["call_id"]: call for call in store.read_table(keys.calls(quarter)).to_pylist()
        }
        topics = store.read_table(keys.topics(quarter)).select(["topic_id", "summary"])
        self._topic_names = dict(zip(*(topics.column(name).to_pylist() for name in topics.column_names), strict=True))

    def rows(self, sentences: pa.Table, evidence: pa.Table) -> list[Row]:
        """Sorted by firm, theme, call and topic, sentences without a topic last.

        The firm comes first because parts follow each other in order of firms: the table is the same whatever the
        batches.
        """
        themes_of_sentence: dict[str, list[str]] = defaultdict(list)
        for sentence_id, theme_id in zip(
            *(evidence.column(name).to_pylist() for name in ("sentence_id", "theme_id")), strict=True
        ):
            if theme_id in self._themes:
                themes_of_sentence[sentence_id].append(theme_id)
        spoken: dict[tuple[str, str, str, int], list[Row]] = defaultdict(list)
        for sentence in sentences.select([*_OF_SENTENCE, *_OF_SPEAKER]).to_pylist():
            if sentence["firm_id"] in self._firms:
                for theme_id in themes_of_sentence.get(sentence["sentence_id"], ()):
                    place = sentence["firm_id"], theme_id, sentence["call_id"], sentence["local_topic_id"]
                    spoken[place].append(sentence)
        in_order = sorted(spoken, key=lambda place: (*place[:3], place[3] == NO_TOPIC, place[3]))
        return [self._row(*place, spoken[place]) for place in in_order]

    def _row(self, firm_id: str, theme_id: str, call_id: str, local_topic_id: int, spoken: list[Row]) -> Row:
        theme, firm, call = self._themes[theme_id], self._firms[firm_id], self._calls[call_id]
        topic_id = None if local_topic_id == NO_TOPIC else f"{firm_id}_{local_topic_id}"
        return {
            "theme_id": theme_id,
            "theme_name": theme["name"],
            "theme_description": theme["description"],
            "theme_keywords": theme["keywords"],
            **{name: value for name, value in firm.items() if name in _OF_FIRM},
            **{name: call[name] for name in _OF_CALL},
            "topic_id": topic_id,
            "topic_summary": None if topic_id is None else self._topic_names[topic_id],
            "sentences": [
                {
                    "sentence_id": sentence["sentence_id"],
                    "text": sentence["cleaned_text"],
                    **{name: sentence[name] for name in _OF_SPEAKER},
                    "position": sentence["position"],
                }
                for sentence in spoken
            ],
            "n_sentences": len(spoken),
            "quarter": theme["quarter"],
        }
