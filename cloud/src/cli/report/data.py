"""What a report shows of one quarter: read from the tables of an output folder, cut to what one page can carry.

What is cut lies in files beside the page (parts.py).

The folder has the S3 layout of ``cloud.src.contract.keys``. Nothing here knows about HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from cloud.src.cli.report.contents import Counts, Firm, Measured, ReportData, ReportTheme, ReportTopic, Sentence
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput

# A browser opens and searches a page of this size without delay.
MAX_PAGE_BYTES = 20_000_000
SHARE_OF_TOPICS = 0.4  # of the page at most, without their sentences
# What the page's JSON needs beside the texts. A sentence: speaker, section, date. A topic: ids, counts, field names.
# Beside both: which firms speak of a theme and how much, and which sentences count for it.
BYTES_BESIDE_SENTENCE = 60
BYTES_BESIDE_TOPIC = 130
BYTES_OF_FIRM_IN_THEME = 10
NEAREST_THEMES = 5
# Beside the tables themselves; what needs more is put on disk. With 5,000 firms it would take twice as much.
_DUCKDB: dict[str, Any] = {"memory_limit": "500MB", "threads": 2}

# The columns a report needs. Embeddings, for one, would double its time and memory.
_TABLES = {
    "firms": run_folder.columns(schemas.FIRM, "firm_id firm_name ticker sector earnings_call_date"),
    "topics": run_folder.columns(
        schemas.TOPIC,
        "topic_id firm_id local_topic_id theme_id summary naming_method keywords n_sentences"
        " representative_sentence_ids",
    ),
    "sentences": run_folder.columns(
        schemas.SENTENCE_TOPIC,
        "sentence_id firm_id local_topic_id transcript_id earnings_call_date section speaker_name speaker_type position"
        " raw_text says",
    ),
    "evidence": run_folder.columns(schemas.EVIDENCE, "sentence_id theme_id similarity"),
}


def load(folder: Path, quarter: str, max_page_bytes: int = MAX_PAGE_BYTES) -> ReportData:
    """Read a quarter's tables.

    Topics and sentences are kept as long as the page stays below about ``max_page_bytes``: topics of themes before
    others and large ones before small ones, and of sentences those that show a theme first, which are always kept, then
    the representative ones.

    Raises InvalidInput when a table is missing or damaged, or when topics, themes and firms are not of the same run.
    """
    with open_tables(folder, quarter) as tables:
        families, themes = _ranked(tables, "families"), _ranked(tables, "themes")
        topics = _topics(tables)
        firms = _firms(tables)
        _check_same_run(topics, folder / keys.themes(quarter), "theme", {theme.theme_id for theme in themes})
        _check_same_run(topics, folder / keys.firms(quarter), "firm", {firm.firm_id for firm in firms})
        _check_families(folder / keys.themes(quarter), families, themes)
        topics = _with_room(topics, round(max_page_bytes * SHARE_OF_TOPICS))
        on_page_topics = [topic for topic in topics if topic.on_page]
        tables.register("topics_on_page", pa.table({"topic_id": [topic.topic_id for topic in on_page_topics]}))
        on_page = _examples(tables, [*families, *themes])
        room = max_page_bytes - sum(map(_bytes_of, on_page_topics)) - _bytes_of_exposures(tables) - _bytes_in(on_page)
        _add_sentences(tables, topics, room)
        of_topics = {sentence.sentence_id: sentence for topic in topics for sentence in topic.sentences}
        room -= _bytes_in(of_topics)
        on_page |= of_topics
        on_page |= _more_evidence(tables, room)
        measured = _measured(tables, on_page, [*families, *themes])
        nearest = _nearest(run_folder.read_themes(folder, quarter, "theme_id centroid"))
        counts = _counts(tables, topics)
        return ReportData(quarter, counts, families, themes, firms, topics, measured, nearest)


@contextmanager
def open_tables(folder: Path, quarter: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables that a report is made of, under their names; ``families`` and ``themes`` are one each.

    Raises InvalidInput when one is missing or damaged.
    """
    with TemporaryDirectory(prefix="ftm-report-") as spill, duckdb.connect(config=_DUCKDB) as tables:
        tables.execute("SET temp_directory = $folder", {"folder": spill})
        for name, schema in _TABLES.items():
            tables.register(name, run_folder.read_table(folder, quarter, name, schema))
        columns = " ".join(field.name for field in fields(ReportTheme))
        for name, level in (("families", run_folder.FAMILY), ("themes", run_folder.THEME)):
            tables.register(name, run_folder.read_themes(folder, quarter, columns, level))
        yield tables


def _ranked(tables: duckdb.DuckDBPyConnection, level: str) -> list[ReportTheme]:
    # Numbers of more than three digits are longer, and come after the shorter ones.
    rows = tables.execute(f"SELECT * FROM {level} ORDER BY length(theme_id), theme_id")
    return [ReportTheme(**row) for row in _by_column(rows)]


def _firms(tables: duckdb.DuckDBPyConnection) -> list[Firm]:
    rows = tables.execute("""
        SELECT firm_id, firm_name AS name, ticker, sector, earnings_call_date AS call_date,
               coalesce(n_said, 0) AS n_said
        FROM firms LEFT JOIN (SELECT firm_id, count(*) FILTER (says) AS n_said FROM sentences GROUP BY firm_id)
             USING (firm_id)
        ORDER BY firm_name, firm_id
        """)
    return [Firm(**row) for row in _by_column(rows)]


def _topics(tables: duckdb.DuckDBPyConnection) -> list[ReportTopic]:
    rows = tables.execute("""
        SELECT topic_id, firm_id, theme_id, summary AS name, naming_method, keywords, n_sentences,
               len(representative_sentence_ids) AS n_representative
        FROM topics
        ORDER BY n_sentences DESC, topic_id
        """)
    return [ReportTopic(**row) for row in _by_column(rows)]


def _by_column(rows: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows as dictionaries: what is made of them has a field for each column."""
    columns = [name for name, *_ in rows.description or []]
    return [dict(zip(columns, row, strict=True)) for row in rows.fetchall()]


def _with_room(topics: list[ReportTopic], max_bytes: int) -> list[ReportTopic]:
    """The topics, each knowing whether the page has room for it."""
    kept, so_far = set(), 0
    for topic in sorted(topics, key=lambda topic: topic.theme_id is None):  # stable: the larger ones first
        so_far += _bytes_of(topic)
        if so_far > max_bytes:
            break
        kept.add(topic.topic_id)
    return [replace(topic, on_page=topic.topic_id in kept) for topic in topics]


def _bytes_of(topic: ReportTopic) -> int:
    """Return about how much of the page a topic takes without its sentences."""
    return BYTES_BESIDE_TOPIC + len(topic.name) + sum(len(keyword) + len('"",') for keyword in topic.keywords)


def _bytes_of_exposures(tables: duckdb.DuckDBPyConnection) -> int:
    """Return about how much of the page it takes to say which firm speaks of which theme."""
    pairs = tables.execute("""
        SELECT count(*) FROM (SELECT DISTINCT theme_id, firm_id FROM evidence JOIN sentences USING (sentence_id))
        """)
    [(n_pairs,)] = pairs.fetchall()
    return int(n_pairs) * BYTES_OF_FIRM_IN_THEME


def _add_sentences(tables: duckdb.DuckDBPyConnection, topics: list[ReportTopic], max_bytes: int) -> None:
    """Fill each topic's sentences: representative ones first, then in the order they were said.

    Topics take turns for the room on the page (first every topic's first sentence, then every second, ...), so that
    no topic is emptied for the sake of another.
    """
    rows = tables.execute(
        """
        WITH placed AS (
            SELECT topic_id, sentence_id, theme_id IS NOT NULL AS in_theme,
                   list_position(representative_sentence_ids, sentence_id) AS representative_place,
                   strlen(raw_text) + strlen(sentence_id) + $bytes_beside AS bytes,
                   row_number() OVER (
                       PARTITION BY topic_id
                       ORDER BY representative_place NULLS LAST, sentences.earnings_call_date, transcript_id, position
                   ) AS place
            FROM sentences JOIN topics USING (firm_id, local_topic_id) JOIN topics_on_page USING (topic_id)
        ), summed AS (
            SELECT topic_id, sentence_id, place,
                   sum(bytes) OVER (
                       ORDER BY representative_place IS NULL, in_theme DESC, place, topic_id
                   ) AS bytes_so_far
            FROM placed
        )
        SELECT topic_id, sentence_id, sentences.firm_id, raw_text AS text, speaker_name, speaker_type, section,
               earnings_call_date AS call_date
        FROM summed JOIN sentences USING (sentence_id)
        WHERE bytes_so_far <= $max_bytes
        ORDER BY topic_id, place
        """,
        {"bytes_beside": BYTES_BESIDE_SENTENCE, "max_bytes": max_bytes},
    )
    by_id = {topic.topic_id: topic for topic in topics}
    for row in _by_column(rows):
        by_id[row.pop("topic_id")].sentences.append(Sentence(**row))


def _bytes_in(sentences: dict[str, Sentence]) -> int:
    """Return about how much of the page sentences take."""
    return sum(len(each.text) + len(each.sentence_id) + BYTES_BESIDE_SENTENCE for each in sentences.values())


def _examples(tables: duckdb.DuckDBPyConnection, groups: list[ReportTheme]) -> dict[str, Sentence]:
    """The sentences that show the families and themes, by id: a page has them however little room there is."""
    wanted = {sentence_id for group in groups for sentence_id in group.evidence_sentence_ids}
    tables.register("examples", pa.table({"sentence_id": pa.array(sorted(wanted), pa.string())}))
    rows = tables.execute("""
        SELECT sentence_id, firm_id, raw_text AS text, speaker_name, speaker_type, section,
               earnings_call_date AS call_date
        FROM sentences JOIN examples USING (sentence_id)
        ORDER BY sentence_id
        """)
    return {row["sentence_id"]: Sentence(**row) for row in _by_column(rows)}


def _more_evidence(tables: duckdb.DuckDBPyConnection, max_bytes: int) -> dict[str, Sentence]:
    """The sentences that count for a theme or family and are in no topic, by id: as many as there is room for."""
    rows = tables.execute(
        """
        WITH wanted AS (
            SELECT sentence_id, max(similarity) AS similarity
            FROM evidence
            WHERE sentence_id IN (SELECT sentence_id FROM sentences WHERE local_topic_id = -1)
            GROUP BY sentence_id
        ), summed AS (
            SELECT sentence_id, sum(strlen(raw_text) + strlen(sentence_id) + $bytes_beside)
                                OVER (ORDER BY similarity DESC, sentence_id) AS bytes_so_far
            FROM wanted JOIN sentences USING (sentence_id)
        )
        SELECT sentence_id, firm_id, raw_text AS text, speaker_name, speaker_type, section,
               earnings_call_date AS call_date
        FROM summed JOIN sentences USING (sentence_id)
        WHERE bytes_so_far <= $max_bytes
        """,
        {"bytes_beside": BYTES_BESIDE_SENTENCE, "max_bytes": max_bytes},
    )
    return {row["sentence_id"]: Sentence(**row) for row in _by_column(rows)}


def _measured(
    tables: duckdb.DuckDBPyConnection, on_page: dict[str, Sentence], groups: list[ReportTheme]
) -> dict[str, Measured]:
    measured = {group.theme_id: Measured() for group in groups}
    counted = tables.execute("""
        SELECT theme_id, firm_id, count(*)
        FROM evidence JOIN sentences USING (sentence_id)
        GROUP BY ALL
        ORDER BY count(*) DESC, firm_id
        """)
    for theme_id, firm_id, n_sentences in counted.fetchall():
        if theme_id in measured:
            measured[theme_id].n_sentences[firm_id] = n_sentences
    tables.register("on_page", pa.table({"sentence_id": pa.array(on_page, pa.string())}))
    pairs = tables.execute("""
        SELECT theme_id, sentence_id
        FROM evidence JOIN on_page USING (sentence_id)
        ORDER BY similarity DESC, sentence_id
        """)
    for theme_id, sentence_id in pairs.fetchall():
        if theme_id in measured:
            measured[theme_id].evidence.append(on_page[sentence_id])
    return measured


def _nearest(themes: pa.Table) -> dict[str, list[str]]:
    """The ids of the themes that are most like each, by the cosine of their centroids."""
    ids = [str(theme_id) for theme_id in themes.column("theme_id").to_pylist()]
    if not ids:
        return {}
    centroids = np.array(themes.column("centroid").to_pylist(), dtype=np.float32)
    cosines = centroids @ centroids.T
    np.fill_diagonal(cosines, -np.inf)
    return {
        theme_id: [ids[other] for other in np.argsort(-row, kind="stable")[:NEAREST_THEMES] if other != number]
        for number, (theme_id, row) in enumerate(zip(ids, cosines, strict=True))
    }


def _counts(tables: duckdb.DuckDBPyConnection, topics: list[ReportTopic]) -> Counts:
    totals = tables.execute("""
        SELECT (SELECT count(*) FROM firms),
               count(DISTINCT (firm_id, transcript_id)),
               count(*),
               count(*) FILTER (WHERE local_topic_id = -1),
               (SELECT count(DISTINCT sentence_id) FROM evidence JOIN themes USING (theme_id))
        FROM sentences LEFT JOIN topics USING (firm_id, local_topic_id)
        """)
    [(firms, calls, sentences, without_topic, in_theme)] = totals.fetchall()
    on_page = sum(len(topic.sentences) for topic in topics)
    return Counts(firms, calls, sentences, without_topic, in_theme, on_page)


def _check_families(file: Path, families: list[ReportTheme], themes: list[ReportTheme]) -> None:
    """Raise InvalidInput when a theme is in no family: no reader would find it."""
    known = {family.theme_id for family in families}
    alone = [theme.theme_id for theme in themes if theme.family_id not in known]
    if alone:
        raise InvalidInput(f"{file} has no family of {alone[0]}: run the quarter again")


def _check_same_run(topics: list[ReportTopic], file: Path, kind: str, known: set[str]) -> None:
    """Raise InvalidInput when a topic belongs to a theme or firm (``kind``) that the file does not have."""
    named = {topic.theme_id if kind == "theme" else topic.firm_id for topic in topics}
    unknown = sorted(name for name in named if name is not None and name not in known)
    if unknown:
        raise InvalidInput(
            f"{file} has no {kind} {unknown[0]}, which topics belong to: the tables are of different runs,"
            " run the quarter again"
        )
